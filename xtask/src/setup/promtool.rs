//! promtool, which checks and tests the alert rules in deploy/.

use super::apt;
use crate::command;
use crate::repo::Repo;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// The program.
pub(crate) struct Promtool(PathBuf);

impl Promtool {
    /// Finds it, or unpacks Debian's package: installing that would start a Prometheus server.
    pub(crate) fn ensure(repo: &Repo) -> Result<Self> {
        if let Some(path) = command::find("promtool") {
            println!("promtool: {}", path.display());
            return Ok(Self(path));
        }
        let folder = repo.target.join("tools/prometheus");
        let path = folder.join("usr/bin/promtool");
        if !path.is_file() {
            apt::unpack("prometheus", &folder).context(
                "`promtool` is not on the search path: install Prometheus (on Debian and Ubuntu the package `prometheus`)",
            )?;
        }
        if !path.is_file() {
            bail!("the package prometheus did not bring `promtool`");
        }
        println!("promtool: {}", repo.shown(&path));
        Ok(Self(path))
    }

    /// Checks the example configuration and the rules, and runs the tests of the rules.
    pub(crate) fn check(&self, repo: &Repo) -> Result<()> {
        let folder = repo.root.join("deploy/prometheus");
        for arguments in [
            ["check", "config", "prometheus.yml"],
            ["check", "rules", "picket-alerts.yml"],
            ["test", "rules", "picket-alerts.test.yml"],
        ] {
            command::run(Command::new(&self.0).args(arguments).current_dir(&folder))?;
        }
        Ok(())
    }
}

//! Schemathesis, from the Python package index.

use crate::command;
use crate::repo::Repo;
use anyhow::{Context, Result};
use std::path::PathBuf;

/// What is installed. Another version installs again.
const PACKAGE: &str = "schemathesis==4.32.5";

const HOW_TO_GET_IT: &str = "the test of the service's API needs Python 3.10 or later with its venv module (on Debian and \
    Ubuntu: `sudo apt-get install python3 python3-venv`), with which schemathesis is installed";

/// What a fault is.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// The installed program.
pub(super) struct Schemathesis(PathBuf);

impl Schemathesis {
    /// Finds or installs it.
    pub(super) fn ensure(repo: &Repo) -> Result<Self> {
        install(repo).map(Self).context(HOW_TO_GET_IT)
    }

    /// Sends requests for so many seconds. The seed is fixed: a failure comes again.
    pub(super) fn run(&self, repo: &Repo, url: &str, seconds: u32) -> Result<()> {
        let folder = repo.target.join("service");
        command::run(
            repo.command(&self.0)
                // Its files go where it runs.
                .current_dir(&folder)
                .arg("run")
                .arg(format!("{url}/openapi.json"))
                .args(["--checks", CHECKS, "--seed", "7", "--workers", "2"])
                .args(["--max-time", &seconds.to_string()])
                .args(["--request-timeout", "30", "--suppress-health-check", "all"])
                // A stream ends when its task does.
                .args(["--exclude-path-regex", "/events$"]),
        )
    }
}

fn install(repo: &Repo) -> Result<PathBuf> {
    let venv = repo.target.join("servers/schemathesis");
    let program = venv.join("bin/schemathesis");
    // Written last: an install that was stopped is made again.
    let installed = venv.join("installed.txt");
    if std::fs::read_to_string(&installed).is_ok_and(|package| package == PACKAGE) {
        return Ok(program);
    }
    let system = command::find("python3").context("there is no python3")?;
    println!("installing {PACKAGE} into {}", repo.shown(&venv));
    command::run(repo.command(system).args(["-m", "venv"]).arg(&venv))?;
    command::run(
        repo.command(venv.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", PACKAGE]),
    )?;
    std::fs::write(&installed, PACKAGE).context("remembering what was installed")?;
    Ok(program)
}

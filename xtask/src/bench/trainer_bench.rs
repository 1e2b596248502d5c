//! Benches that a Python program runs on the trainer built in release.

use super::peers;
use crate::args::Args;
use crate::command;
use crate::repo::Repo;
use anyhow::{Result, bail};

/// One of them.
pub(crate) struct TrainerBench {
    /// The program, in `xtask/bench`.
    pub(crate) program: &'static str,
    /// Options with a value that are handed on.
    pub(crate) options: &'static [&'static str],
    /// Options without one.
    pub(crate) flags: &'static [&'static str],
    /// Whether it needs a folder to work in.
    pub(crate) works_in_a_folder: bool,
}

impl TrainerBench {
    pub(crate) fn run(&self, repo: &Repo, mut args: Args) -> Result<()> {
        let mut passed = Vec::new();
        for option in self.options {
            if let Some(value) = args.value::<String>(option)? {
                passed.extend([(*option).to_owned(), value]);
            }
        }
        for flag in self.flags {
            if args.flag(flag) {
                passed.push((*flag).to_owned());
            }
        }
        args.finish()?;
        let Some(data) = std::env::var_os("PICKET_DATA_DIR") else {
            bail!("set PICKET_DATA_DIR to a folder with phishing.csv and nsl-kdd.csv");
        };
        command::run(repo.cargo().args([
            "build",
            "--release",
            "--no-default-features",
            "--package",
            "picket-trainer",
        ]))?;
        let python = peers::python(repo)?;
        let mut program = repo.command(python);
        program
            .arg(format!("xtask/bench/{}", self.program))
            .arg("--data")
            .arg(data)
            .args(["--schemas", "schema/schemas", "--trainer"])
            .arg(repo.target.join("release/trainer"));
        if self.works_in_a_folder {
            program
                .arg("--work")
                .arg(repo.target.join("bench/training"));
        }
        command::run(program.args(passed))
    }
}

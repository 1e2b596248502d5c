//! `cargo xtask bench import`: runs xtask/bench/import_parity.py on the trainer built in release.

use super::peers;
use crate::args::Args;
use crate::command;
use crate::repo::Repo;
use anyhow::{Result, bail};

pub(crate) fn run(repo: &Repo, mut args: Args) -> Result<()> {
    let mut passed = Vec::new();
    for option in ["--json", "--only", "--rows", "--seed"] {
        if let Some(value) = args.value::<String>(option)? {
            passed.extend([option.to_owned(), value]);
        }
    }
    args.finish()?;
    let Some(data) = std::env::var_os("PICKET_DATA_DIR") else {
        bail!("set PICKET_DATA_DIR to a folder with phishing.csv and nsl-kdd.csv");
    };
    command::run(
        repo.cargo()
            .args(["build", "--release", "--package", "picket-trainer"]),
    )?;
    let python = peers::python(repo)?;
    command::run(
        repo.command(python)
            .arg("xtask/bench/import_parity.py")
            .arg("--data")
            .arg(data)
            .args(["--schemas", "schema/schemas", "--trainer"])
            .arg(repo.target.join("release/trainer"))
            .args(passed),
    )
}

//! The programs that Picket is measured beside, in a Python environment and a node folder of their own.

use crate::command;
use crate::repo::Repo;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;

/// Installs the peers once and gives the environment's Python.
pub(crate) fn python(repo: &Repo) -> Result<PathBuf> {
    let venv = repo.target.join("bench/venv");
    let python = venv.join("bin/python");
    let requirements = repo.root.join("xtask/bench/requirements.txt");
    let wanted = std::fs::read_to_string(&requirements).context("reading the peers' versions")?;
    // The list is kept beside what it installed: a changed list installs again.
    let installed = venv.join("installed.txt");
    if std::fs::read_to_string(&installed).is_ok_and(|list| list == wanted) {
        return Ok(python);
    }
    let Some(system) = command::find("python3") else {
        bail!("the peers need Python 3.11 or later: install python3 and python3-venv");
    };
    println!("installing the peers into {}", repo.shown(&venv));
    command::run(repo.command(system).args(["-m", "venv"]).arg(&venv))?;
    command::run(
        repo.command(&python)
            .args(["-m", "pip", "install", "--quiet", "--requirement"])
            .arg(&requirements),
    )?;
    std::fs::write(&installed, wanted).context("remembering what was installed")?;
    Ok(python)
}

/// Installs the peers that run in node once and gives the folder of their `package.json`.
pub(crate) fn node(repo: &Repo) -> Result<PathBuf> {
    let folder = repo.target.join("bench/node");
    let wanted = std::fs::read_to_string(repo.root.join("xtask/bench/package.json"))
        .context("reading the versions of the peers in node")?;
    let installed = folder.join("installed.json");
    if std::fs::read_to_string(&installed).is_ok_and(|list| list == wanted) {
        return Ok(folder);
    }
    let Some(npm) = command::find("npm") else {
        bail!("there is no npm: install Node.js 20 or later");
    };
    println!("installing the peers in node into {}", repo.shown(&folder));
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("package.json"), &wanted)?;
    command::run(
        repo.command(npm)
            .args([
                "install",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--silent",
                "--prefix",
            ])
            .arg(&folder),
    )?;
    std::fs::write(&installed, wanted).context("remembering what was installed")?;
    Ok(folder)
}

//! `cargo xtask fixtures`: writes the frozen artifacts again.

use crate::args::Args;
use crate::command;
use crate::repo::Repo;
use anyhow::Result;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;

pub(crate) const USAGE: &str = "\
cargo xtask fixtures

Writes the artifacts in schema/testdata again, each with rows and the scores they must get for ever. Until
the first release this is how a change of the format reaches them; after it they stay as they are.";

/// Where the fixtures of the current version are.
const FOLDER: &str = "schema/testdata/v1";

pub(crate) fn run(repo: &Repo, args: Args) -> Result<()> {
    args.finish()?;
    command::run(
        repo.cargo()
            .args([
                "run",
                "--release",
                "--no-default-features",
                "--package",
                "picket-trainer",
                "--",
            ])
            .args(["fixtures", "--out", FOLDER]),
    )?;
    let folder = repo.root.join(FOLDER);
    let mut list = BTreeMap::new();
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".picket") {
            let mut digest = String::new();
            for byte in Sha256::digest(std::fs::read(&path)?) {
                write!(digest, "{byte:02x}")?;
            }
            list.insert(name.into_owned(), digest);
        }
    }
    let mut lines = String::new();
    for (name, digest) in &list {
        writeln!(lines, "sha256:{digest}  {name}")?;
    }
    // A test holds the files against this list, so that none changes unseen.
    std::fs::write(folder.join("digests.txt"), lines)?;
    println!("{FOLDER}: {} fixtures", list.len());
    Ok(())
}

//! `cargo xtask fixtures`: writes the frozen artifacts again.

use crate::args::Args;
use crate::command;
use crate::repo::Repo;
use anyhow::Result;

pub(crate) const USAGE: &str = "\
cargo xtask fixtures

Writes the artifacts in schema/testdata again, each with rows and the scores they must get for ever. Until
the first release this is how a change of the format reaches them; after it they stay as they are.";

pub(crate) fn run(repo: &Repo, args: Args) -> Result<()> {
    args.finish()?;
    command::run(
        repo.cargo()
            .args(["run", "--release", "--package", "picket-trainer", "--"])
            .args(["fixtures", "--out", "schema/testdata/v1"]),
    )
}

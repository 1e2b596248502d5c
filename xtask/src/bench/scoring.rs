//! `cargo xtask bench scoring`.

use super::side_by_side;
use crate::args::Args;
use crate::repo::Repo;
use anyhow::Result;

/// `single` is one call a row, `batch` all rows in one call; `explain` a row's contributions, one call
/// a row, and `explain-batch` the contributions of all of them in one call.
const MODES: [&str; 4] = ["single", "batch", "explain", "explain-batch"];

pub(crate) fn run(repo: &Repo, args: Args) -> Result<()> {
    side_by_side::run(repo, args, "scoring", &MODES)
}

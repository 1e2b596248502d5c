//! `cargo xtask bench loading`.

use super::side_by_side;
use crate::args::Args;
use crate::repo::Repo;
use anyhow::Result;

/// `load` is from bytes to a ready scorer; `start` from nothing to the first score: instantiate, load
/// and score one row.
const MODES: [&str; 2] = ["load", "start"];

pub(crate) fn run(repo: &Repo, args: Args) -> Result<()> {
    side_by_side::run(repo, args, "loading", &MODES)
}

//! `cargo xtask bench`: measurements, one file each.

use crate::args::Args;
use crate::repo::Repo;
use anyhow::{Result, bail};

pub(crate) const USAGE: &str = "\
cargo xtask bench NAME

There are no benches yet.";

pub(crate) fn run(_repo: &Repo, args: Args) -> Result<()> {
    match args.rest()?.first() {
        None => println!("{USAGE}"),
        Some(name) => bail!("there is no bench `{name}`\n\n{USAGE}"),
    }
    Ok(())
}

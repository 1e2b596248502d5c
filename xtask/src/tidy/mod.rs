//! `cargo xtask tidy`: the project's own checks. Each is a function from what it looks at to
//! findings, so that its test shows it a fault without touching the disk.

mod arrows;
mod deploy;
mod format_digest;
mod manifests;
mod named_paths;
mod rust_source;
mod tree;
mod workflows;

use crate::args::Args;
use crate::repo::Repo;
use anyhow::{Result, bail};
use tree::Tree;

pub(crate) const USAGE: &str = "\
cargo xtask tidy [--bless]

  arrows     who may depend on whom, among the rooms and beyond them
  manifests  every crate takes the workspace's lints
  deploy     metrics, alerts and panels in deploy/ are those of the code, and every alert has a test
  digest     schema/SPEC.md carries the digest of the sources it describes
  paths      every path that README.md and ARCHITECTURE.md name is there
  tree       no long files, vague names, data or generated files in git
  source     every allow has a reason; no unsafe code outside the list
  workflows  actions pinned by commit, read-only permissions

--bless writes the digest again, once SPEC.md says what the sources now do.";

/// Something that is not as promised.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    place: String,
    what: String,
}

impl Finding {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
        }
    }
}

pub(crate) fn run(repo: &Repo, mut args: Args) -> Result<()> {
    let bless = args.flag("--bless");
    args.finish()?;
    let tree = Tree::read(repo)?;
    if bless {
        format_digest::bless(repo, &tree)?;
    }
    let checks = [
        ("arrows", arrows::check(&repo.metadata)),
        ("manifests", manifests::check(&tree)),
        ("deploy", deploy::check(&tree)),
        ("digest", format_digest::check(&tree)),
        ("paths", named_paths::check(&tree)),
        ("tree", tree::check(&tree)),
        ("source", rust_source::check(&tree)),
        ("workflows", workflows::check(&tree)),
    ];
    let mut n_findings = 0;
    for (name, findings) in &checks {
        for Finding { place, what } in findings {
            println!("{name}: {place}: {what}");
        }
        n_findings += findings.len();
    }
    if n_findings > 0 {
        bail!("{n_findings} findings");
    }
    println!(
        "{} checks over {} files: nothing found",
        checks.len(),
        tree.files.len()
    );
    Ok(())
}

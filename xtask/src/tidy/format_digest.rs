//! The written format and its sources move together: schema/SPEC.md carries the digest of the
//! files it describes, so that whoever changes them has to open it.

use super::Finding;
use super::tree::Tree;
use crate::repo::Repo;
use anyhow::{Context, Result, anyhow};
use sha2::{Digest, Sha256};
use std::fmt::Write;

const SPEC: &str = "schema/SPEC.md";
const SOURCES: &str = "format-sources:";
const DIGEST: &str = "format-digest:";

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(spec) = tree.text(SPEC) else {
        return vec![Finding::new(SPEC, "is missing")];
    };
    let expected = match digest(tree, spec) {
        Ok(digest) => digest,
        Err(error) => return vec![Finding::new(SPEC, format!("{error:#}"))],
    };
    match value(spec, DIGEST) {
        Some(stated) if stated == expected => Vec::new(),
        stated => vec![Finding::new(
            SPEC,
            format!(
                "its sources have changed: read SPEC.md, update it, then run `cargo xtask tidy \
                 --bless` (stated {}, found {expected})",
                stated.unwrap_or("nothing")
            ),
        )],
    }
}

/// Writes the digest of today's sources into SPEC.md and into the tree.
pub(crate) fn bless(repo: &Repo, tree: &Tree) -> Result<()> {
    let spec = tree
        .text(SPEC)
        .with_context(|| format!("there is no {SPEC}"))?;
    let line = format!("{DIGEST} {}", digest(tree, spec)?);
    let blessed = match value(spec, DIGEST) {
        Some(stated) => spec.replace(&format!("{DIGEST} {stated}"), &line),
        None => format!("{}\n{line}\n", spec.trim_end()),
    };
    std::fs::write(repo.root.join(SPEC), blessed).with_context(|| format!("writing {SPEC}"))?;
    println!("{SPEC}: {line}");
    Ok(())
}

/// The digest of the listed files, in the order of their paths. An entry that ends in `/` stands
/// for every file below it.
fn digest(tree: &Tree, spec: &str) -> Result<String> {
    let listed = value(spec, SOURCES)
        .with_context(|| format!("has no line `{SOURCES} PATH ...` that says what it describes"))?;
    let mut paths = Vec::new();
    for entry in listed
        .split([' ', ','])
        .map(|entry| entry.trim_matches('`'))
    {
        let before = paths.len();
        paths.extend(
            tree.files
                .keys()
                .filter(|path| *path == entry || (entry.ends_with('/') && path.starts_with(entry))),
        );
        if paths.len() == before && !entry.is_empty() {
            return Err(anyhow!("lists {entry}, which is not there"));
        }
    }
    paths.sort();
    paths.dedup();
    let mut hasher = Sha256::new();
    for path in paths {
        hasher.update(&tree.files[path]);
    }
    let mut digest = "sha256:".to_owned();
    for byte in hasher.finalize() {
        write!(digest, "{byte:02x}")?;
    }
    Ok(digest)
}

/// What stands after the key, on a line of its own.
fn value<'s>(spec: &'s str, key: &str) -> Option<&'s str> {
    spec.lines()
        .find_map(|line| line.strip_prefix(key))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn tree(spec: &str) -> Tree {
        Tree::of(&[
            (SPEC, spec),
            ("schema/src/b.rs", "bc"),
            ("schema/src/a.rs", "a"),
        ])
    }

    #[test]
    fn the_digest_of_the_sorted_bytes_passes() {
        for sources in [
            "schema/src/b.rs schema/src/a.rs",
            "`schema/src/`",
            "schema/src/a.rs, schema/src/",
        ] {
            let spec = format!("# Spec\nformat-sources: {sources}\nformat-digest: {ABC}\n");
            assert_eq!(check(&tree(&spec)), []);
        }
    }

    #[test]
    fn a_changed_source_is_found() {
        let spec = format!("format-sources: schema/src/a.rs\nformat-digest: {ABC}\n");
        let findings = check(&tree(&spec));
        assert!(findings[0].what.contains("--bless"), "{findings:?}");
    }

    #[test]
    fn missing_lines_and_files_are_found() {
        assert_eq!(check(&tree("# Spec\n")).len(), 1);
        assert_eq!(check(&tree("format-sources: schema/src/\n")).len(), 1);
        let findings = check(&tree("format-sources: schema/src/gone.rs\n"));
        assert!(findings[0].what.contains("gone.rs"), "{findings:?}");
        assert_eq!(check(&Tree::of(&[])).len(), 1);
    }
}

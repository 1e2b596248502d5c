//! The files of the repository, and what may not be among them.

use super::Finding;
use crate::command;
use crate::repo::Repo;
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const MAX_LINES: usize = 500;

/// Names that say nothing about what is inside.
const VAGUE_NAMES: [&str; 6] = ["util", "utils", "helper", "helpers", "misc", "common"];

/// Tables of data: they are big, and their licences are not ours to pass on.
const DATA_ENDINGS: [&str; 6] = ["csv", "tsv", "parquet", "arff", "npy", "ndjson"];

/// The tracked files, and those that are new and not ignored.
pub(crate) struct Tree {
    /// Contents by path from the root, with `/` on every system.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// Tracked although .gitignore names them: made by a tool and committed by mistake.
    generated: BTreeSet<String>,
    /// Folders that .gitignore names, as `www/pkg`.
    pub(crate) ignored: Vec<String>,
}

impl Tree {
    pub(crate) fn read(repo: &Repo) -> Result<Self> {
        let list = |arguments: &[&str]| -> Result<Vec<String>> {
            let output =
                command::capture(repo.command("git").args(["ls-files", "-z"]).args(arguments))
                    .context("tidy looks at what git tracks")?;
            Ok(output.split_terminator('\0').map(str::to_owned).collect())
        };
        let mut files = BTreeMap::new();
        for path in list(&["--cached", "--others", "--exclude-standard"])? {
            let on_disk = repo.root.join(&path);
            // A file that was just deleted is still in the index.
            if on_disk.is_file() {
                let bytes = std::fs::read(&on_disk).with_context(|| format!("reading {path}"))?;
                files.insert(path, bytes);
            }
        }
        let ignored = std::fs::read_to_string(repo.root.join(".gitignore")).unwrap_or_default();
        Ok(Self {
            files,
            generated: list(&["--cached", "--ignored", "--exclude-standard"])?
                .into_iter()
                .collect(),
            ignored: ignored
                .lines()
                .map(|line| line.trim_matches('/').to_owned())
                .collect(),
        })
    }

    /// The text of a file; `None` where there is none or it is not UTF-8.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files
            .get(path)
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// Paths and texts of the files that end so.
    pub(crate) fn texts<'t>(&'t self, ending: &'t str) -> impl Iterator<Item = (&'t str, &'t str)> {
        self.files
            .keys()
            .filter(move |path| path.ends_with(ending))
            .filter_map(|path| self.text(path).map(|text| (path.as_str(), text)))
    }

    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self {
            files: files
                .iter()
                .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
                .collect(),
            generated: BTreeSet::new(),
            ignored: vec!["target".to_owned(), "www/pkg".to_owned()],
        }
    }
}

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut found = |path: &str, what: String| findings.push(Finding::new(path, what));
    for (path, bytes) in &tree.files {
        let name = Path::new(path);
        let ending = name
            .extension()
            .and_then(|end| end.to_str())
            .unwrap_or_default();
        let stem = name
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();

        let n_lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        if ["rs", "js", "css", "html"].contains(&ending) && n_lines > MAX_LINES {
            found(
                path,
                format!("{n_lines} lines, more than {MAX_LINES}: split it"),
            );
        }
        let folders = name.parent().into_iter().flat_map(Path::components);
        let vague = folders
            .filter_map(|folder| folder.as_os_str().to_str())
            .chain([stem])
            .find(|word| VAGUE_NAMES.contains(word));
        if let Some(word) = vague {
            found(
                path,
                format!("`{word}` does not say what is inside: name it after its noun"),
            );
        }
        if DATA_ENDINGS.contains(&ending) && !path.starts_with("schema/testdata/") {
            found(
                path,
                "data files live in schema/testdata or outside the repository".to_owned(),
            );
        }
        if tree.generated.contains(path) {
            found(
                path,
                "generated (.gitignore names it): take it out of git".to_owned(),
            );
        }
        if path.starts_with("www/") && !["png", "woff2", "ico"].contains(&ending) {
            if std::str::from_utf8(bytes).is_err() {
                found(path, "not UTF-8".to_owned());
            }
            if bytes.starts_with(b"\xef\xbb\xbf") {
                found(path, "starts with a byte order mark".to_owned());
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::of(files))
            .into_iter()
            .map(|finding| finding.place)
            .collect()
    }

    #[test]
    fn good_files_pass() {
        let files = [
            ("a/src/lib.rs", "//! Good.\n"),
            ("schema/testdata/v1/rows.csv", "1\n"),
        ];
        assert!(places(&files).is_empty());
    }

    #[test]
    fn long_files_are_found() {
        let long = "x\n".repeat(MAX_LINES + 1);
        assert_eq!(
            places(&[("a.rs", &long), ("a.css", &long), ("a.md", &long)]),
            ["a.css", "a.rs"]
        );
    }

    #[test]
    fn vague_names_are_found() {
        let files = [
            ("a/helpers.rs", ""),
            ("a/utils/row.rs", ""),
            ("a/utility.rs", ""),
        ];
        assert_eq!(places(&files), ["a/helpers.rs", "a/utils/row.rs"]);
    }

    #[test]
    fn data_files_are_found() {
        assert_eq!(
            places(&[("trainer/phishing.csv", "1\n")]),
            ["trainer/phishing.csv"]
        );
    }

    #[test]
    fn generated_files_are_found() {
        let mut tree = Tree::of(&[("www/pkg/picket.js", "")]);
        tree.generated.insert("www/pkg/picket.js".to_owned());
        assert_eq!(check(&tree).len(), 1);
    }

    #[test]
    fn the_page_is_utf_8_without_a_mark() {
        let mut tree = Tree::of(&[("www/a.js", "\u{feff}let x;"), ("www/b.js", "let é;")]);
        tree.files.insert("www/c.js".to_owned(), vec![0xff]);
        let places: Vec<String> = check(&tree)
            .into_iter()
            .map(|finding| finding.place)
            .collect();
        assert_eq!(places, ["www/a.js", "www/c.js"]);
    }
}

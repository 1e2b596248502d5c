//! Paths that the documents name are there.

use super::Finding;
use super::tree::Tree;

const DOCUMENTS: [&str; 4] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
];

/// Endings by which a word without a slash is taken for a file.
const FILE_ENDINGS: [&str; 10] = [
    ".rs", ".toml", ".md", ".js", ".css", ".html", ".wit", ".yml", ".py", ".csv",
];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for document in DOCUMENTS {
        let Some(text) = tree.text(document) else {
            findings.push(Finding::new(document, "is missing"));
            continue;
        };
        for (line_number, span) in code_spans(text) {
            if looks_like_a_path(tree, span) && !is_there(tree, span) {
                let place = format!("{document}:{line_number}");
                findings.push(Finding::new(place, format!("there is no `{span}`")));
            }
        }
    }
    findings
}

/// What stands in single backticks outside fenced blocks, with its line number.
fn code_spans(text: &str) -> Vec<(usize, &str)> {
    let mut spans = Vec::new();
    let mut fenced = false;
    for (idx, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            spans.extend(
                line.split('`')
                    .skip(1)
                    .step_by(2)
                    .map(|span| (idx + 1, span)),
            );
        }
    }
    spans
}

fn looks_like_a_path(tree: &Tree, span: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let hidden = span.starts_with(".ci/") || span.starts_with(".github/");
    if span.starts_with(['/', '-', '.']) && !hidden {
        return false;
    }
    if span.is_empty() || !span.chars().all(plain) {
        return false;
    }
    let is_file = FILE_ENDINGS
        .iter()
        .any(|ending| span.ends_with(ending) && span != *ending);
    match span.split_once('/') {
        // `application/json` is no path; `schema/gone` and `gone/` are.
        Some((first, rest)) => hidden || is_file || rest.is_empty() || is_folder(tree, first),
        None => is_file,
    }
}

fn is_there(tree: &Tree, span: &str) -> bool {
    let path = span.trim_end_matches('/');
    let generated = tree.ignored.iter().any(|ignored| {
        !ignored.is_empty()
            && (path == ignored
                || path.starts_with(&format!("{ignored}/"))
                || ignored.ends_with(&format!("/{path}")))
    });
    // A document may name a file from its room: `src/browser.rs`.
    let from_its_room = format!("/{path}");
    generated
        || is_folder(tree, path)
        || tree
            .files
            .keys()
            .any(|file| file == path || file.ends_with(&from_its_room))
}

fn is_folder(tree: &Tree, path: &str) -> bool {
    let below = format!("{path}/");
    tree.files.keys().any(|file| file.starts_with(&below))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(readme: &str) -> Vec<String> {
        let tree = Tree::of(&[
            ("README.md", readme),
            ("ARCHITECTURE.md", ""),
            ("CONTRIBUTING.md", ""),
            ("SECURITY.md", ""),
            ("schema/SPEC.md", ""),
            ("wasm-model/src/browser.rs", ""),
        ]);
        check(&tree)
            .into_iter()
            .map(|finding| format!("{} {}", finding.place, finding.what))
            .collect()
    }

    #[test]
    fn what_is_there_passes() {
        let good = "`schema/`, `schema/SPEC.md`, `src/browser.rs`, `browser.rs`, `wasm-model/src`, \
                    `www/pkg/`, `pkg/`, `target/wasm/picket-scorer.wasm`";
        assert!(found(good).is_empty(), "{:?}", found(good));
    }

    #[test]
    fn what_is_no_path_passes() {
        let good = "`application/json`, `/predict`, `--data`, `wasi:http`, `a <= b`, `cargo xtask`\n\
                    ```\n`gone/file.rs`\n```\n";
        assert!(found(good).is_empty(), "{:?}", found(good));
    }

    #[test]
    fn what_is_gone_is_found() {
        for gone in [
            "`schema/gone`",
            "`gone/`",
            "`gone.rs`",
            "`old/src/lib.rs`",
            "`.ci/gone`",
        ] {
            assert_eq!(found(&format!("\nSee {gone}.")).len(), 1, "{gone}");
        }
        assert!(found("\nSee `gone.rs`.")[0].starts_with("README.md:2 "));
    }
}

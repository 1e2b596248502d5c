//! Rules for Rust sources that the compiler does not hold.

use super::Finding;
use super::tree::Tree;

/// Files that may hold unsafe code. Each new one is a decision to be read in its review.
const UNSAFE_FILES: [&str; 4] = [
    // Steps through tables whose bounds were proved when they were finished: half of the work on deep trees.
    "wasm-model/kernels/src/tails.rs",
    "wasm-model/kernels/src/tail_node.rs",
    "wasm-model/kernels/src/exit_masks.rs",
    // The exported names of the module that the benches time; no unsafe block.
    "xtask/bench-scorer/src/exports.rs",
];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts(".rs") {
        for (idx, attribute) in attributes(text) {
            if silences(&attribute) && !attribute.contains("reason") {
                findings.push(Finding::new(
                    format!("{path}:{}", idx + 1),
                    "an allow without `reason = \"…\"`",
                ));
            }
        }
        if UNSAFE_FILES.contains(&path) {
            continue;
        }
        for (idx, line) in text.lines().enumerate() {
            if has_unsafe(line) {
                findings.push(Finding::new(
                    format!("{path}:{}", idx + 1),
                    "unsafe code in a file that is not on the list in rust_source.rs",
                ));
            }
        }
    }
    findings
}

/// Attributes that start a line, whole, with the index of that line.
fn attributes(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut attributes = Vec::new();
    for (idx, line) in lines.iter().enumerate() {
        if line.starts_with("#[") || line.starts_with("#![") {
            let mut attribute = String::new();
            for part in &lines[idx..] {
                attribute.push_str(part);
                if attribute.matches('[').count() <= attribute.matches(']').count() {
                    break;
                }
            }
            attributes.push((idx, attribute));
        }
    }
    attributes
}

fn silences(attribute: &str) -> bool {
    ["allow(", "expect("].iter().any(|verb| {
        attribute.split(verb).next().is_some_and(|before| {
            before.len() < attribute.len() && before.ends_with(['[', ' ', ','])
        })
    })
}

/// Whether code on this line opens something unsafe; comments and strings do not count.
fn has_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    // Even parts lie outside quotes. A quote in a character literal misleads this; such a line
    // would have to hold unsafe code as well to be missed.
    code.split('"').step_by(2).any(|part| {
        part.split("unsafe")
            .zip(part.split("unsafe").skip(1))
            .any(|(before, after)| {
                let starts_a_word =
                    !before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
                let opens = ["{", "(", "fn ", "impl ", "impl<", "trait ", "extern "]
                    .iter()
                    .any(|opener| after.trim_start().starts_with(opener));
                starts_a_word && (opens || after.trim().is_empty())
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<String> {
        check(&Tree::of(&[("a.rs", text)]))
            .into_iter()
            .map(|finding| finding.place)
            .collect()
    }

    #[test]
    fn an_allow_needs_a_reason() {
        let attribute = |inside: &str| format!("fn a() {{}}\n#[{inside}]\nfn b() {{}}\n");
        assert_eq!(places(&attribute("allow(dead_code)")), ["a.rs:2"]);
        assert_eq!(
            places(&attribute("cfg_attr(test, allow(dead_code))")),
            ["a.rs:2"]
        );
        assert_eq!(places(&attribute("expect(\n    dead_code,\n)")), ["a.rs:2"]);
        assert!(
            places(&attribute(
                "allow(dead_code, reason = \"the other host calls it\")"
            ))
            .is_empty()
        );
        assert!(places(&attribute("expect(\n    dead_code,\n    reason = \"x\"\n)")).is_empty());
        assert!(places(&attribute("derive(Debug)")).is_empty());
    }

    #[test]
    fn unsafe_code_is_found_and_its_mention_is_not() {
        assert_eq!(places("fn a() {\n    unsafe { b() }\n}\n"), ["a.rs:2"]);
        assert_eq!(places("unsafe impl Send for A {}\n"), ["a.rs:1"]);
        assert_eq!(places("#[unsafe(no_mangle)]\n"), ["a.rs:1"]);
        assert!(places("// no unsafe {\nno unsafe code\nlet is_unsafe = 1;\n").is_empty());
        assert!(places("// no unsafe here\nlet a = \"unsafe\";\ndeny(unsafe_code)\n").is_empty());
    }
}

//! Workflows run what was reviewed, with as few rights as they need.

use super::Finding;
use super::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let workflows = tree.texts(".yml").chain(tree.texts(".yaml"));
    for (path, text) in workflows.filter(|(path, _)| path.starts_with(".github/workflows/")) {
        for (idx, line) in text.lines().enumerate() {
            let step = line.trim().trim_start_matches("- ");
            if let Some(action) = step.strip_prefix("uses:")
                && !is_pinned(action.split('#').next().unwrap_or_default().trim())
            {
                let place = format!("{path}:{}", idx + 1);
                findings.push(Finding::new(
                    place,
                    "an action that is not pinned by its commit",
                ));
            }
        }
        if !text.contains("\npermissions:\n  contents: read\n") {
            findings.push(Finding::new(
                path,
                "lacks the top-level `permissions: contents: read`",
            ));
        }
        if text
            .lines()
            .any(|line| line.trim_end().ends_with(": write"))
        {
            findings.push(Finding::new(path, "gives itself write access"));
        }
        if text.contains("pull_request_target") {
            findings.push(Finding::new(
                path,
                "pull_request_target runs strangers' code with rights",
            ));
        }
    }
    findings
}

/// `owner/name@` and forty hexadecimal digits, or an action of this repository.
fn is_pinned(action: &str) -> bool {
    action.starts_with("./")
        || action.split_once('@').is_some_and(|(_, commit)| {
            commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "name: ci\npermissions:\n  contents: read\njobs:\n  a:\n    steps:\n      \
        - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0\n      \
        - name: own\n        uses: ./.github/actions/own\n";

    fn n_findings(text: &str) -> usize {
        check(&Tree::of(&[(".github/workflows/ci.yml", text)])).len()
    }

    #[test]
    fn pinned_and_read_only_passes() {
        assert_eq!(n_findings(GOOD), 0);
    }

    #[test]
    fn tags_and_branches_are_found() {
        let pin = "08c6903cd8c0fde910a37f88322edcfb5dd907a8";
        assert_eq!(n_findings(&GOOD.replace(pin, "v5")), 1);
        assert_eq!(n_findings(&GOOD.replace(pin, "08c6903")), 1);
    }

    #[test]
    fn rights_are_found() {
        assert_eq!(
            n_findings(&GOOD.replace("permissions:\n  contents: read\n", "")),
            1
        );
        assert_eq!(
            n_findings(&GOOD.replace("contents: read\n", "contents: write\n")),
            2
        );
        assert_eq!(n_findings(&format!("on: pull_request_target\n{GOOD}")), 1);
    }
}

//! deploy/: every metric that rules and panels name is one that the code exports, every alert has a test, and the Grafana
//! dashboard is built as Grafana reads it.

use super::Finding;
use super::tree::Tree;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

const RULES: &str = "deploy/prometheus/picket-alerts.yml";
const TESTS: &str = "deploy/prometheus/picket-alerts.test.yml";
const GRAFANA: &str = "deploy/grafana/picket.json";
const PREFIX: &str = "picket_";
/// The width of Grafana's grid.
const COLUMNS: u64 = 24;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = metrics(tree);
    findings.extend(alerts(tree));
    findings.extend(dashboard(tree));
    findings
}

/// The metric names in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c: char| !is_part(c));
    words
        .filter(|word| word.starts_with(PREFIX) && word.len() > PREFIX.len())
        .collect()
}

/// Whether a file exports metrics: of the servers, and no test.
fn exports(path: &str) -> bool {
    let is_server = path.starts_with("edge-runtime/") || path.starts_with("trainer/src/");
    let is_test =
        path.contains("/tests/") || path.ends_with("_test.rs") || path.ends_with("/tests.rs");
    let is_rust = Path::new(path).extension().is_some_and(|it| it == "rs");
    is_server && is_rust && !is_test
}

fn metrics(tree: &Tree) -> Vec<Finding> {
    let mut known = BTreeSet::new();
    for path in tree.files.keys().filter(|path| exports(path)) {
        known.extend(names(tree.text(path).unwrap_or_default()));
    }
    let mut findings = Vec::new();
    for path in tree.files.keys().filter(|path| path.starts_with("deploy/")) {
        for name in names(tree.text(path).unwrap_or_default()) {
            if !known.contains(name) {
                findings.push(Finding::new(path, format!("no server exports {name}")));
            }
        }
    }
    findings
}

fn after<'t>(line: &'t str, key: &str) -> Option<&'t str> {
    let (_, rest) = line.split_once(key)?;
    let end = rest.find([',', ' ', '}']).unwrap_or(rest.len());
    Some(&rest[..end])
}

fn alerts(tree: &Tree) -> Vec<Finding> {
    let (Some(rules), Some(tests)) = (tree.text(RULES), tree.text(TESTS)) else {
        return Vec::new();
    };
    let mut fired = BTreeSet::new();
    let mut last = None;
    for line in tests.lines() {
        last = after(line, "alertname: ").or(last);
        // Where one fires its labels are said; an empty list says that it does not.
        if line.contains("exp_labels:") {
            fired.extend(last);
        }
    }
    let names = rules.lines().filter_map(|line| after(line, "- alert: "));
    names
        .filter(|name| !fired.contains(name))
        .map(|name| Finding::new(RULES, format!("no test shows {name} firing")))
        .collect()
}

fn dashboard(tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.text(GRAFANA) else {
        return Vec::new();
    };
    let wrong = |what: String| Finding::new(GRAFANA, what);
    let Ok(dashboard) = serde_json::from_str::<Value>(text) else {
        return vec![wrong("not JSON".to_owned())];
    };
    let mut findings = Vec::new();
    for key in ["title", "uid"] {
        if dashboard[key].as_str().is_none_or(str::is_empty) {
            findings.push(wrong(format!("{key}: expected a text")));
        }
    }
    if dashboard["schemaVersion"].as_u64().is_none_or(|it| it < 36) {
        findings.push(wrong("schemaVersion: expected 36 or more".to_owned()));
    }
    let panels = dashboard["panels"].as_array().cloned().unwrap_or_default();
    let mut ids = BTreeSet::new();
    let mut cells = BTreeSet::new();
    for panel in &panels {
        let title = panel["title"].as_str().unwrap_or_default();
        let wrong = |what: &str| wrong(format!("panel `{title}`: {what}"));
        if title.is_empty() || !ids.insert(panel["id"].as_u64()) {
            findings.push(wrong("expected a title and an id of its own"));
        }
        let grid = |key: &str| panel["gridPos"][key].as_u64();
        let (Some(x), Some(y), Some(w), Some(h)) = (grid("x"), grid("y"), grid("w"), grid("h"))
        else {
            findings.push(wrong("expected gridPos with x, y, w, h"));
            continue;
        };
        let mut area = (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y)));
        if x + w > COLUMNS || !area.all(|cell| cells.insert(cell)) {
            findings.push(wrong("it lies over another, or beyond the grid"));
        }
        if panel["type"] == "row" {
            continue;
        }
        if !matches!(panel["type"].as_str(), Some("timeseries" | "stat")) {
            findings.push(wrong("expected a row, stat or timeseries"));
        }
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        let is_good = |target: &Value| {
            let expression = target["expr"].as_str().unwrap_or_default();
            let balanced = expression.matches('(').count() == expression.matches(')').count();
            !expression.is_empty()
                && balanced
                && target["datasource"]["uid"] == "${datasource}"
                && target["refId"].is_string()
        };
        if targets.is_empty()
            || !targets.iter().all(is_good)
            || panel["description"].as_str().is_none_or(str::is_empty)
        {
            findings.push(wrong(
                "expected a description, and targets with expr, refId and the datasource",
            ));
        }
    }
    if panels.is_empty() {
        findings.push(wrong("no panels".to_owned()));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(tree: &Tree) -> Vec<String> {
        check(tree)
            .into_iter()
            .map(|finding| finding.what)
            .collect()
    }

    #[test]
    fn a_metric_that_no_server_exports_is_found() {
        let code = "fn write() { total(\"picket_spool_bytes\"); }";
        let tree = Tree::of(&[
            ("edge-runtime/src/a.rs", code),
            ("edge-runtime/src/a_test.rs", "\"picket_old_total\""),
            (
                "deploy/prometheus/x.yml",
                "expr: picket_spool_bytes / picket_old_total > picket_new",
            ),
        ]);
        assert_eq!(
            places(&tree),
            [
                "no server exports picket_new",
                "no server exports picket_old_total"
            ]
        );
    }

    #[test]
    fn an_alert_that_no_test_shows_firing_is_found() {
        let rules = "- alert: A\n  expr: up\n- alert: B\n  expr: up\n- alert: C\n";
        let tests = "- { eval_time: 1m, alertname: B, exp_alerts: [] }\n- eval_time: 1m\n  alertname: A\n  exp_alerts:\n    - exp_labels: { x: y }\n";
        let tree = Tree::of(&[(RULES, rules), (TESTS, tests)]);
        assert_eq!(
            places(&tree),
            ["no test shows B firing", "no test shows C firing"]
        );
    }

    #[test]
    fn panels_that_lie_over_each_other_or_ask_nothing_are_found() {
        let panel = |id: u64, x: u64, expr: &str| {
            serde_json::json!({"id": id, "type": "stat", "title": format!("p{id}"), "description": "d",
                "gridPos": {"x": x, "y": 0, "w": 8, "h": 4},
                "targets": [{"expr": expr, "refId": "A", "datasource": {"uid": "${datasource}"}}]})
        };
        let dashboard = |panels: Vec<Value>| {
            serde_json::json!({"title": "t", "uid": "u", "schemaVersion": 39, "panels": panels})
                .to_string()
        };
        let good = dashboard(vec![panel(1, 0, "up"), panel(2, 8, "sum(up)")]);
        assert_eq!(places(&Tree::of(&[(GRAFANA, &good)])), [""; 0]);
        for panels in [
            vec![panel(1, 0, "up"), panel(2, 4, "up")],
            vec![panel(1, 20, "up")],
            vec![panel(1, 0, "")],
            vec![panel(1, 0, "sum(up")],
            vec![panel(1, 0, "up"), panel(1, 8, "up")],
            vec![],
        ] {
            let text = dashboard(panels);
            assert_eq!(places(&Tree::of(&[(GRAFANA, &text)])).len(), 1, "{text}");
        }
    }
}

//! `trainer validate` says what is wrong with rows, and closes its gate.

use std::path::Path;

use serde_json::Value;

use crate::bench_rows::Bench;
use crate::run::{json_of, run, schema, text, trainer};

/// Runs the command and gives its exit code and its report.
fn validate(data: &Path, schema: &Path, more: &[&str]) -> (Option<i32>, Value) {
    let base = [
        "validate",
        "--data",
        text(data),
        "--schema",
        text(schema),
        "--json",
    ];
    let output = trainer(&[&base, more].concat()).output().unwrap();
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), report)
}

/// The finding of a rule about a column.
fn finding<'r>(report: &'r Value, rule: &str, column: &str) -> Option<&'r Value> {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().find(|finding| {
        finding["rule"] == rule && finding["column"].as_str().unwrap_or_default() == column
    })
}

#[track_caller]
fn assert_finding(report: &Value, severity: &str, rule: &str, column: &str, count: u64) {
    let found = finding(report, rule, column)
        .unwrap_or_else(|| panic!("no {rule} of {column:?}: {report:#}"));
    assert_eq!(found["severity"], severity, "{found}");
    assert_eq!(found["count"], count, "{found}");
}

#[test]
fn good_rows_pass_and_are_described() {
    let bench = Bench::new(400);
    let report = bench.path("report.json");
    let schema = schema("phishing.toml");
    let (code, found) = validate(&bench.rows, &schema, &["--out", text(&report)]);
    assert_eq!(code, Some(0), "{found:#}");
    assert_eq!(found["passed"], true);
    assert_eq!(found["counts"]["n_kept"], 400);
    let written: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(written, found);
    let columns = found["profile"]["columns"].as_array().unwrap();
    assert_eq!(columns.len(), 30);
    for column in columns {
        let counts = column["values"]["counts"].as_array().unwrap();
        let n: u64 = counts
            .iter()
            .map(|count| count["n"].as_u64().unwrap())
            .sum();
        assert_eq!(n, 400, "{column}");
    }
}

#[test]
fn wrong_headers_are_findings_with_suggestions() {
    let bench = Bench::new(50);
    let rows = bench
        .rows_text()
        .replacen("Shortining_Service", "Shortening_Service", 1)
        .replacen("having_At_Symbol", "elsewhere", 1)
        .replacen("Result", "result", 1);
    let data = bench.write("renamed.csv", rows);
    let (code, report) = validate(&data, &schema("phishing.toml"), &[]);
    assert_eq!(code, Some(3));
    assert_finding(&report, "error", "renamed_column", "Shortining_Service", 1);
    assert_finding(&report, "error", "missing_column", "having_At_Symbol", 1);
    assert_finding(&report, "error", "renamed_column", "Result", 1);
    assert_finding(&report, "info", "extra_column", "elsewhere", 1);
    assert_finding(&report, "error", "no_rows", "", 0);
    let renamed = finding(&report, "renamed_column", "Shortining_Service").unwrap();
    assert!(
        renamed["message"]
            .as_str()
            .unwrap()
            .contains("\"Shortening_Service\" looks like it")
    );
}

const SCHEMA: &str = r#"
name = "flows"
[label]
name = "attack"
positive = { name = "attack", values = ["1"] }
negative = { name = "normal", values = ["0"] }
[[features]]
name = "bytes"
domain = { range = [0.0, 1e6] }
missing = "accept"
[[features]]
name = "ticket"
domain = { range = [0.0, 1e6] }
[[features]]
name = "version"
domain = { values = [1.0, 2.0] }
[[features]]
name = "verdict"
domain = { categories = ["yes", "no"] }
[[features]]
name = "shade"
domain = { categories = ["dark", "light"] }
"#;

/// 1,000 rows: 30 positive; `ticket` is high for positive ones, `verdict` is the label, `version`
/// never changes, most `bytes` are missing.
fn leaky_rows() -> String {
    let mut text = "bytes,ticket,version,verdict,shade,attack\n".to_owned();
    for row in 0..1000_u32 {
        let is_attack = row < 30;
        let bytes = if row % 4 == 0 { "7" } else { "" };
        let ticket = if is_attack { 5000 + row } else { row % 100 };
        let verdict = if is_attack { "yes" } else { "no" };
        let shade = if row % 3 == 0 { "dark" } else { "light" };
        let label = u8::from(is_attack);
        text.extend([format!("{bytes},{ticket},1,{verdict},{shade},{label}\n")]);
    }
    text
}

#[test]
fn columns_that_know_too_much_or_nothing_are_found() {
    let bench = Bench::new(2);
    let schema = bench.write("flows.toml", SCHEMA);
    let data = bench.write("flows.csv", leaky_rows());
    let (code, report) = validate(&data, &schema, &[]);
    assert_eq!(code, Some(3));
    assert_finding(&report, "error", "leaking_column", "ticket", 1000);
    assert_finding(&report, "error", "equals_label", "verdict", 1000);
    assert_finding(&report, "warning", "constant_column", "version", 1000);
    assert_finding(&report, "warning", "missing_values", "bytes", 750);
    assert_finding(&report, "warning", "class_balance", "attack", 30);
    assert!(finding(&report, "leaking_column", "shade").is_none());
    assert_eq!(report["n_errors"], 2);
    let bytes = &report["profile"]["columns"][0];
    assert_eq!(
        (bytes["n_missing"].as_u64(), bytes["n_present"].as_u64()),
        (Some(750), Some(250))
    );
    let ticket = &report["profile"]["columns"][1]["values"];
    assert_eq!(
        (ticket["min"].as_f64(), ticket["max"].as_f64()),
        (Some(0.0), Some(5029.0))
    );

    let (code, _) = validate(&data, &schema, &["--fail-on", "never"]);
    assert_eq!(code, Some(0));
}

#[test]
fn invalid_rows_are_set_aside_and_many_of_them_close_the_gate() {
    let bench = Bench::new(300);
    let mut rows: Vec<String> = bench.rows_text().lines().map(str::to_owned).collect();
    rows[5] = format!("9{}", &rows[5][rows[5].find(',').unwrap()..]);
    let few = bench.write("few.csv", rows.join("\n"));
    let (schema, q) = (schema("phishing.toml"), bench.path("q.csv"));
    let (code, report) = validate(&few, &schema, &["--quarantine", text(&q)]);
    assert_eq!(code, Some(0), "one of 300 is a warning: {report:#}");
    assert_finding(&report, "warning", "out_of_domain", "having_IP_Address", 1);
    let examples = &finding(&report, "out_of_domain", "having_IP_Address").unwrap()["examples"];
    assert!(
        examples[0].as_str().unwrap().starts_with("row 5 (line 6)"),
        "{examples}"
    );
    assert_eq!(std::fs::read_to_string(&q).unwrap().lines().count(), 2);
    let (code, _) = validate(&few, &schema, &["--fail-on", "warning"]);
    assert_eq!(code, Some(3));

    for row in &mut rows[6..20] {
        *row = format!("x{}", &row[row.find(',').unwrap()..]);
    }
    let many = bench.write("many.csv", rows.join("\n"));
    let (code, report) = validate(&many, &schema, &[]);
    assert_eq!(code, Some(3));
    assert_finding(&report, "error", "wrong_type", "having_IP_Address", 14);

    // What is left trains, where that is asked for.
    let out = bench.path("m.picket");
    let train = [
        "train",
        "--data",
        text(&many),
        "--schema",
        text(&schema),
        "--out",
        text(&out),
    ];
    let strict = run(&train);
    assert_eq!(strict.status.code(), Some(2));
    let lenient = json_of(
        &[
            &train[..],
            &["--quarantine", text(&q), "--model", "logistic", "--json"],
        ]
        .concat(),
    );
    assert!(lenient.is_object());
    assert_eq!(std::fs::read_to_string(&q).unwrap().lines().count(), 16);
}

#[test]
fn the_phishing_data_is_described_as_it_is() {
    let Some(folder) = std::env::var_os("PICKET_DATA_DIR") else {
        println!("skipped: PICKET_DATA_DIR is not set");
        return;
    };
    let data = Path::new(&folder).join("phishing.csv");
    let (code, report) = validate(&data, &schema("phishing.toml"), &[]);
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!(report["profile"]["n_distinct_rows"], 4614);
    assert_finding(&report, "info", "duplicates", "", 8_842 - 4_614);
    let conflicts = finding(&report, "conflicting_labels", "").unwrap();
    let message = conflicts["message"].as_str().unwrap();
    assert!(message.starts_with("46 distinct rows"), "{message}");
    assert!(message.contains("0.92 %"), "{message}");
}

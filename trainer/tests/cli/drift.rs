//! `trainer drift` against rows and against a model, with its report in both forms.

use serde_json::Value;

use crate::bench_rows::Bench;
use crate::run::{json_of, refusal_of, run, schema, stdout_of, text};

/// Rows drawn with another seed, and the same with one column set to 1 in most rows.
fn live(bench: &Bench) -> (std::path::PathBuf, std::path::PathBuf) {
    let quiet = bench.path("live.csv");
    stdout_of(&[
        "sample",
        "--rows",
        "600",
        "--seed",
        "9",
        "--out",
        text(&quiet),
    ]);
    let content = std::fs::read_to_string(&quiet).unwrap();
    let shifted: Vec<String> = content
        .lines()
        .enumerate()
        .map(|(line, text)| match text.split_once(',') {
            Some((_, rest)) if line > 0 && line % 4 > 0 => format!("-1,{rest}"),
            _ => text.to_owned(),
        })
        .collect();
    (quiet, bench.write("shifted.csv", shifted.join("\n")))
}

#[test]
fn drift_against_rows_is_reported_and_closes_the_gate_where_asked() {
    let bench = Bench::new(1500);
    let ((quiet, shifted), schema) = (live(&bench), schema("phishing.toml"));
    let out = bench.path("drift_report.yaml");
    let base = [
        "drift",
        "--reference",
        text(&bench.rows),
        "--schema",
        text(&schema),
        "--json",
        "--fail-on-drift",
    ];
    let report = json_of(&[&base[..], &["--data", text(&quiet)]].concat());
    assert_eq!(report["drift_status"], false, "{}", report["n_drifted"]);

    let arguments = [&base[..], &["--data", text(&shifted), "--out", text(&out)]].concat();
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(3));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["n_drifted"], 1);
    let first = &report["columns"][0];
    assert_eq!(first["column"], "having_IP_Address");
    assert_eq!(first["drift_status"], true);
    assert!(first["q_value"].as_f64().unwrap() < 1e-6);
    let yaml = std::fs::read_to_string(&out).unwrap();
    assert_eq!(
        yaml.matches("  drift_status: true\n").count(),
        2,
        "one column and the summary"
    );
    assert_eq!(yaml.matches("  p_value: ").count(), 30);
}

#[test]
fn drift_against_a_model_looks_at_its_scores_too() {
    let bench = Bench::new(1500);
    let model = bench.train("m.picket", &["--model", "logistic"]);
    let (quiet, shifted) = live(&bench);
    let base = ["drift", "--reference", text(&model), "--json", "--data"];
    let report = json_of(&[&base[..], &[text(&quiet)]].concat());
    assert_eq!(report["drift_status"], false, "{report:#}");
    assert_eq!(
        (&report["n_reference"], &report["n_live"]),
        (&1500.into(), &600.into())
    );
    assert!(report["scores"]["p_value"].as_f64().unwrap() > 0.01);
    let report = json_of(&[&base[..], &[text(&shifted)]].concat());
    assert_eq!(report["columns"][0]["drift_status"], true);

    let schema = schema("phishing.toml");
    let both = [&base[..], &[text(&quiet), "--schema", text(&schema)]].concat();
    assert!(refusal_of(&both).contains("expected neither"));
    let neither = ["drift", "--reference", text(&quiet), "--data", text(&quiet)];
    assert!(refusal_of(&neither).contains("--schema"));
}

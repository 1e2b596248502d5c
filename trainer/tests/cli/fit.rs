//! `trainer fit`

use crate::bench_rows::Bench;
use crate::run::{schema, stdout_of, text};

const N_ROWS: u32 = 500;

#[test]
fn fits_are_reported_and_the_model_ranks_its_rows() {
    let bench = Bench::new(N_ROWS);
    let (schema, scores) = (schema("phishing.toml"), bench.path("scores.csv"));
    for kind in ["forest", "boosting", "logistic"] {
        let said = stdout_of(&[
            "fit",
            "--data",
            text(&bench.rows),
            "--schema",
            text(&schema),
            "--model",
            kind,
            "--threads",
            "1",
            "--repeat",
            "2",
            "--test",
            text(&bench.rows),
            "--scores",
            text(&scores),
        ]);
        let lines: Vec<serde_json::Value> = said
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2, "{said}");
        for line in &lines {
            assert!(line["fit_s"].as_f64().unwrap() > 0.0, "{line}");
            if cfg!(target_os = "linux") {
                assert!(line["cpu_s"].as_f64().unwrap() > 0.0, "{line}");
                assert!(line["peak_mb"].as_f64().unwrap() > 1.0, "{line}");
                assert!(line["growth_mb"].is_number(), "{line}");
            }
        }
        let scores = std::fs::read_to_string(&scores).unwrap();
        let values: Vec<f64> = scores
            .lines()
            .skip(1)
            .map(|line| line.parse().unwrap())
            .collect();
        assert_eq!(values.len(), N_ROWS as usize);
        let rows = bench.rows_text();
        let is_positive = rows.lines().skip(1).map(|line| line.ends_with(",-1"));
        let (mut positive, mut negative) = (Vec::new(), Vec::new());
        for (is_positive, value) in is_positive.zip(values) {
            if is_positive {
                positive.push(value);
            } else {
                negative.push(value);
            }
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        assert!(mean(&positive) > mean(&negative), "{kind}");
    }
}

//! What the sample is worth on real rows.

use std::path::Path;

use crate::bench_rows::Bench;
use crate::run::{json_of, schema, stdout_of, text};

#[test]
fn a_model_of_sampled_rows_knows_real_ones() {
    let Ok(dir) = std::env::var("PICKET_DATA_DIR") else {
        eprintln!("SKIPPED a_model_of_sampled_rows_knows_real_ones: PICKET_DATA_DIR is not set");
        return;
    };
    let bench = Bench::new(5000);
    let model = bench.train("m.picket", &[]);
    let data = Path::new(&dir).join("phishing.csv");
    let report = json_of(&[
        "evaluate",
        "--model",
        text(&model),
        "--data",
        text(&data),
        "--json",
    ]);
    let accuracy = report["metrics"]["accuracy"]["value"].as_f64().unwrap();
    eprintln!("accuracy on real rows: {accuracy:.4}");
    assert!(accuracy > 0.92, "{accuracy}");
    assert_eq!(report["is_training_data"], false);
}

#[test]
fn boosting_is_good_on_real_rows() {
    let Ok(dir) = std::env::var("PICKET_DATA_DIR") else {
        eprintln!("SKIPPED boosting_is_good_on_real_rows: PICKET_DATA_DIR is not set");
        return;
    };
    let bench = Bench::new(1);
    let (data, schema) = (
        Path::new(&dir).join("phishing.csv"),
        schema("phishing.toml"),
    );
    let out = bench.path("m.picket");
    let report = json_of(&[
        "train",
        "--data",
        text(&data),
        "--schema",
        text(&schema),
        "--out",
        text(&out),
        "--json",
    ]);
    let metric = |name: &str| report["metrics"][name]["value"].as_f64().unwrap();
    assert!(metric("f1") > 0.93 && metric("roc_auc") > 0.985, "{report}");
    assert!(metric("brier") < 0.045, "{report}");
    let words = stdout_of(&["inspect", text(&out)]);
    assert!(words.contains("phishing-boosting"), "{words}");
}

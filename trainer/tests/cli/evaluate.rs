//! What evaluating reports besides the metrics: counts, slices and curves.

use crate::bench_rows::Bench;
use crate::run::{json_of, refusal_of, stdout_of, text};

#[test]
fn counts_slices_and_curves_are_of_the_same_rows() {
    let bench = Bench::new(900);
    let model = bench.train("m.picket", &["--trees", "30"]);
    let fresh = bench.path("fresh.csv");
    stdout_of(&[
        "sample",
        "--rows",
        "1200",
        "--seed",
        "5",
        "--out",
        text(&fresh),
    ]);
    let base = ["evaluate", "--model", text(&model), "--data", text(&fresh)];
    let report = json_of(
        &[
            &base[..],
            &[
                "--json",
                "--curves",
                "--cost-fn",
                "10",
                "--slice",
                "SSLfinal_State",
            ],
        ]
        .concat(),
    );
    let count = |name: &str| report["confusion"][name].as_u64().unwrap();
    assert_eq!(
        count("true_positives") + count("false_negatives"),
        report["n_positive"].as_u64().unwrap()
    );
    let metric = |name: &str| report["metrics"][name]["value"].as_f64().unwrap();
    let [tp, fp, tn, miss] = [
        "true_positives",
        "false_positives",
        "true_negatives",
        "false_negatives",
    ]
    .map(|name| count(name) as f64);
    assert!((tp / (tp + fp) - metric("precision")).abs() < 1e-12);
    let product = (tp + fp) * (tp + miss) * (tn + fp) * (tn + miss);
    assert!(((tp * tn - fp * miss) / product.sqrt() - metric("mcc")).abs() < 1e-12);
    let slices = report["slices"][0]["slices"].as_array().unwrap();
    let n_rows: u64 = slices
        .iter()
        .map(|slice| slice["n_rows"].as_u64().unwrap())
        .sum();
    assert_eq!((slices.len(), n_rows), (3, 1200));
    let curves = &report["curves"];
    let costs = curves["costs"].as_array().unwrap();
    let at_half = costs[50]["cost"].as_f64().unwrap();
    assert!((at_half - (fp + 10.0 * miss) / 1200.0).abs() < 1e-12);
    assert!(curves["roc"].as_array().unwrap().len() > 100);

    let table = stdout_of(&[&base[..], &["--slice", "SSLfinal_State"]].concat());
    assert!(
        table.contains("true positives") && table.contains("SSLfinal_State"),
        "{table}"
    );
    let refusal = refusal_of(&[&base[..], &["--slice", "colour"]].concat());
    assert!(refusal.contains("--slice colour"), "{refusal}");
}

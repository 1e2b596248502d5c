//! Metrics and calibration against what scikit-learn says of the same scores.

use picket_trainer::fit_platt;
use picket_trainer::metrics::{METRIC_NAMES, ScoredGroup, ScoredGroups, measure_with_intervals};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/metrics.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_f64().unwrap())
        .collect()
}

fn labels(value: &Value) -> Vec<bool> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_bool().unwrap())
        .collect()
}

fn group(score: f64, label: bool) -> ScoredGroup {
    ScoredGroup {
        score,
        n_negative: u32::from(!label),
        n_positive: u32::from(label),
    }
}

#[test]
fn metrics_agree_with_scikit_learn() {
    for case in golden()["cases"].as_array().unwrap() {
        let (scores, labels) = (numbers(&case["scores"]), labels(&case["labels"]));
        let groups = scores
            .iter()
            .zip(&labels)
            .map(|(score, label)| group(*score, *label));
        let threshold = case["threshold"].as_f64().unwrap();
        let measured = ScoredGroups::from_groups(groups.collect())
            .measure(threshold)
            .unwrap();
        for (name, value) in METRIC_NAMES.iter().zip(measured) {
            let expected = case["expected"][*name].as_f64().unwrap();
            assert!(
                (value - expected).abs() < 1e-12,
                "{}: {name} is {value}, not {expected}",
                case["name"]
            );
        }
    }
}

#[test]
fn platt_agrees_with_scikit_learn() {
    let platt = &golden()["platt"];
    let fitted = fit_platt(&numbers(&platt["margins"]), &labels(&platt["labels"]));
    let (slope, intercept) = (
        platt["slope"].as_f64().unwrap(),
        platt["intercept"].as_f64().unwrap(),
    );
    // scikit-learn stops its solver earlier.
    assert!((fitted.slope - slope).abs() < 1e-4, "{fitted:?} {slope}");
    assert!(
        (fitted.intercept - intercept).abs() < 1e-4,
        "{fitted:?} {intercept}"
    );
}

#[test]
fn one_class_has_no_metrics() {
    let groups = ScoredGroups::from_groups(vec![group(0.2, true), group(0.9, true)]);
    assert_eq!(groups.measure(0.5), None);
    assert!(measure_with_intervals(&groups, 0.5, 0).is_none());
}

#[test]
fn intervals_depend_on_the_seed_alone() {
    let groups = (0..300_u32).map(|i| group(f64::from(i % 97) / 97.0, i * 31 % 97 < i % 97));
    let groups = ScoredGroups::from_groups(groups.collect());
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| measure_with_intervals(&groups, 0.5, 5).unwrap())
    };
    assert_eq!(on(1), on(4));
    assert_ne!(on(1), measure_with_intervals(&groups, 0.5, 6).unwrap());
}

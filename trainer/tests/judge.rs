//! Calibration, curves and tests against what scikit-learn, scipy and statsmodels say.

#![allow(clippy::unwrap_used, reason = "functions of a test are tests too")]

use picket_schema::Margin;
use picket_schema::artifact::Calibration;
use picket_trainer::accept::McNemar;
use picket_trainer::decide::{Costs, binomial_cdf, clopper_pearson_upper};
use picket_trainer::fit_isotonic;
use picket_trainer::metrics::{Curves, ScoredGroup, ScoredGroups};
use picket_wasm_model::calibrated;
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/judge.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    let numbers = value.as_array().unwrap().iter();
    numbers.map(|x| x.as_f64().unwrap()).collect()
}

fn labels(value: &Value) -> Vec<bool> {
    let labels = value.as_array().unwrap().iter();
    labels.map(|x| x.as_bool().unwrap()).collect()
}

fn assert_close(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!(
        (found - expected).abs() <= tolerance,
        "{what}: {found}, not {expected}"
    );
}

#[test]
fn isotonic_regression_agrees_with_scikit_learn() {
    let golden = golden();
    let cases = golden["isotonic"].as_array().unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let fitted = fit_isotonic(
            &numbers(&case["margins"]),
            &labels(&case["labels"]),
            &numbers(&case["weights"]),
        );
        let expected = numbers(&case["knot_margins"]).into_iter();
        let expected: Vec<(f64, f64)> = expected.zip(numbers(&case["knot_scores"])).collect();
        let knots: Vec<(f64, f64)> = fitted.knots().collect();
        assert_eq!(knots.len(), expected.len(), "{name}: {knots:?}");
        for (found, expected) in knots.iter().zip(&expected) {
            assert_eq!(found.0, expected.0, "{name}");
            assert_close(found.1, expected.1, 1e-9, name);
        }
        let calibration = Calibration::Isotonic(fitted);
        for (probe, expected) in numbers(&case["probes"])
            .iter()
            .zip(numbers(&case["expected"]))
        {
            let score = calibrated(&calibration, Margin(*probe)).0;
            assert_close(score, expected, 1e-9, name);
        }
    }
}

#[test]
fn curves_agree_with_scikit_learn() {
    let golden = golden();
    let case = &golden["curves"];
    let (scores, labels) = (numbers(&case["scores"]), labels(&case["labels"]));
    let groups = scores
        .iter()
        .zip(&labels)
        .map(|(score, label)| ScoredGroup {
            score: *score,
            n_negative: u32::from(!*label),
            n_positive: u32::from(*label),
        });
    let scored = ScoredGroups::from_groups(groups.collect());
    let costs = Costs {
        false_positive: 1.0,
        false_negative: 3.0,
    };
    let curves = Curves::of(&scored, costs).unwrap();
    let rows = |key: &str| -> Vec<Vec<f64>> {
        let rows = case[key].as_array().unwrap();
        rows.iter().map(numbers).collect()
    };
    assert_eq!(curves.roc[0].threshold, None);
    let expected = rows("roc");
    assert_eq!(curves.roc.len(), expected.len() + 1);
    for (point, expected) in curves.roc[1..].iter().zip(expected) {
        assert_eq!(point.threshold, Some(expected[0]));
        assert_close(point.false_positive_rate, expected[1], 1e-12, "ROC");
        assert_close(point.true_positive_rate, expected[2], 1e-12, "ROC");
    }
    // scikit-learn stops where all positive rows are found; the rest of the curve is ours.
    for (point, expected) in curves.precision_recall.iter().zip(rows("precision_recall")) {
        assert_eq!(point.threshold, expected[0]);
        assert_close(point.recall, expected[1], 1e-12, "recall");
        assert_close(point.precision, expected[2], 1e-12, "precision");
    }
    // Areas and sums under the curves are the metrics.
    let measured = scored.measure(0.5).unwrap();
    let area: f64 = curves
        .roc
        .windows(2)
        .map(|pair| {
            let width = pair[1].false_positive_rate - pair[0].false_positive_rate;
            width * f64::midpoint(pair[0].true_positive_rate, pair[1].true_positive_rate)
        })
        .sum();
    assert_close(area, measured[3], 1e-12, "area under the ROC curve");
    let n_rows = scores.len() as f64;
    let gaps = curves.calibration.iter().filter_map(|bin| {
        Some(bin.n_rows as f64 * (bin.mean_score? - bin.positive_share?).abs() / n_rows)
    });
    assert_close(gaps.sum(), measured[9], 1e-12, "calibration error");
    let counted: u64 = curves
        .histogram
        .iter()
        .map(|bin| bin.n_negative + bin.n_positive)
        .sum();
    assert_eq!(counted, scores.len() as u64);
    assert_eq!(curves.costs.len(), 101);
    for point in &curves.costs {
        let pairs = scores.iter().zip(&labels);
        let total: f64 = pairs
            .map(|(score, label)| match (*score >= point.threshold, *label) {
                (true, false) => 1.0,
                (false, true) => 3.0,
                _ => 0.0,
            })
            .sum();
        assert_close(point.cost, total / n_rows, 1e-12, "cost");
    }
    let thinned = curves.clone().thinned(10);
    assert_eq!(thinned.roc.len(), 10);
    assert_eq!(thinned.roc.last(), curves.roc.last());
}

#[test]
fn binomial_probabilities_and_bounds_agree_with_scipy() {
    let golden = golden();
    for case in golden["binomial"].as_array().unwrap() {
        let (k, n) = (case["k"].as_u64().unwrap(), case["n"].as_u64().unwrap());
        let number = |key: &str| case[key].as_f64().unwrap();
        let cdf = binomial_cdf(k, n, number("p"));
        assert_close(cdf, number("cdf"), 1e-10, &format!("{case}"));
        let upper = clopper_pearson_upper(k, n, 0.95);
        assert_close(upper, number("upper"), 1e-10, &format!("{case}"));
    }
}

#[test]
fn mcnemars_test_agrees_with_statsmodels() {
    let golden = golden();
    let cases = golden["mcnemar"].as_array().unwrap();
    assert!(cases.len() > 10);
    for case in cases {
        let count = |key: &str| case[key].as_u64().unwrap();
        let test = McNemar::of(count("b"), count("c"));
        assert_eq!(test.is_exact, case["is_exact"].as_bool().unwrap());
        let expected = case["p_value"].as_f64().unwrap();
        assert_close(test.p_value, expected, 1e-12, &format!("{case}"));
    }
}

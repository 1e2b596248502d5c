//! Tests of drift against what scipy says of the same numbers, and against drift that was made.

#![allow(clippy::unwrap_used, reason = "a test fails by unwrapping")]

use picket_trainer::drift::{
    DriftOptions, DriftReference, DriftSeverity, DriftTest, LiveRows, chi_squared, chi_squared_sf,
    drift, f_sf, kolmogorov_sf, kolmogorov_smirnov, q_values, stability_index, to_yaml,
};
use picket_trainer::{Dataset, phishing_schema, reference_of, synthetic_rows};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/drift.json")).unwrap()
}

fn array<'v>(value: &'v Value, key: &str) -> &'v Vec<Value> {
    value[key].as_array().unwrap()
}

fn numbers(value: &Value, key: &str) -> Vec<f64> {
    array(value, key)
        .iter()
        .map(|x| x.as_f64().unwrap())
        .collect()
}

/// Equal to 10 digits, or both too small to tell.
#[track_caller]
fn assert_close(found: f64, expected: f64, what: &str) {
    let is_close = (found - expected).abs() <= 1e-10 * expected.abs() || expected.abs() < 1e-290;
    assert!(is_close, "{what}: found {found}, scipy {expected}");
}

#[test]
fn tail_probabilities_are_scipys() {
    let golden = golden();
    for case in array(&golden, "chi2_sf") {
        let (x, dof) = (case[0].as_f64().unwrap(), case[1].as_f64().unwrap());
        assert_close(
            chi_squared_sf(x, dof),
            case[2].as_f64().unwrap(),
            &format!("chi2 {x} {dof}"),
        );
    }
    for case in array(&golden, "f_sf") {
        let at = |i: usize| case[i].as_f64().unwrap();
        assert_close(f_sf(at(0), at(1), at(2)), at(3), &format!("f {case}"));
    }
    for case in array(&golden, "kolmogorov") {
        let x = case[0].as_f64().unwrap();
        assert_close(
            kolmogorov_sf(x),
            case[1].as_f64().unwrap(),
            &format!("kolmogorov {x}"),
        );
    }
}

#[test]
fn two_sample_tests_are_scipys() {
    let golden = golden();
    for case in array(&golden, "ks") {
        let sorted = |key: &str| {
            let mut values: Vec<f32> = numbers(case, key).iter().map(|x| *x as f32).collect();
            values.sort_by(f32::total_cmp);
            values
        };
        let (reference, live) = (sorted("reference"), sorted("live"));
        let what = format!("ks {} {}", reference.len(), live.len());
        let exact = kolmogorov_smirnov(&reference, &live, 1.0);
        assert!(exact.is_exact);
        assert_close(exact.statistic, case["statistic"].as_f64().unwrap(), &what);
        let expected = case["exact"].as_f64().unwrap();
        assert!(
            (exact.p_value - expected).abs() < 1e-10,
            "{what}: {} {expected}",
            exact.p_value
        );
        // A design effect just above 1 asks for the limit.
        let limit = kolmogorov_smirnov(&reference, &live, 1.0 + 1e-13);
        assert!(!limit.is_exact);
        let expected = case["limit"].as_f64().unwrap();
        assert!(
            (limit.p_value - expected).abs() < 1e-10,
            "{what}: {} {expected}",
            limit.p_value
        );
    }
    for case in array(&golden, "chi_squared") {
        let found = chi_squared(&numbers(case, "reference"), &numbers(case, "live"));
        assert_close(
            found.statistic,
            case["statistic"].as_f64().unwrap(),
            "statistic",
        );
        assert_close(found.p_value, case["p_value"].as_f64().unwrap(), "p");
        assert_eq!(u64::from(found.dof), case["dof"].as_u64().unwrap());
    }
    for case in array(&golden, "false_discovery") {
        for (found, expected) in q_values(&numbers(case, "p")).iter().zip(numbers(case, "q")) {
            assert_close(*found, expected, "q");
        }
    }
}

#[test]
fn small_cells_are_put_together() {
    // Expected counts of 1, 2 and 3 a sample make one cell of 6.
    let (reference, live) = ([2.0, 1.0, 3.0, 100.0, 94.0], [0.0, 3.0, 3.0, 90.0, 104.0]);
    let found = chi_squared(&reference, &live);
    let pooled = chi_squared(&[6.0, 100.0, 94.0], &[6.0, 90.0, 104.0]);
    assert_eq!((found.dof, found.statistic), (2, pooled.statistic));
    let nothing = chi_squared(&[3.0, 1.0], &[2.0, 0.0]);
    assert_eq!((nothing.dof, nothing.p_value), (0, 1.0));
}

#[test]
fn the_stability_index_is_zero_for_equal_shares_and_finite_for_new_values() {
    assert_eq!(stability_index(&[10.0, 20.0], &[10.0, 20.0]), 0.0);
    let (p, q) = ([0.3, 0.7_f64], [0.6, 0.4_f64]);
    let many = |shares: [f64; 2]| shares.map(|share| share * 1e9);
    let expected: f64 = (0..2)
        .map(|i: usize| (q[i] - p[i]) * (q[i] / p[i]).ln())
        .sum();
    assert!((stability_index(&many(p), &many(q)) - expected).abs() < 1e-7);
    let new = stability_index(&[100.0, 0.0], &[50.0, 50.0]);
    assert!(new.is_finite() && new > 1.0, "{new}");
}

fn all_values(data: &Dataset) -> Vec<f32> {
    data.features().iter().copied().collect()
}

fn rows(values: &[f32]) -> LiveRows<'_> {
    LiveRows {
        values,
        scores: None,
    }
}

/// Sets a feature of every second row to one value.
fn shifted(data: &Dataset, feature_idx: usize, to: f32) -> Vec<f32> {
    let mut values = all_values(data);
    let n_features = data.schema().n_features();
    for row in values.chunks_exact_mut(n_features).step_by(2) {
        row[feature_idx] = to;
    }
    values
}

#[test]
fn the_column_that_was_shifted_is_found_and_no_other() {
    let text = include_str!("../../schema/schemas/nsl-kdd.toml");
    let schema = picket_schema::FeatureSchema::from_toml(text).unwrap();
    let reference = all_values(&synthetic_rows(&schema, 1500, 1).unwrap());
    let live = synthetic_rows(&schema, 1500, 2).unwrap();
    let options = DriftOptions::default();
    let report_of = |values: &[f32]| {
        drift(
            &schema,
            &DriftReference::Rows(rows(&reference)),
            &rows(values),
            &options,
        )
    };
    let quiet = report_of(&all_values(&live));
    assert!(!quiet.drift_status, "{:?}", quiet.n_drifted);
    for (name, to, test) in [
        ("src_bytes", 0.0, DriftTest::KolmogorovSmirnov),
        ("service", 3.0, DriftTest::ChiSquared),
    ] {
        let feature_idx = schema.feature_idx(name).unwrap();
        let report = report_of(&shifted(&live, feature_idx, to));
        let found: Vec<&str> = report
            .columns
            .iter()
            .filter(|column| column.drift_status)
            .map(|column| column.column.as_str())
            .collect();
        assert_eq!(found, [name]);
        let column = &report.columns[feature_idx];
        assert_eq!((column.test, column.severity), (test, DriftSeverity::Large));
        assert!(column.p_value <= column.q_value && column.q_value < 1e-6);
        assert_eq!((column.n_reference, column.n_live), (1500, 1500));
    }
}

#[test]
fn a_models_histograms_serve_as_reference() {
    let schema = phishing_schema().unwrap();
    let train = synthetic_rows(&schema, 3000, 1).unwrap();
    let scores: Vec<f64> = (0..3000).map(|row| f64::from(row) / 3000.0).collect();
    let reference = reference_of(&train, &scores);
    let live = synthetic_rows(&schema, 1000, 2).unwrap();
    let options = DriftOptions::default();
    let report_of = |values: &[f32], scores: &[f64]| {
        let live = LiveRows {
            values,
            scores: Some(scores),
        };
        drift(
            &schema,
            &DriftReference::Histograms(&reference),
            &live,
            &options,
        )
    };
    let even: Vec<f64> = (0..1000).map(|row| f64::from(row) / 1000.0).collect();
    let quiet = report_of(&all_values(&live), &even);
    assert!(!quiet.drift_status);
    assert_eq!((quiet.n_reference, quiet.n_live), (3000, 1000));
    let surer: Vec<f64> = even.iter().map(|score| score.sqrt()).collect();
    let report = report_of(&shifted(&live, 4, 1.0), &surer);
    assert!(report.columns[4].drift_status);
    assert!(report.scores.as_ref().unwrap().drift_status);
    assert_eq!(report.n_drifted, 2);
}

#[test]
fn the_yaml_has_a_key_for_every_column() {
    let schema = phishing_schema().unwrap();
    let data = synthetic_rows(&schema, 500, 1).unwrap();
    let values = all_values(&data);
    let reference = DriftReference::Rows(rows(&values));
    let report = drift(
        &schema,
        &reference,
        &rows(&values),
        &DriftOptions::default(),
    );
    let yaml = to_yaml(&report);
    for feature in &schema.features {
        let entry = format!(
            "\"{}\":\n  p_value: 1.0\n  drift_status: false\n",
            feature.name
        );
        assert!(yaml.contains(&entry), "{yaml}");
    }
    assert!(
        yaml.contains("\"_summary\":\n  drift_status: false\n"),
        "{yaml}"
    );
}

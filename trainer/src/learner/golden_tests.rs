//! The learners held against what scikit-learn says of the same rows; `tests/golden/learners.py` recorded it.

#![allow(clippy::unwrap_used, reason = "a test fails by unwrapping")]

use ndarray::Array2;
use picket_schema::FeatureSchema;
use picket_schema::artifact::{ModelTable, Term, Transform};
use picket_wasm_model::{Model, Scorer};
use serde_json::Value;

use crate::dataset::Dataset;
use crate::learn::{AdaBoostParams, Matrix};
use crate::learner::Learner;
use crate::logistic::fit_logistic;
use crate::training::uncalibrated;

fn cases(learner: &str) -> Vec<Value> {
    let text = include_str!("../../tests/golden/learners.json");
    let golden: Value = serde_json::from_str(text).unwrap();
    golden[learner].as_array().unwrap().clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    let numbers = value.as_array().unwrap().iter();
    numbers.map(|x| x.as_f64().unwrap()).collect()
}

/// Shape: `(n_rows, n_features)`.
fn rows(value: &Value) -> Array2<f32> {
    let rows: Vec<Vec<f64>> = value.as_array().unwrap().iter().map(numbers).collect();
    let values = rows.iter().flatten().map(|x| *x as f32).collect();
    Array2::from_shape_vec((rows.len(), rows[0].len()), values).unwrap()
}

fn labels(value: &Value) -> Vec<bool> {
    numbers(value).iter().map(|y| *y > 0.5).collect()
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (index, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance, "number {index}: {a} is not {b}");
    }
}

#[test]
fn adaboost_votes_as_scikit_learn() {
    for case in cases("adaboost") {
        let (x, y) = (rows(&case["x"]), labels(&case["y"]));
        let weights: Vec<f32> = numbers(&case["weights"])
            .iter()
            .map(|w| *w as f32)
            .collect();
        let matrix = Matrix::new(x.view(), y.as_slice())
            .unwrap()
            .with_weights(weights)
            .unwrap();
        let whole = |name: &str| case[name].as_u64().unwrap() as usize;
        let fitted = AdaBoostParams::new()
            .n_estimators(whole("n_estimators"))
            .max_depth(whole("max_depth"))
            .learning_rate(case["learning_rate"].as_f64().unwrap())
            .fit_matrix(&matrix, &())
            .unwrap();
        let strengths: Vec<f64> = fitted
            .trees()
            .iter()
            .map(|tree| tree.leaf_values().map(f64::abs).fold(0.0, f64::max))
            .collect();
        assert_close(&strengths, &numbers(&case["estimator_weights"]), 1e-4);
        assert_close(
            &fitted.margins(x.view()).to_vec(),
            &numbers(&case["votes"]),
            2e-3,
        );
        let mut margins = vec![0.0; y.len()];
        let staged = fitted.trees().iter().map(|tree| {
            for (margin, row) in margins.iter_mut().zip(x.rows()) {
                *margin += tree.value(row, fitted.operator());
            }
            let right = margins
                .iter()
                .zip(&y)
                .filter(|(margin, y)| (**margin > 0.0) == **y);
            right.count() as f64 / y.len() as f64
        });
        let staged: Vec<f64> = staged.collect();
        assert_close(&staged, &numbers(&case["staged_accuracy"]), 1e-9);
    }
}

/// Rows of numbers under a schema of so many.
fn dataset(x: &Array2<f32>, y: &[bool]) -> Dataset {
    let feature =
        |idx| format!("[[features]]\nname = \"f{idx}\"\ndomain = {{ range = [-100, 100] }}\n");
    let features: String = (0..x.ncols()).map(feature).collect();
    let label = "label = { name = \"y\", positive = { name = \"bad\", values = [\"1\"] }, negative = { name = \"good\" } }";
    let schema =
        FeatureSchema::from_toml(&format!("name = \"golden\"\n{label}\n{features}")).unwrap();
    Dataset::new(schema, x.iter().copied().collect(), y.to_vec(), "golden").unwrap()
}

#[test]
fn logistic_weights_are_scikit_learns() {
    for case in cases("logistic") {
        let (x, y) = (rows(&case["x"]), labels(&case["y"]));
        let number = |name: &str| case[name].as_f64().unwrap();
        let linear = fit_logistic(&dataset(&x, &y), number("l1"), number("l2")).unwrap();
        let mut weights = vec![0.0; x.ncols()];
        for term in &linear.terms {
            if let Term::Numeric {
                feature, weight, ..
            } = term
            {
                weights[*feature as usize] = *weight;
            }
        }
        // linfa's solver stops sooner than this project's.
        let tolerance = if number("l1") > 0.0 { 1e-6 } else { 1e-3 };
        assert_close(&weights, &numbers(&case["coefficients"]), tolerance);
        assert_close(&[linear.bias], &[number("intercept")], tolerance);
    }
}

/// The margins of rows by the scorer.
fn margins(data: &Dataset, table: ModelTable<'static>, x: &Array2<f32>) -> Vec<f64> {
    let artifact = uncalibrated(data, Transform::default(), table);
    let bytes = artifact.encode().unwrap();
    let model = Model::load(&bytes).unwrap();
    let rows: Vec<f32> = x.iter().copied().collect();
    let scored = Scorer::new(&model).score_batch(&rows).unwrap();
    scored.iter().map(|scored| scored.margin.0).collect()
}

#[test]
fn neighbours_answer_as_scikit_learn() {
    for case in cases("knn") {
        let (x, y) = (rows(&case["x"]), labels(&case["y"]));
        let parameters = ["n_neighbours", "weights"].map(|name| (name.to_owned(), &case[name]));
        let learner = Learner::from_parts("knn", &parameters.into()).unwrap();
        let data = dataset(&x, &y);
        let fitted = learner.fit(&data, 0, &()).unwrap();
        let found = margins(&data, fitted.table, &rows(&case["queries"]));
        assert_close(&found, &numbers(&case["probabilities"]), 1e-9);
    }
}

#[test]
fn support_vector_machines_decide_as_scikit_learn() {
    for case in cases("svm") {
        let (x, y) = (rows(&case["x"]), labels(&case["y"]));
        let kernel = case["kernel"].as_str().unwrap();
        let parameters: &[&str] = if kernel == "rbf" {
            &["c", "gamma"]
        } else {
            &["c"]
        };
        let parameters = parameters
            .iter()
            .map(|name| ((*name).to_owned(), &case[*name]));
        let learner = Learner::from_parts(&format!("svm-{kernel}"), &parameters.collect()).unwrap();
        let data = dataset(&x, &y);
        let fitted = learner.fit(&data, 0, &()).unwrap();
        if let ModelTable::Kernel(kernel) = &fitted.table {
            // 40 of the 150 rows are copies.
            assert!(kernel.rows.n_rows <= 110, "{}", kernel.rows.n_rows);
        }
        let found = margins(&data, fitted.table, &x);
        assert_close(&found, &numbers(&case["decisions"]), 1e-3);
    }
}

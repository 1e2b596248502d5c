//! Explanations of imported models against those of the shap library (Lundberg et al., "From local explanations to
//! global understanding with explainable AI for trees", 2020), recorded by `golden/explain.py`.

use picket_schema::{Class, Domain, Feature, FeatureSchema, Label, MissingPolicy};
use picket_trainer::Reporter;
use picket_trainer::import::{ImportOptions, SourceFormat, import};
use picket_wasm_model::{Explainer, Model};
use serde_json::Value;

fn schema(n_features: usize) -> FeatureSchema {
    let class = |name: &str, value: &str| Class {
        name: name.to_owned(),
        values: vec![value.to_owned()],
    };
    let feature = |number: usize| Feature {
        name: format!("x{number}"),
        domain: Domain::Range([-100.0, 100.0]),
        unit: String::new(),
        missing: MissingPolicy::Accept,
        description: String::new(),
    };
    FeatureSchema {
        name: "recorded".to_owned(),
        label: Label {
            name: "class".to_owned(),
            positive: class("bad", "1"),
            negative: class("good", "0"),
        },
        features: (0..n_features).map(feature).collect(),
    }
}

fn numbers(values: &Value) -> Vec<f64> {
    let values = values.as_array().expect("a list").iter();
    values
        .map(|value| value.as_f64().unwrap_or(f64::NAN))
        .collect()
}

#[test]
fn contributions_are_those_of_the_shap_library() {
    let golden: Value = serde_json::from_str(include_str!("golden/explain.json")).unwrap();
    let rows: Vec<Vec<f64>> = golden["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(numbers)
        .collect();
    assert!(rows.iter().flatten().any(|x| x.is_nan()));
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 2);
    for case in cases {
        // For XGBoost the library asks XGBoost itself, which adds f32; leaves here are in fixed point.
        let (format, tolerance) = match case["format"].as_str().unwrap() {
            "xgboost-json" => (SourceFormat::XgboostJson, 1e-5),
            "lightgbm-text" => (SourceFormat::LightgbmText, 1e-7),
            other => panic!("{other}"),
        };
        let file = case["model"].as_str().unwrap().as_bytes();
        let options = ImportOptions {
            n_random_rows: 100,
            ..ImportOptions::default()
        };
        let schema = schema(rows[0].len());
        let imported = import(format, file, &schema, &options, Reporter::Silent).unwrap();
        let model = Model::load(&imported.bytes).unwrap();
        let mut explainer = Explainer::new(&model);
        for (row, expected) in rows.iter().zip(case["contributions"].as_array().unwrap()) {
            let row: Vec<f32> = row.iter().map(|x| *x as f32).collect();
            let found = explainer.explain(&row).unwrap();
            let baseline = case["baseline"].as_f64().unwrap();
            assert!(
                (found.base - baseline).abs() < tolerance,
                "{format:?}: base {}, expected {baseline}",
                found.base
            );
            let expected = numbers(expected);
            assert_eq!(expected.len(), found.contributions.len());
            for (found, expected) in found.contributions.iter().zip(&expected) {
                assert!(
                    (found - expected).abs() < tolerance,
                    "{format:?}, row {row:?}: {found}, expected {expected}"
                );
            }
            assert!(expected.iter().any(|x| x.abs() > 0.01));
        }
    }
}

//! What scikit-learn gives, recorded by `tests/golden/record_transform.py`.

use picket_schema::Domain;
use picket_schema::artifact::{Column, ColumnKind, Step};
use picket_trainer::Dataset;
use picket_trainer::transform::{Encoding, Imputation, Scaling, TransformPlan};
use picket_wasm_model::naive;
use serde_json::Value;

use crate::{numeric, schema};

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/transform.json")).unwrap()
}

/// NaN for null.
fn numbers(value: &Value) -> Vec<f64> {
    let values = value.as_array().unwrap().iter();
    values.map(|x| x.as_f64().unwrap_or(f64::NAN)).collect()
}

fn rows(value: &Value) -> Vec<Vec<f32>> {
    let rows = value.as_array().unwrap().iter();
    let row = |row: &Value| numbers(row).into_iter().map(|x| x as f32).collect();
    rows.map(row).collect()
}

fn assert_near(found: f64, expected: f64, tolerance: f64, what: &str) {
    let error = (found - expected).abs();
    assert!(
        error <= tolerance * (1.0 + expected.abs()),
        "{what}: {found} is not {expected}"
    );
}

#[test]
fn the_knn_imputer_agrees_to_nine_digits() {
    let mut n_gaps = 0;
    for group in golden()["knn"].as_array().unwrap() {
        let training = numeric(&rows(&group["training"]));
        let queries = rows(&group["queries"]);
        let queries_data = numeric(&queries);
        for case in group["cases"].as_array().unwrap() {
            let weights = case["weights"].clone();
            let plan = TransformPlan {
                impute: Imputation::Knn {
                    n_neighbours: case["n_neighbours"].as_u64().unwrap() as u32,
                    weights: match weights.as_str().unwrap() {
                        "uniform" => picket_schema::artifact::NeighbourWeights::Uniform,
                        _ => picket_schema::artifact::NeighbourWeights::Distance,
                    },
                },
                ..TransformPlan::default()
            };
            let fitted = plan.fit(&training, 0).unwrap();
            let [Step::Neighbours(imputer)] = &fitted.steps().0[..] else {
                panic!("expected one step")
            };
            let applied = fitted.apply(&queries_data);
            let gaps = numbers(&case["gaps"]);
            let mut gaps = gaps.iter();
            for (row_idx, query) in queries.iter().enumerate() {
                for (column, x) in query.iter().enumerate() {
                    let filled = applied.row(row_idx)[column];
                    if !x.is_nan() {
                        assert_eq!(filled.to_bits(), x.to_bits());
                        continue;
                    }
                    let expected = *gaps.next().unwrap();
                    let what = format!("{} {case:?} row {row_idx} column {column}", group["name"]);
                    let found = naive::neighbours_value(imputer, query, column).unwrap();
                    assert_near(found, expected, 1e-9, &what);
                    assert_eq!(filled, found as f32, "{what}");
                    n_gaps += 1;
                }
            }
            assert_eq!(gaps.next(), None);
        }
    }
    assert!(n_gaps > 1000, "{n_gaps} gaps");
}

#[test]
fn constants_agree() {
    for case in golden()["simple"].as_array().unwrap() {
        let impute = match case["strategy"].as_str().unwrap() {
            "mean" => Imputation::Mean,
            "median" => Imputation::Median,
            _ => Imputation::MostFrequent,
        };
        let plan = TransformPlan {
            impute,
            ..TransformPlan::default()
        };
        let training = numeric(&rows(&case["training"]));
        let fitted = plan.fit(&training, 0).unwrap();
        let [step] = &fitted.steps().0[..] else {
            panic!("expected one step")
        };
        for (column, expected) in numbers(&case["statistics"]).into_iter().enumerate() {
            assert_eq!(
                step.fill_value(column),
                Some(expected as f32),
                "{impute:?} {column}"
            );
        }
        let filled = fitted.apply(&training);
        assert!(filled.features().iter().all(|x| !x.is_nan()));
    }
}

#[test]
fn scalers_agree() {
    for case in golden()["scalers"].as_array().unwrap() {
        let scale = match case["scaling"].as_str().unwrap() {
            "standard" => Scaling::Standard,
            "robust" => Scaling::Robust,
            _ => Scaling::MinMax,
        };
        let plan = TransformPlan {
            scale,
            ..TransformPlan::default()
        };
        let training = numeric(&rows(&case["training"]));
        let fitted = plan.fit(&training, 0).unwrap();
        let [Step::Columns(columns)] = &fitted.steps().0[..] else {
            panic!("expected one step")
        };
        let expected = numbers(&case["centre"])
            .into_iter()
            .zip(numbers(&case["scale"]));
        for (column, expected) in columns.iter().zip(expected) {
            let Column::Scale {
                centre, scale: by, ..
            } = column
            else {
                panic!("expected a scaled column")
            };
            assert_near(*centre, expected.0, 1e-13, &format!("{scale:?} centre"));
            assert_near(*by, expected.1, 1e-13, &format!("{scale:?} scale"));
        }
        let scaled = fitted.apply(&training);
        let expected = case["scaled"].as_array().unwrap().iter().flat_map(numbers);
        for (found, expected) in scaled.features().iter().zip(expected) {
            assert_eq!(found.is_nan(), expected.is_nan());
            if !expected.is_nan() {
                assert_near(f64::from(*found), expected, 1e-6, &format!("{scale:?}"));
            }
        }
    }
}

#[test]
fn encoders_agree() {
    let case = &golden()["encoders"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let names: Vec<String> = case["names"].as_array().unwrap().iter().map(text).collect();
    let codes = case["column"].as_array().unwrap().iter().map(|name| {
        let code = names.iter().position(|known| *known == text(name));
        code.unwrap() as f32
    });
    let codes: Vec<f32> = codes.collect();
    let labels = numbers(&case["labels"])
        .into_iter()
        .map(|y| y > 0.5)
        .collect();
    let schema = schema(vec![Domain::Categories(names.clone())]);
    let data = Dataset::new(schema.clone(), codes.clone(), labels, "test").unwrap();
    let encoded = |encode| {
        let plan = TransformPlan {
            encode,
            ..TransformPlan::default()
        };
        plan.fit(&data, 0).unwrap()
    };

    let one_hot = encoded(Encoding::OneHot).apply(&data);
    let expected = case["one_hot"].as_array().unwrap().iter().flat_map(numbers);
    assert_eq!(one_hot.columns().len(), names.len());
    let found: Vec<f64> = one_hot.features().iter().map(|x| f64::from(*x)).collect();
    assert_eq!(found, expected.collect::<Vec<_>>());

    let ordinal = encoded(Encoding::Ordinal).apply(&data);
    assert_eq!(ordinal.columns().kind(0), Some(ColumnKind::Numeric));
    let found: Vec<f64> = ordinal.features().iter().map(|x| f64::from(*x)).collect();
    assert_eq!(found, numbers(&case["ordinal"]));

    // Each name once, then a missing value, which the training rows do not have.
    let mut every: Vec<f32> = (0..names.len()).map(|code| code as f32).collect();
    every.push(f32::NAN);
    let labels = (0..every.len()).map(|row_idx| row_idx == 0).collect();
    let every = Dataset::new(schema, every, labels, "test").unwrap();
    for (smoothing, expected) in case["target"].as_object().unwrap() {
        let smoothing = smoothing.parse().unwrap();
        let found = encoded(Encoding::Target { smoothing }).apply(&every);
        let mut codes = numbers(&expected["codes"]);
        codes.push(expected["unknown"].as_f64().unwrap());
        for (found, expected) in found.features().iter().zip(codes) {
            assert_eq!(*found, expected as f32, "smoothing {smoothing}");
        }
    }
}

//! What a plan becomes when it is fitted.

use picket_schema::Domain;
use picket_schema::artifact::{Column, ColumnKind, NeighbourWeights, Step};
use picket_trainer::Dataset;
use picket_trainer::transform::{Encoding, Imputation, Scaling, TransformError, TransformPlan};

use crate::{numeric, schema};

const NAN: f32 = f32::NAN;

/// A number, an ordinal feature and a category; each has gaps.
fn mixed() -> Dataset {
    let domains = vec![
        Domain::Range([-100.0, 100.0]),
        Domain::Values(vec![-1.0, 0.0, 1.0]),
        Domain::Categories(vec!["a".into(), "b".into(), "c".into()]),
        Domain::Range([0.0, 1.0]),
    ];
    let rows = [
        [1.0, -1.0, 0.0, 0.5],
        [3.0, NAN, 1.0, 0.5],
        [NAN, 1.0, 1.0, 0.25],
        [8.0, 1.0, NAN, 0.75],
        [4.0, 0.0, 2.0, 1.0],
        [4.0, 0.0, 1.0, 0.0],
    ];
    let labels = vec![true, false, true, false, true, false];
    Dataset::new(schema(domains), rows.concat(), labels, "test").unwrap()
}

fn plan(text: &str) -> TransformPlan {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_plan_is_read_from_its_names() {
    let all = plan(
        r#"{"impute": {"knn": {"n-neighbours": 3, "weights": "distance"}}, "missing-indicators": true,
            "encode": {"target": {"smoothing": 2.5}}, "encode-ordinal": true, "scale": "min-max"}"#,
    );
    let expected = TransformPlan {
        impute: Imputation::Knn {
            n_neighbours: 3,
            weights: NeighbourWeights::Distance,
        },
        missing_indicators: true,
        encode: Encoding::Target { smoothing: 2.5 },
        encode_ordinal: true,
        scale: Scaling::MinMax,
    };
    assert_eq!(all, expected);
    assert_eq!(plan(&serde_json::to_string(&all).unwrap()), all);
    assert_eq!(plan("{}"), TransformPlan::default());
    assert_eq!(
        plan(r#"{"impute": "most-frequent"}"#).impute,
        Imputation::MostFrequent
    );
    assert_eq!(
        plan(r#"{"impute": {"constant": -1}}"#).impute,
        Imputation::Constant(-1.0)
    );
    let knn = Imputation::Knn {
        n_neighbours: 5,
        weights: NeighbourWeights::Uniform,
    };
    assert_eq!(plan(r#"{"impute": {"knn": {}}}"#).impute, knn);
    assert_eq!(plan(r#"{"encode": "one-hot"}"#).encode, Encoding::OneHot);
    for wrong in [
        r#"{"impute": "mode"}"#,
        r#"{"inpute": "mean"}"#,
        r#"{"impute": {"knn": {"k": 3}}}"#,
    ] {
        assert!(
            serde_json::from_str::<TransformPlan>(wrong).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn no_plan_is_no_step_and_no_copy() {
    let data = mixed();
    let (fitted, rows) = TransformPlan::default().fit_apply(&data, 0).unwrap();
    assert!(fitted.steps().0.is_empty());
    assert!(matches!(rows, std::borrow::Cow::Borrowed(_)));
    assert_eq!(fitted.columns(), data.columns());
}

#[test]
fn categories_are_filled_with_the_most_frequent() {
    let data = mixed();
    for (text, expected) in [
        (
            r#"{"impute": "mean"}"#,
            [Some(4.0), Some(0.2), Some(1.0), Some(0.5)],
        ),
        (
            r#"{"impute": "median"}"#,
            [Some(4.0), Some(0.0), Some(1.0), Some(0.5)],
        ),
        (
            r#"{"impute": "most-frequent"}"#,
            [Some(4.0), Some(0.0), Some(1.0), Some(0.5)],
        ),
        (
            r#"{"impute": {"constant": 7}}"#,
            [Some(7.0), Some(7.0), None, Some(7.0)],
        ),
    ] {
        let fitted = plan(text).fit(&data, 0).unwrap();
        let [step] = &fitted.steps().0[..] else {
            panic!("{text}: expected one step")
        };
        let found: [Option<f32>; 4] = core::array::from_fn(|column| step.fill_value(column));
        assert_eq!(found, expected, "{text}");
    }
    let fitted = plan(r#"{"impute": {"knn": {}}}"#).fit(&data, 0).unwrap();
    let [Step::Neighbours(imputer), fill] = &fitted.steps().0[..] else {
        panic!("expected two steps")
    };
    assert_eq!(imputer.iter_columns().collect::<Vec<_>>(), [0, 1, 3]);
    let found: [Option<f32>; 4] = core::array::from_fn(|column| fill.fill_value(column));
    assert_eq!(found, [None, None, Some(1.0), None]);
    assert!(fitted.apply(&data).features().iter().all(|x| !x.is_nan()));
}

#[test]
fn indicators_say_where_gaps_were() {
    let data = mixed();
    for text in [
        r#"{"impute": "mean", "missing-indicators": true, "scale": "standard"}"#,
        r#"{"impute": {"knn": {}}, "missing-indicators": true}"#,
        r#"{"missing-indicators": true, "encode": "ordinal"}"#,
    ] {
        let fitted = plan(text).fit(&data, 0).unwrap();
        // The last feature has no gap.
        assert_eq!(fitted.columns().len(), 7, "{text}");
        let owners: Vec<usize> = fitted.columns().0.iter().map(|c| c.feature_idx).collect();
        assert_eq!(owners, [0, 1, 2, 3, 0, 1, 2], "{text}");
        let rows = fitted.apply(&data);
        for (row_idx, gap) in [None, Some(1), Some(0), Some(2), None]
            .into_iter()
            .enumerate()
        {
            let mut expected = [0.0; 3];
            if let Some(gap) = gap {
                expected[gap] = 1.0;
            }
            assert_eq!(rows.row(row_idx)[4..], expected, "{text} row {row_idx}");
        }
    }
}

#[test]
fn encoded_features_are_not_scaled() {
    let data = mixed();
    let text = r#"{"encode": "one-hot", "encode-ordinal": true, "scale": "min-max"}"#;
    let fitted = plan(text).fit(&data, 0).unwrap();
    let [Step::Columns(columns)] = &fitted.steps().0[..] else {
        panic!("expected one step")
    };
    let one_hot = |column, value| Column::OneHot { column, value };
    let expected = [
        Column::Scale {
            column: 0,
            centre: 1.0,
            scale: 7.0,
        },
        one_hot(1, -1.0),
        one_hot(1, 0.0),
        one_hot(1, 1.0),
        one_hot(2, 0.0),
        one_hot(2, 1.0),
        one_hot(2, 2.0),
        Column::Scale {
            column: 3,
            centre: 0.0,
            scale: 1.0,
        },
    ];
    assert_eq!(columns[..], expected);
    assert!(
        fitted
            .columns()
            .0
            .iter()
            .all(|column| column.kind == ColumnKind::Numeric)
    );
    assert_eq!(
        fitted.to_features(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 4),
        [1.0, 9.0, 18.0, 8.0]
    );
}

#[test]
fn unknown_and_missing_values_have_a_number_of_their_own() {
    let data = mixed();
    let unknown: Vec<f32> = [0.0, 5.0, 9.0, 0.0].repeat(2);
    let unknown = Dataset::new(data.schema().clone(), unknown, vec![true, false], "test").unwrap();
    let codes = |text: &str| {
        plan(text)
            .fit(&data, 0)
            .unwrap()
            .apply(&unknown)
            .row(0)
            .to_vec()
    };
    let ordinal = codes(r#"{"encode": "ordinal", "encode-ordinal": true}"#);
    assert!(ordinal[1].is_nan() && ordinal[2].is_nan(), "{ordinal:?}");
    // One of the rows without a value there is positive for neither feature.
    let target = codes(r#"{"encode": {"target": {"smoothing": 1}}, "encode-ordinal": true}"#);
    assert_eq!(target[1..3], [0.25, 0.25]);
}

#[test]
fn a_training_row_is_coded_without_its_own_label() {
    // Every row has a category of its own, so all that can be said of it is the share of all.
    let n_rows = 200;
    let names = (0..n_rows).map(|code| format!("c{code}")).collect();
    let schema = schema(vec![Domain::Categories(names)]);
    let values = (0..n_rows).map(|code| code as f32).collect();
    let labels: Vec<bool> = (0..n_rows).map(|row_idx| row_idx % 3 == 0).collect();
    let data = Dataset::new(schema, values, labels.clone(), "test").unwrap();
    let plan = plan(r#"{"encode": {"target": {"smoothing": 0}}}"#);
    let (fitted, rows) = plan.fit_apply(&data, 3).unwrap();
    let all = fitted.apply(&data);
    for (row_idx, label) in labels.iter().enumerate() {
        let own = f32::from(u8::from(*label));
        assert_eq!(all.row(row_idx), [own], "the table knows all labels");
        let code = rows.row(row_idx)[0];
        assert!((code - 1.0 / 3.0).abs() < 0.02, "row {row_idx}: {code}");
    }
    // Rows with equal features are in one fold: a copy's label is the own label.
    let twice: Vec<usize> = (0..n_rows).chain(0..n_rows).collect();
    let twice = data.select(&twice);
    let (_, rows) = plan.fit_apply(&twice, 3).unwrap();
    for row_idx in 0..2 * n_rows {
        let code = rows.row(row_idx)[0];
        assert!((code - 1.0 / 3.0).abs() < 0.02, "row {row_idx}: {code}");
    }
}

#[test]
fn columns_without_values_stay_as_they_are() {
    let rows: Vec<Vec<f32>> = (0..8).map(|i| vec![NAN, i as f32]).collect();
    for text in [
        r#"{"impute": "median", "scale": "robust"}"#,
        r#"{"impute": {"knn": {}}, "scale": "standard"}"#,
    ] {
        let data = numeric(&rows);
        let applied = plan(text).fit(&data, 0).unwrap().apply(&data);
        assert!(
            applied.features().column(0).iter().all(|x| x.is_nan()),
            "{text}"
        );
        assert!(
            applied.features().column(1).iter().all(|x| x.is_finite()),
            "{text}"
        );
    }
    // Nothing at all: there is no row to keep.
    let data = numeric(&vec![vec![NAN, NAN]; 4]);
    let fitted = plan(r#"{"impute": {"knn": {}}}"#).fit(&data, 0).unwrap();
    assert!(fitted.steps().0.is_empty());
}

#[test]
fn parameters_out_of_range_are_refused() {
    let data = mixed();
    for (text, expected) in [
        (
            r#"{"impute": {"knn": {"n-neighbours": 0}}}"#,
            TransformError::Neighbours { found: 0 },
        ),
        (
            r#"{"impute": {"knn": {"n-neighbours": 1025}}}"#,
            TransformError::Neighbours { found: 1025 },
        ),
        (
            r#"{"impute": {"constant": 1e300}}"#,
            TransformError::Constant { found: 1e300 },
        ),
        (
            r#"{"encode": {"target": {"smoothing": -1}}}"#,
            TransformError::Smoothing { found: -1.0 },
        ),
    ] {
        assert_eq!(plan(text).fit(&data, 0), Err(expected), "{text}");
    }
    let wide = vec![Domain::Categories((0..4096).map(|code| format!("c{code}")).collect()); 3];
    let data = Dataset::new(schema(wide), vec![0.0; 6], vec![true, false], "test").unwrap();
    let found = plan(r#"{"encode": "one-hot"}"#).fit(&data, 0);
    assert_eq!(found, Err(TransformError::Columns { found: 3 * 4096 }));
}

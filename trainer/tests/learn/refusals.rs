//! Each mistake has its error.

use ndarray::arr2;
use picket_trainer::learn::{
    BoostingParams, Column, FeatureSampling, LearnError, Matrix, RandomForestParams,
};

#[test]
fn each_mistake_has_its_error() {
    let features = arr2(&[[0.0, 1.0], [1.0, 0.0]]);
    let labels = vec![false, true];
    let new = |n| Matrix::new(features.slice(ndarray::s![..n, ..]), labels.clone());
    assert!(matches!(new(0), Err(LearnError::NoRows)));
    assert!(matches!(
        new(1),
        Err(LearnError::LabelCount {
            expected: 1,
            found: 2
        })
    ));
    let none = features.slice(ndarray::s![.., ..0]);
    assert!(matches!(
        Matrix::new(none, labels.clone()),
        Err(LearnError::NoColumns)
    ));
    let matrix = new(2).expect("two rows");
    let short = matrix.clone().with_columns(vec![Column::Numeric]);
    assert!(matches!(
        short,
        Err(LearnError::ColumnCount {
            expected: 2,
            found: 1
        })
    ));
    let large = vec![
        Column::Numeric,
        Column::Categorical {
            n_categories: 1 << 17,
        },
    ];
    let large = matrix.clone().with_columns(large);
    assert!(matches!(
        large,
        Err(LearnError::TooManyCategories { column: 1, .. })
    ));
    let short = matrix.clone().with_weights(vec![1.0]);
    assert!(matches!(
        short,
        Err(LearnError::WeightCount {
            expected: 2,
            found: 1
        })
    ));
    for weight in [-1.0, f32::NAN, f32::INFINITY] {
        let weights = matrix.clone().with_weights(vec![1.0, weight]);
        assert!(matches!(
            weights,
            Err(LearnError::InvalidWeight { row: 1, .. })
        ));
    }
    let name_of = |refused: Result<_, LearnError>| match refused {
        Err(LearnError::Parameter { name, .. }) => name,
        other => panic!("expected a refusal, found {other:?}"),
    };
    let boosting = BoostingParams::new;
    for (params, name) in [
        (boosting().n_trees(0), "n_trees"),
        (boosting().learning_rate(0.0), "learning_rate"),
        (boosting().learning_rate(1.5), "learning_rate"),
        (boosting().l2(f64::NAN), "l2"),
        (boosting().positive_weight(0.0), "positive_weight"),
        (boosting().positive_weight(f64::INFINITY), "positive_weight"),
        (boosting().row_fraction(1.1), "row_fraction"),
        (boosting().column_fraction(Some(0.0)), "column_fraction"),
    ] {
        assert_eq!(name_of(params.fit_matrix(&matrix).map(|_| ())), name);
    }
    let none_tried = FeatureSampling::Count(0);
    let forest = RandomForestParams::new()
        .feature_sampling(none_tried)
        .fit_matrix(&matrix);
    assert_eq!(name_of(forest.map(|_| ())), "feature_sampling");
}

//! Fitting and predicting as linfa does.

use linfa::dataset::Dataset;
use linfa::traits::{Fit, Predict};
use ndarray::{Array1, Array2, arr1, arr2};
use picket_trainer::learn::{
    BoostingParams, DecisionTreeParams, ExtraTreesParams, LearnError, PredictProbability,
    RandomForestParams, TreeEnsemble,
};

use crate::data::Noise;

#[test]
fn linfa_fits_and_predicts_through_its_traits() {
    let mut noise = Noise(9);
    let records = Array2::from_shape_simple_fn((400, 3), || noise.below(4) as f32);
    let truth: Array1<bool> = records
        .rows()
        .into_iter()
        .map(|row| row.sum() > 4.5)
        .collect();
    let dataset = Dataset::new(records.clone(), truth.clone());
    let boosting = BoostingParams::new().n_trees(60).column_fraction(Some(1.0));
    let fitted: Vec<TreeEnsemble> = vec![
        DecisionTreeParams::new().fit(&dataset).expect("a tree"),
        RandomForestParams::new()
            .n_trees(30)
            .fit(&dataset)
            .expect("a forest"),
        ExtraTreesParams::new()
            .n_trees(30)
            .fit(&dataset)
            .expect("extra-trees"),
        boosting.fit(&dataset).expect("a boosting"),
    ];
    for ensemble in &fitted {
        let predicted: Array1<bool> = ensemble.predict(&dataset);
        let n_wrong = predicted.iter().zip(&truth).filter(|(a, b)| a != b).count();
        assert!(n_wrong <= 4, "{n_wrong} wrong");
        let codes: Array1<usize> = ensemble.predict(&records);
        let probabilities = ensemble.predict_probability(&records);
        for (row, probability) in probabilities.iter().enumerate() {
            assert_eq!(predicted[row], *probability >= 0.5);
            assert_eq!(codes[row], usize::from(predicted[row]));
        }
    }
    let coded = Dataset::new(records.clone(), truth.mapv(usize::from));
    let again: TreeEnsemble = DecisionTreeParams::new().fit(&coded).expect("a tree");
    assert!(again == fitted[0]);
    let three_classes = Dataset::new(records, truth.mapv(|label| usize::from(label) * 2));
    let refused: Result<TreeEnsemble, LearnError> = DecisionTreeParams::new().fit(&three_classes);
    assert!(matches!(
        refused,
        Err(LearnError::NotBinary { found: 2, .. })
    ));
}

#[test]
fn linfa_weights_are_used() {
    let records = arr2(&[[0.0], [0.0], [1.0]]);
    let targets = arr1(&[false, true, true]);
    let dataset = Dataset::new(records, targets).with_weights(arr1(&[1.0, 3.0, 1.0]));
    let tree: TreeEnsemble = DecisionTreeParams::new().fit(&dataset).expect("a tree");
    assert_eq!(tree.margin(arr1(&[0.0]).view()), 0.75);
}

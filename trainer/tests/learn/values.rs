//! Weights, missing values and categories.

use ndarray::{Array2, arr1, arr2};
use picket_trainer::learn::{
    BoostingParams, Column, DecisionTreeParams, LearnError, Matrix, Node, RandomForestParams, Test,
};

use crate::data::{Noise, fit_all};

#[test]
fn a_weight_of_three_is_the_row_three_times() {
    let mut noise = Noise(5);
    let n_rows = 200;
    let features = Array2::from_shape_simple_fn((n_rows, 5), || noise.below(9) as f32);
    let labels: Vec<bool> = features
        .rows()
        .into_iter()
        .map(|r| r.sum() + noise.below(9) as f32 > 24.0)
        .collect();
    let times: Vec<usize> = (0..n_rows).map(|_| noise.below(4) as usize).collect();
    let weights: Vec<f32> = times.iter().map(|&n| n as f32).collect();
    // Copies follow the rows, so that groups appear in the same order in both.
    let rows: Vec<usize> = (0..n_rows)
        .chain((0..n_rows).flat_map(|r| std::iter::repeat_n(r, times[r])))
        .collect();
    let repeated = features.select(ndarray::Axis(0), &rows);
    let repeated_labels: Vec<bool> = rows.iter().map(|&row| labels[row]).collect();
    let plus_one: Vec<f32> = weights.iter().map(|weight| weight + 1.0).collect();

    let weighted = Matrix::new(features.view(), labels).and_then(|m| m.with_weights(plus_one));
    let repeated = Matrix::new(repeated.view(), repeated_labels);
    let (weighted, repeated) = (weighted.expect("weights"), repeated.expect("labels"));
    let without_row_bootstrap = |matrix: &Matrix<'_>| {
        let mut all = fit_all(matrix);
        all.remove(2); // draws single rows, of which there are more in one matrix
        all
    };
    assert!(without_row_bootstrap(&weighted) == without_row_bootstrap(&repeated));
}

#[test]
fn rows_without_weight_teach_nothing() {
    let features = arr2(&[[0.0], [0.0], [1.0], [1.0], [2.0]]);
    let labels = [false, false, true, true, false];
    let matrix = Matrix::new(features.view(), &labels[..])
        .and_then(|matrix| matrix.with_weights(vec![1.0, 1.0, 1.0, 1.0, 0.0]))
        .expect("weights");
    let tree = DecisionTreeParams::new()
        .fit_matrix(&matrix)
        .expect("both classes");
    assert_eq!(tree.margin(arr1(&[2.0]).view()), 1.0);
    let one_class = Matrix::new(features.view(), &labels[..])
        .and_then(|matrix| matrix.with_weights(vec![1.0, 1.0, 0.0, 0.0, 1.0]))
        .expect("weights");
    let refused = RandomForestParams::new().fit_matrix(&one_class);
    assert!(matches!(
        refused,
        Err(LearnError::SingleClass { found: false })
    ));
}

/// The missing direction follows the labels of the rows that miss the value, in every learner
/// and for both kinds of columns.
#[test]
fn the_missing_direction_is_learned() {
    for column in [Column::Numeric, Column::Categorical { n_categories: 2 }] {
        for missing_label in [false, true] {
            let values: Vec<[f32; 1]> =
                (0..90).map(|row| [[0.0, 1.0, f32::NAN][row % 3]]).collect();
            let labels: Vec<bool> = (0..90)
                .map(|row| [false, true, missing_label][row % 3])
                .collect();
            let features = Array2::from(values);
            let matrix = Matrix::new(features.view(), labels)
                .and_then(|matrix| matrix.with_columns(vec![column]))
                .expect("one column");
            for ensemble in fit_all(&matrix) {
                let probability = |value: f32| ensemble.probabilities(arr2(&[[value]]).view())[0];
                assert!(probability(0.0) < 0.5 && probability(1.0) > 0.5);
                assert_eq!(probability(f32::NAN) > 0.5, missing_label, "{column:?}");
            }
        }
    }
}

/// Without missing values in training they go where most of the weight goes, and so do
/// categories that no row had.
#[test]
fn what_training_never_saw_follows_the_majority() {
    let features = Array2::from(
        (0..10)
            .map(|row| {
                [
                    f32::from(u8::from(row >= 7)),
                    [0.0, 3.0][usize::from(row >= 7)],
                ]
            })
            .collect::<Vec<_>>(),
    );
    let labels: Vec<bool> = (0..10).map(|row| row >= 7).collect();
    for column in [0, 1] {
        let one = features.select(ndarray::Axis(1), &[column]);
        let kind = [Column::Numeric, Column::Categorical { n_categories: 5 }][column];
        let matrix = Matrix::new(one.view(), &labels[..])
            .and_then(|matrix| matrix.with_columns(vec![kind]))
            .expect("one column");
        let tree = DecisionTreeParams::new()
            .fit_matrix(&matrix)
            .expect("both classes");
        assert_eq!(
            tree.margin(arr1(&[f32::NAN]).view()),
            0.0,
            "seven rows of ten are negative"
        );
        if column == 1 {
            assert_eq!(
                tree.margin(arr1(&[4.0]).view()),
                0.0,
                "in range, never seen"
            );
            assert_eq!(tree.margin(arr1(&[5.0]).view()), 0.0, "out of range");
            assert_eq!(tree.margin(arr1(&[3.0]).view()), 1.0);
        }
    }
}

/// A set of scattered categories is one split, where thresholds would need many.
#[test]
fn scattered_categories_are_one_split() {
    let members = [1, 5, 8, 13, 69];
    let features = Array2::from((0..700).map(|row| [(row % 70) as f32]).collect::<Vec<_>>());
    let labels: Vec<bool> = (0..700).map(|row| members.contains(&(row % 70))).collect();
    let matrix = Matrix::new(features.view(), labels)
        .and_then(|matrix| matrix.with_columns(vec![Column::Categorical { n_categories: 70 }]))
        .expect("one column");
    let tree = DecisionTreeParams::new()
        .fit_matrix(&matrix)
        .expect("both classes");
    let params = BoostingParams::new()
        .n_trees(1)
        .max_depth(Some(1))
        .column_fraction(Some(1.0));
    let boosted = params.fit_matrix(&matrix).expect("both classes").ensemble;
    for ensemble in [tree, boosted] {
        assert_eq!(ensemble.trees()[0].leaf_values().count(), 2);
        let Node::Split { condition, .. } = &ensemble.trees()[0].nodes()[0] else {
            panic!("a split")
        };
        let Test::Categories(set) = &condition.test else {
            panic!("a set of categories")
        };
        let inside: Vec<usize> = (0..70).filter(|&code| set.contains(code)).collect();
        let outside: Vec<usize> = (0..70).filter(|&code| !set.contains(code)).collect();
        assert!(inside == members || outside == members, "{inside:?}");
    }
}

/// Weights of one class so small that they round to nothing still give a model.
#[test]
fn weights_may_differ_by_many_orders() {
    let features = arr2(&[[0.0], [1.0], [2.0], [3.0]]);
    let matrix = Matrix::new(features.view(), vec![true, false, true, false])
        .and_then(|matrix| matrix.with_weights(vec![1e-30, 1e8, 1e-30, 1e8]))
        .expect("weights");
    for ensemble in fit_all(&matrix) {
        let probabilities = ensemble.probabilities(features.view());
        assert!(
            probabilities.iter().all(|p| (0.0..0.01).contains(p)),
            "{probabilities}"
        );
    }
}

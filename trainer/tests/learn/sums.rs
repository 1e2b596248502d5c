//! How leaves add up, and what features did for them.

use ndarray::Array2;
use picket_trainer::learn::{Link, Matrix, Node, Operator, RandomForestParams};

use crate::data::{Data, Noise, fit_all};

/// Sums of leaves are exact: any order gives the same margin, and units give it too.
#[test]
fn margins_are_sums_of_whole_units() {
    let data = Data::mixed(3_000);
    for ensemble in fit_all(&data.matrix()) {
        let unit = 2f64.powi(-ensemble.scale_log2());
        let mut largest = ensemble.units(ensemble.base()).abs();
        for tree in ensemble.trees() {
            let units = tree.leaf_values().map(|value| {
                let units = ensemble.units(value);
                assert_eq!(units as f64 * unit, value, "a whole number of units");
                i64::from(i32::try_from(units).expect("a leaf in 32 bits")).abs()
            });
            largest += units.max().expect("a leaf");
        }
        assert!(largest <= 1 << 52);
        for row in data.features.rows().into_iter().take(200) {
            let leaf = |tree: &picket_trainer::learn::Tree| {
                let mut at = 0;
                while let Node::Split {
                    condition,
                    left,
                    right,
                    ..
                } = &tree.nodes()[at]
                {
                    let value = row[condition.feature as usize];
                    let goes_left = condition.goes_left(value, ensemble.operator());
                    at = if goes_left { *left } else { *right } as usize;
                }
                let Node::Leaf { value, .. } = tree.nodes()[at] else {
                    panic!("a leaf")
                };
                value
            };
            let backwards: i64 = ensemble
                .trees()
                .iter()
                .rev()
                .map(|tree| ensemble.units(leaf(tree)))
                .sum();
            let sum = (ensemble.units(ensemble.base()) + backwards) as f64 * unit;
            assert_eq!(sum.to_bits(), ensemble.margin(row).to_bits());
        }
    }
}

#[test]
fn forest_votes_stay_between_zero_and_one() {
    let features = Array2::from((0..40).map(|row| [row as f32]).collect::<Vec<_>>());
    let labels: Vec<bool> = (0..40).map(|row| row >= 20).collect();
    let matrix = Matrix::new(features.view(), labels).expect("labels");
    // 1/n rounded to the nearest unit and added n times is more than 1 for some of these n.
    for n_trees in [3, 7, 49, 101] {
        let params = RandomForestParams::new().n_trees(n_trees);
        let ensemble = params.fit_matrix(&matrix).expect("a forest").ensemble;
        assert_eq!(
            (ensemble.link(), ensemble.operator()),
            (Link::Identity, Operator::LessEqual)
        );
        let margins = ensemble.margins(features.view());
        assert!(margins.iter().all(|margin| (0.0..=1.0).contains(margin)));
        assert!(
            margins[0] == 0.0 && margins[39] > 0.999_999,
            "unanimous at both ends"
        );
    }
}

#[test]
fn importances_name_the_feature_that_decides() {
    let mut noise = Noise(1);
    let features = Array2::from_shape_simple_fn((500, 4), || noise.value());
    let labels: Vec<bool> = features
        .column(2)
        .iter()
        .map(|value| *value > 500.0)
        .collect();
    let matrix = Matrix::new(features.view(), labels).expect("labels");
    for ensemble in fit_all(&matrix) {
        let gains: Vec<f64> = ensemble.importances().iter().map(|i| i.gain).collect();
        assert_eq!(gains.len(), 4);
        let others = gains[0] + gains[1] + gains[3];
        assert!(gains[2] > 2.0 * others, "{gains:?}");
    }
}

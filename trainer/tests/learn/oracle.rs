//! The histogram learners against searches too plain to be wrong.

use ndarray::{Array2, ArrayView1};
use picket_trainer::learn::{
    BoostingParams, Column, Condition, DecisionTreeParams, Matrix, Node, Operator, Test,
    TreeEnsemble,
};
use proptest::prelude::*;

/// A small table: one numeric column with few values, one with many, one categorical; missing
/// values in all of them; weights in quarters.
#[derive(Debug, Clone)]
struct Small {
    features: Array2<f32>,
    labels: Vec<bool>,
    weights: Vec<f32>,
}

const COLUMNS: [Column; 3] = [
    Column::Numeric,
    Column::Numeric,
    Column::Categorical { n_categories: 5 },
];

fn small() -> impl Strategy<Value = Small> {
    let few = prop_oneof![4 => (-1..=1_i8).prop_map(f32::from), 1 => Just(f32::NAN)];
    let extremes = prop_oneof![Just(f32::INFINITY), Just(f32::NEG_INFINITY), Just(f32::NAN)];
    let many = prop_oneof![8 => -100.0..100.0_f32, 1 => extremes];
    let code = prop_oneof![6 => (0..5_u8).prop_map(f32::from), 1 => Just(f32::NAN)];
    let row = (
        few,
        many,
        code,
        any::<bool>(),
        (1..9_u8).prop_map(|w| f32::from(w) / 4.0),
    );
    prop::collection::vec(row, 2..24).prop_map(|rows| Small {
        features: rows
            .iter()
            .map(|row| [row.0, row.1, row.2])
            .collect::<Vec<_>>()
            .into(),
        labels: rows.iter().map(|row| row.3).collect(),
        weights: rows.iter().map(|row| row.4).collect(),
    })
}

impl Small {
    fn matrix(&self) -> Matrix<'_> {
        Matrix::new(self.features.view(), &self.labels[..])
            .and_then(|matrix| matrix.with_columns(&COLUMNS[..]))
            .and_then(|matrix| matrix.with_weights(&self.weights[..]))
            .expect("a label and a weight for each row")
    }

    fn has_both_classes(&self) -> bool {
        self.labels.contains(&true) && self.labels.contains(&false)
    }

    /// Every way to divide the rows by one question: for numbers each value that is there as a
    /// threshold, for categories each subset, and missing values on either side. Thresholds are
    /// finite, so nothing divides `+inf` and the rest from what is missing.
    fn every_division(&self) -> Vec<Vec<bool>> {
        let mut divisions = Vec::new();
        for (column, kind) in COLUMNS.iter().enumerate() {
            let values = self.features.column(column);
            for missing_left in [false, true] {
                match kind {
                    Column::Numeric => {
                        for at in values.iter().filter(|at| !at.is_nan()) {
                            let at = at.min(f32::MAX);
                            let left = |v: &f32| if v.is_nan() { missing_left } else { *v <= at };
                            divisions.push(values.iter().map(left).collect());
                        }
                    }
                    Column::Categorical { .. } => {
                        for set in 0..32_u32 {
                            let left = |v: &f32| {
                                if v.is_nan() {
                                    missing_left
                                } else {
                                    set >> *v as u32 & 1 == 1
                                }
                            };
                            divisions.push(values.iter().map(left).collect());
                        }
                    }
                }
            }
        }
        divisions
    }

    /// The highest score over all divisions of `rows` with some on both sides.
    fn best(&self, rows: &[usize], score: impl Fn(&[usize]) -> f64) -> Option<f64> {
        let scores = self.every_division().into_iter().filter_map(|left| {
            let (left, right): (Vec<_>, Vec<_>) = rows.iter().partition(|&&row| left[row]);
            (!left.is_empty() && !right.is_empty()).then(|| score(&left) + score(&right))
        });
        scores.max_by(f64::total_cmp)
    }

    fn all(&self) -> Vec<usize> {
        (0..self.labels.len()).collect()
    }

    fn divided_by(&self, condition: &Condition, rows: &[usize]) -> (Vec<usize>, Vec<usize>) {
        let values = self.features.column(condition.feature as usize);
        rows.iter()
            .partition(|&&row| condition.goes_left(values[row], Operator::LessEqual))
    }

    /// The rows that reach each node of the first tree.
    fn rows_by_node(&self, ensemble: &TreeEnsemble) -> Vec<Vec<usize>> {
        let nodes = ensemble.trees()[0].nodes();
        let mut rows = vec![self.all(); nodes.len()];
        for (at, node) in nodes.iter().enumerate() {
            if let Node::Split {
                condition,
                left,
                right,
                ..
            } = node
            {
                let sides = self.divided_by(condition, &rows[at]);
                (rows[*left as usize], rows[*right as usize]) = sides;
            }
        }
        rows
    }

    fn class_weights(&self, rows: &[usize]) -> (f64, f64) {
        let of = |class| {
            let rows = rows.iter().filter(|&&row| self.labels[row] == class);
            rows.map(|&row| f64::from(self.weights[row])).sum()
        };
        (of(false), of(true))
    }

    fn gini_score(&self, rows: &[usize]) -> f64 {
        let (negative, positive) = self.class_weights(rows);
        (negative * negative + positive * positive) / (negative + positive)
    }

    fn gradient_score(&self, rows: &[usize], prior: f64) -> f64 {
        let (negative, positive) = self.class_weights(rows);
        let gradient = negative * prior - positive * (1.0 - prior);
        gradient * gradient / ((negative + positive) * prior * (1.0 - prior) + 1.0)
    }
}

fn root(ensemble: &TreeEnsemble) -> &Node {
    &ensemble.trees()[0].nodes()[0]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_tree_finds_the_best_gini_split(data in small()) {
        prop_assume!(data.has_both_classes());
        let params = DecisionTreeParams::new().max_depth(Some(3)).min_weight_leaf(0.0);
        let tree = params.min_weight_split(0.0).fit_matrix(&data.matrix()).expect("both classes");
        let nodes = tree.trees()[0].nodes();
        for (node, rows) in nodes.iter().zip(data.rows_by_node(&tree)) {
            if let Node::Split { condition, .. } = node {
                let (left, right) = data.divided_by(condition, &rows);
                let found = data.gini_score(&left) + data.gini_score(&right);
                let best = data.best(&rows, |rows| data.gini_score(rows)).expect("a division");
                prop_assert!((found - best).abs() < 1e-6, "found {found}, best {best}");
            }
        }
        let can_split = data.best(&data.all(), |_| 0.0).is_some();
        prop_assert_eq!(nodes.len() > 1, can_split);
    }

    /// Below the root this checks histograms got by subtraction, too.
    #[test]
    fn boosting_finds_the_split_of_highest_gain(data in small()) {
        prop_assume!(data.has_both_classes());
        let params = BoostingParams::new().n_trees(1).max_depth(Some(3)).min_child_weight(0.0);
        let params = params.column_fraction(Some(1.0)).category_smoothing(0.0).category_l2(0.0);
        let params = params.learning_rate(1.0);
        let fitted = params.fit_matrix(&data.matrix()).expect("both classes").ensemble;
        let (negative, positive) = data.class_weights(&data.all());
        let prior = positive / (negative + positive);
        let score = |rows: &[usize]| data.gradient_score(rows, prior);
        let nodes = fitted.trees()[0].nodes();
        let mut depths = vec![0; nodes.len()];
        for (at, rows) in data.rows_by_node(&fitted).into_iter().enumerate() {
            let best = data.best(&rows, score).map_or(0.0, |best| (best - score(&rows)) / 2.0);
            match &nodes[at] {
                Node::Split { condition, left, right, .. } => {
                    let (on_left, on_right) = data.divided_by(condition, &rows);
                    let found = (score(&on_left) + score(&on_right) - score(&rows)) / 2.0;
                    prop_assert!((found - best).abs() < 1e-5, "found {found}, best {best}");
                    depths[*left as usize] = depths[at] + 1;
                    depths[*right as usize] = depths[at] + 1;
                }
                Node::Leaf { value, .. } => {
                    prop_assert!(depths[at] == 3 || best < 1e-5, "the best is {best}");
                    let (negative, positive) = data.class_weights(&rows);
                    let gradient = negative * prior - positive * (1.0 - prior);
                    let hessian = (negative + positive) * prior * (1.0 - prior);
                    let expected = -gradient / (hessian + 1.0);
                    // Leaves are rounded to whole units of two bytes; weights have a rounding of their own.
                    let half_unit = 0.5 * (-f64::from(fitted.scale_log2())).exp2();
                    prop_assert!(half_unit < 0.01, "leaves are too coarse");
                    prop_assert!((value - expected).abs() < half_unit + 2e-4, "{value}, not {expected}");
                }
            }
        }
    }

    /// Rows that do not contradict each other are learned without error, whatever the values.
    #[test]
    fn a_full_tree_repeats_its_training_rows(mut data in small()) {
        prop_assume!(data.has_both_classes());
        data.features.mapv_inplace(|v| if v == f32::INFINITY { f32::MAX } else { v });
        let params = DecisionTreeParams::new().min_weight_leaf(0.0).min_weight_split(0.0);
        let tree = params.fit_matrix(&data.matrix()).expect("both classes");
        for (row, label) in data.features.rows().into_iter().zip(&data.labels) {
            let same: Vec<usize> = (0..data.labels.len())
                .filter(|&other| equal_rows(data.features.row(other), row))
                .collect();
            let (negative, positive) = data.class_weights(&same);
            let share = positive / (negative + positive);
            let margin = tree.margin(row);
            prop_assert!((margin - share).abs() < 1e-6, "{label}: {margin} for {share}");
        }
    }

    /// The children of every split share its cover, and the root has all the weight.
    #[test]
    fn covers_add_up(data in small()) {
        prop_assume!(data.has_both_classes());
        let total: f64 = data.weights.iter().map(|weight| f64::from(*weight)).sum();
        let tree = DecisionTreeParams::new().fit_matrix(&data.matrix()).expect("both classes");
        let params = BoostingParams::new().n_trees(3).row_fraction(0.7).min_child_weight(0.1);
        let boosted = params.fit_matrix(&data.matrix()).expect("both classes").ensemble;
        for tree in tree.trees().iter().chain(boosted.trees()) {
            let nodes = tree.nodes();
            prop_assert!((nodes[0].cover() - total).abs() < 1e-4);
            for node in nodes {
                if let Node::Split { left, right, cover, .. } = node {
                    let below = nodes[*left as usize].cover() + nodes[*right as usize].cover();
                    prop_assert!((below - cover).abs() < 1e-9);
                }
            }
        }
    }
}

/// Equal for a tree: missing is missing, and -0 is 0.
fn equal_rows(a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>) -> bool {
    a.iter()
        .zip(b)
        .all(|(a, b)| a == b || a.is_nan() && b.is_nan())
}

/// Smooths nothing and orders nothing: a threshold is the middle between two training values.
#[test]
fn a_threshold_lies_halfway() {
    let features = Array2::from(vec![[1.0_f32], [2.0], [5.0], [9.0]]);
    let matrix = Matrix::new(features.view(), vec![false, false, true, true]).expect("four rows");
    let tree = DecisionTreeParams::new()
        .fit_matrix(&matrix)
        .expect("both classes");
    let Node::Split { condition, .. } = root(&tree) else {
        panic!("a split")
    };
    assert_eq!(condition.test, Test::Threshold(3.5));
}

//! Made-up data for the tests, and one of each learner.

use ndarray::Array2;
use picket_trainer::learn::{
    BoostingParams, Bootstrap, Column, DecisionTreeParams, ExtraTreesParams, Matrix,
    RandomForestParams, TreeEnsemble,
};

/// Numbers without pattern, the same every time.
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % n
    }

    pub(crate) fn value(&mut self) -> f32 {
        self.below(1 << 20) as f32 / 1024.0
    }
}

pub(crate) const MIXED: [Column; 6] = [
    Column::Numeric,
    Column::Numeric,
    Column::Numeric,
    Column::Categorical { n_categories: 40 },
    Column::Categorical { n_categories: 400 },
    Column::Numeric,
];

pub(crate) struct Data {
    pub(crate) features: Array2<f32>,
    pub(crate) labels: Vec<bool>,
}

impl Data {
    /// Few and many values, two categorical columns, 10 % missing, labels with noise; every
    /// fifth row repeats an earlier one.
    pub(crate) fn mixed(n_rows: usize) -> Self {
        let mut noise = Noise(42);
        let mut features = Array2::zeros((n_rows, MIXED.len()));
        let mut labels = Vec::with_capacity(n_rows);
        for row in 0..n_rows {
            if row % 5 == 4 {
                let earlier = noise.below(row as u64) as usize;
                let copy = features.row(earlier).to_owned();
                features.row_mut(row).assign(&copy);
                labels.push(labels[earlier] ^ (noise.below(10) == 0));
                continue;
            }
            let values = [
                noise.below(3) as f32 - 1.0,
                noise.value(),
                noise.value(),
                noise.below(40) as f32,
                noise.below(400) as f32,
                noise.below(2) as f32,
            ];
            let sum = values[0] * 300.0 + values[1] + (values[3] % 7.0) * 80.0;
            labels.push((sum > 800.0) ^ (noise.below(12) == 0));
            for (column, value) in values.into_iter().enumerate() {
                features[(row, column)] = if noise.below(10) == 0 {
                    f32::NAN
                } else {
                    value
                };
            }
        }
        Self { features, labels }
    }

    pub(crate) fn matrix(&self) -> Matrix<'_> {
        Matrix::new(self.features.view(), &self.labels[..])
            .and_then(|matrix| matrix.with_columns(&MIXED[..]))
            .expect("a label for each row, a kind for each column")
    }
}

/// One of each learner, with everything random about it switched on.
pub(crate) fn fit_all(matrix: &Matrix<'_>) -> Vec<TreeEnsemble> {
    let forest = RandomForestParams::new().n_trees(7).seed(3);
    let rows = forest
        .clone()
        .bootstrap(Bootstrap::Rows)
        .positive_weight(1.7);
    let boosting = BoostingParams::new().n_trees(9).learning_rate(0.3).seed(3);
    let sampled = boosting
        .clone()
        .row_fraction(0.7)
        .column_fraction(Some(0.7));
    let sampled = sampled
        .split_column_fraction(0.6)
        .max_leaves(Some(20))
        .max_depth(None);
    vec![
        DecisionTreeParams::new()
            .fit_matrix(matrix)
            .expect("a tree"),
        forest.fit_matrix(matrix).expect("a forest").ensemble,
        rows.fit_matrix(matrix).expect("a forest").ensemble,
        ExtraTreesParams::new()
            .n_trees(7)
            .fit_matrix(matrix)
            .expect("extra-trees")
            .ensemble,
        boosting.fit_matrix(matrix).expect("a boosting").ensemble,
        sampled.fit_matrix(matrix).expect("a boosting").ensemble,
    ]
}

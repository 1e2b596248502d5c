//! What a forest says of a training row when only the trees that never saw it may speak.

use ndarray::Axis;
use rayon::prelude::*;

use super::ensemble::TreeEnsemble;
use super::matrix::Matrix;
use super::table::Table;

/// Scores of the training rows from the trees that learned without them: close to what the forest
/// says of new rows, and so fit for calibration. A tree has seen a row if it has seen an equal one.
#[derive(Debug, Clone, PartialEq)]
pub struct OutOfBag {
    probabilities: Vec<Option<f64>>,
}

impl OutOfBag {
    /// The probability of the positive class for each training row, `(n_rows)`; `None` for a row
    /// that every tree has seen.
    #[must_use]
    pub fn probabilities(&self) -> &[Option<f64>] {
        &self.probabilities
    }

    pub(crate) fn collect(
        matrix: &Matrix<'_>,
        table: &Table,
        ensemble: &TreeEnsemble,
        unseen: &[Unseen],
    ) -> Self {
        let mut first_rows = vec![u32::MAX; table.n_groups()];
        for (row, &group) in table.group_of_row.iter().enumerate().rev() {
            first_rows[group as usize] = row as u32;
        }
        let n_trees = ensemble.trees().len() as f64;
        let of_group = |group: usize| {
            let row = matrix.features();
            let row = row.index_axis(Axis(0), first_rows[group] as usize);
            let mut sum = 0.0;
            let mut n_speaking = 0_u32;
            for (tree, unseen) in ensemble.trees().iter().zip(unseen) {
                if unseen.contains(group) {
                    sum += tree.value(row, ensemble.operator());
                    n_speaking += 1;
                }
            }
            (n_speaking > 0).then(|| (sum * n_trees / f64::from(n_speaking)).min(1.0))
        };
        let of_groups: Vec<Option<f64>> = (0..table.n_groups())
            .into_par_iter()
            .with_min_len(64)
            .map(of_group)
            .collect();
        let probabilities = table
            .group_of_row
            .iter()
            .map(|&group| of_groups[group as usize])
            .collect();
        Self { probabilities }
    }
}

/// The groups of rows a tree has not seen, as bits.
#[derive(Debug)]
pub(crate) struct Unseen {
    words: Vec<u64>,
}

impl Unseen {
    /// The groups whose weight in the tree's sample is 0.
    pub(crate) fn of_weights(weights: &[u64]) -> Self {
        let bits = |chunk: &[u64]| {
            chunk
                .iter()
                .enumerate()
                .fold(0, |bits, (at, w)| bits | u64::from(*w == 0) << at)
        };
        Self {
            words: weights.chunks(64).map(bits).collect(),
        }
    }

    fn contains(&self, group: usize) -> bool {
        self.words[group / 64] >> (group % 64) & 1 == 1
    }
}

//! Watches the loss on rows the trees do not learn from.

use super::binned_tree::BinnedTree;
use crate::learn::matrix::Matrix;
use crate::learn::table::Table;

/// The validation part and what the trees so far make of it.
pub(crate) struct Validation {
    table: Table,
    margins: Vec<f64>,
    losses: Vec<f64>,
    best: usize,
}

impl Validation {
    /// Bins the part as the training part is binned.
    pub(crate) fn new(part: &Matrix<'_>, training: &Table, base: f64) -> Self {
        let table = Table::with_features(part, training.features.clone());
        let margins = vec![base; table.n_groups()];
        Self {
            table,
            margins,
            losses: Vec::new(),
            best: 0,
        }
    }

    /// Adds a tree and measures the mean log loss.
    pub(crate) fn add(&mut self, tree: &BinnedTree) {
        let (mut sum, mut weight) = (0.0, 0.0);
        for (group, margin) in self.margins.iter_mut().enumerate() {
            *margin += tree.leaf(self.table.group(group)).1;
            let classes = self.table.classes[group];
            let (negative, positive) = (f64::from(classes.negative), f64::from(classes.positive));
            sum += negative * softplus(*margin) + positive * softplus(-*margin);
            weight += negative + positive;
        }
        self.losses.push(sum / weight);
        let last = self.losses.len() - 1;
        if self.losses[last] < self.losses[self.best] {
            self.best = last;
        }
    }

    /// Whether the newest tree made the loss the lowest yet.
    pub(crate) fn is_best(&self) -> bool {
        self.best + 1 == self.losses.len()
    }

    /// Whether the last `patience` trees did not help.
    pub(crate) fn is_stale(&self, patience: usize) -> bool {
        self.losses.len() - 1 - self.best >= patience
    }

    pub(crate) fn best_n_trees(&self) -> usize {
        self.best + 1
    }

    pub(crate) fn into_losses(self) -> Vec<f64> {
        self.losses
    }
}

/// `ln (1 + exp x)` without overflow: the log loss of a negative row at margin `x`.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + libm::log1p(libm::exp(-x.abs()))
}

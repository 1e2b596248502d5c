//! Many Gini trees, each from its own part of the data, voting softly.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::ensemble::{Importance, Link, Operator, Tree, TreeEnsemble};
use super::gini_tree::{Cut, GiniGrower};
use super::matrix::Matrix;
use super::out_of_bag::{OutOfBag, Unseen};
use super::progress::Progress;
use super::table::{Classes, Table};
use super::tree_shape::TreeShape;
use crate::random::Random;

/// From which rows each tree of a forest learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bootstrap {
    /// All rows.
    Off,
    /// As many rows as there are, drawn with replacement (Breiman, Random forests, 2001).
    Rows,
    /// As many distinct rows as there are, drawn with replacement, each with all its copies (a
    /// cluster bootstrap). In data full of copies a tree then leaves whole clusters out, as a
    /// split that never separates copies does.
    DistinctRows,
}

/// A fitted forest.
#[derive(Debug, Clone)]
pub struct Forest {
    /// The model.
    pub ensemble: TreeEnsemble,
    /// The forest's opinion of its own training rows, where it was asked for.
    pub out_of_bag: Option<OutOfBag>,
}

/// What all bagged learners have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bagging {
    pub(crate) n_trees: usize,
    pub(crate) seed: u64,
    pub(crate) bootstrap: Bootstrap,
    pub(crate) out_of_bag: bool,
    pub(crate) cut: Cut,
    pub(crate) shape: TreeShape,
}

impl Bagging {
    pub(crate) fn fit(&self, matrix: &Matrix<'_>, progress: &dyn Progress) -> Forest {
        let table = Table::new(matrix);
        let growth = self
            .shape
            .growth(&table, self.cut, 1.0 / self.n_trees as f64);
        let row_units = (self.bootstrap == Bootstrap::Rows).then(|| row_units(&table, matrix));
        let done = AtomicUsize::new(0);
        let grown: Vec<(Tree, Vec<Importance>, Option<Unseen>)> = (0..self.n_trees)
            .into_par_iter()
            .map(|index| {
                let mut random = Random::learner_stream(self.seed, index as u64);
                let weights = self.draw(&table, row_units.as_deref(), &mut random);
                let unseen = self.out_of_bag.then(|| Unseen::of_weights(&weights));
                let (rows, words) = weights
                    .iter()
                    .enumerate()
                    .filter(|(_, weight)| **weight != 0)
                    .map(|(group, weight)| (group as u32, *weight))
                    .unzip();
                let grower = GiniGrower::new(&table, growth, rows, words, random);
                let (tree, importances) = grower.grow();
                progress.tree_grown(done.fetch_add(1, Ordering::Relaxed) + 1, self.n_trees);
                (tree, importances, unseen)
            })
            .collect();

        let mut importances = vec![Importance::default(); table.n_features];
        let mut trees = Vec::with_capacity(grown.len());
        let mut unseen = Vec::with_capacity(grown.len());
        for (tree, of_tree, unseen_by_tree) in grown {
            for (sum, of_tree) in importances.iter_mut().zip(of_tree) {
                sum.gain += of_tree.gain / self.n_trees as f64;
                sum.n_splits += of_tree.n_splits;
            }
            trees.push(tree);
            unseen.extend(unseen_by_tree);
        }
        let ensemble = TreeEnsemble::quantise(
            trees,
            0.0,
            Link::Identity,
            Operator::LessEqual,
            matrix.columns().to_vec(),
            importances,
        );
        let out_of_bag = self
            .out_of_bag
            .then(|| OutOfBag::collect(matrix, &table, &ensemble, &unseen));
        Forest {
            ensemble,
            out_of_bag,
        }
    }

    /// The packed class weights of each group in one tree's sample; 0 leaves the group out.
    fn draw(&self, table: &Table, row_units: Option<&[u64]>, random: &mut Random) -> Vec<u64> {
        let all = || table.classes.iter().map(|classes| classes.packed());
        let mut sample = Sample {
            weights: vec![0; table.n_groups()],
            total: 0,
        };
        match (self.bootstrap, row_units) {
            (Bootstrap::Off, _) => return all().collect(),
            (Bootstrap::DistinctRows, _) => {
                for _ in 0..table.n_groups() {
                    let group = random.below(table.n_groups());
                    sample.add(group, table.classes[group].packed());
                }
            }
            (Bootstrap::Rows, units) => {
                let units = units.expect("the units of rows are known for a bootstrap of rows");
                for _ in 0..units.len() {
                    let row = random.below(units.len());
                    sample.add(table.group_of_row[row] as usize, units[row]);
                }
            }
        }
        if sample.total == 0 {
            // Only rows without weight were drawn.
            return all().collect();
        }
        sample.weights
    }
}

/// A bootstrap sample while it is drawn.
struct Sample {
    weights: Vec<u64>,
    total: u64,
}

impl Sample {
    /// Adds packed class weights to a group, unless the sum would no longer fit in 32 bits: that
    /// takes a sample 16 times heavier than the data.
    fn add(&mut self, group: usize, packed: u64) {
        let total = self.total + Classes::from_packed(packed).total();
        if u32::try_from(total).is_ok() {
            self.total = total;
            self.weights[group] += packed;
        }
    }
}

/// The packed weight of each row of the matrix.
fn row_units(table: &Table, matrix: &Matrix<'_>) -> Vec<u64> {
    (0..matrix.n_rows())
        .map(|row| table.row_classes(matrix, row).packed())
        .collect()
}

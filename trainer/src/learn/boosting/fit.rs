//! Adds tree after tree.

use rayon::prelude::*;

use super::bundles::{Bundles, UsedBundles};
use super::gradient::Gradients;
use super::grower::{BoostedGrower, BoostedShape, Grown, TreeData};
use super::histogram::{HistogramSource, Layout};
use super::params::BoostingValidParams;
use super::validation::Validation;
use crate::learn::ensemble::{Importance, Link, Operator, Tree, TreeEnsemble};
use crate::learn::matrix::Matrix;
use crate::learn::partition::Partition;
use crate::learn::progress::Progress;
use crate::learn::table::Table;
use crate::random::Random;

/// A fitted boosting.
#[derive(Debug, Clone)]
pub struct Boosted {
    /// The model, cut back to its best number of trees if it was stopped early.
    pub ensemble: TreeEnsemble,
    /// The mean log loss on the validation part after each tree; empty without one.
    pub validation_losses: Vec<f64>,
}

/// A fit under way.
pub(crate) struct Boosting<'a> {
    params: &'a BoostingValidParams,
    table: Table,
    bundles: Option<Bundles>,
    gradients: Gradients,
    margins: Vec<f64>,
    importances: Vec<Importance>,
    base: f64,
}

impl<'a> Boosting<'a> {
    pub(crate) fn new(params: &'a BoostingValidParams, matrix: &Matrix<'_>) -> Self {
        let table = Table::new(matrix);
        let base = prior_log_odds(&table, params.positive_weight);
        Self {
            params,
            gradients: Gradients::new(table.n_groups()),
            margins: vec![base; table.n_groups()],
            importances: vec![Importance::default(); table.n_features],
            base,
            bundles: Bundles::new(&table),
            table,
        }
    }

    pub(crate) fn fit(
        mut self,
        matrix: &Matrix<'_>,
        validation: Option<&Matrix<'_>>,
        progress: &dyn Progress,
    ) -> Boosted {
        let n_trees = self.params.n_trees;
        let mut validation = validation.map(|part| Validation::new(part, &self.table, self.base));
        let mut best_importances = self.importances.clone();
        let mut trees = Vec::with_capacity(n_trees);
        for index in 0..n_trees {
            let grown = self.grow_tree(index);
            if let Some(validation) = &mut validation {
                validation.add(&grown.tree);
                if validation.is_best() {
                    best_importances.clone_from(&self.importances);
                }
            }
            trees.push(grown.tree.into_tree(&self.table.features));
            progress.tree_grown(index + 1, n_trees);
            if let (Some(validation), Some(patience)) = (&validation, self.params.patience)
                && validation.is_stale(patience)
            {
                break;
            }
        }
        if let (Some(validation), Some(_)) = (&validation, self.params.patience) {
            trees.truncate(validation.best_n_trees());
            self.importances = best_importances;
        }
        let ensemble = self.finish(trees, matrix);
        let validation_losses = validation.map(Validation::into_losses).unwrap_or_default();
        Boosted {
            ensemble,
            validation_losses,
        }
    }

    fn finish(self, trees: Vec<Tree>, matrix: &Matrix<'_>) -> TreeEnsemble {
        TreeEnsemble::quantise(
            trees,
            self.base,
            Link::Logistic,
            Operator::LessEqual,
            matrix.columns().to_vec(),
            self.importances,
        )
    }

    /// Grows one tree and moves the margins by it.
    fn grow_tree(&mut self, index: usize) -> Grown {
        let params = self.params;
        let mut random = Random::learner_stream(params.seed, index as u64);
        let scale = self
            .gradients
            .update(&self.table, &self.margins, params.positive_weight);
        let rows = self.draw_rows(&mut random);
        let packed = rows
            .iter()
            .map(|&row| self.gradients.packed[row as usize])
            .collect();
        let is_sample = rows.len() < self.table.n_groups();

        let n_features = self.table.n_features;
        let features = random.subset(
            n_features,
            columns_by_tree(n_features, params.column_fraction),
        );
        let shape = BoostedShape {
            max_depth: params.max_depth.unwrap_or(usize::MAX),
            max_leaves: params.max_leaves,
            n_tried: share(features.len(), params.split_column_fraction),
            learning_rate: params.learning_rate,
        };
        let n_bins = features
            .iter()
            .map(|&f| self.table.features[f as usize].n_bins() + 1);
        let layout = Layout::new(n_bins);
        let bundles = self.bundles.as_ref();
        let data = TreeData {
            source: HistogramSource {
                bins: &self.table.bins,
                n_features,
                features: &features,
                layout: &layout,
                bundles: bundles.map(|bundles| UsedBundles::new(bundles, &features)),
            },
            bundles,
            all: &self.table.features,
            scale,
        };
        let partition = Partition::new(rows, packed);
        let importances = &mut self.importances;
        let grower = BoostedGrower::new(data, params.rule(), shape, partition, random, importances);
        let mut grown = grower.grow();
        self.add(&mut grown, is_sample);
        grown
    }

    /// Adds a tree's leaves to the margins, and the rows' weights to its covers.
    fn add(&mut self, grown: &mut Grown, is_sample: bool) {
        let unit = self.table.unit();
        let mut covers = vec![0_u64; grown.tree.nodes.len()];
        if is_sample {
            let tree = &grown.tree;
            let ends: Vec<(usize, f64)> = (0..self.table.n_groups())
                .into_par_iter()
                .with_min_len(1024)
                .map(|group| tree.leaf(self.table.group(group)))
                .collect();
            for (group, (node, value)) in ends.into_iter().enumerate() {
                self.margins[group] += value;
                covers[node] += self.table.classes[group].total();
            }
        } else {
            for leaf in &grown.leaves {
                let (rows, _) = grown.partition.part(leaf.start, leaf.end);
                for &row in rows {
                    self.margins[row as usize] += leaf.value;
                    covers[leaf.node] += self.table.classes[row as usize].total();
                }
            }
        }
        for (cover, units) in grown.tree.covers.iter_mut().zip(covers) {
            *cover = units as f64 * unit;
        }
        grown.tree.sum_covers();
    }

    /// The groups one tree learns from, in order.
    fn draw_rows(&self, random: &mut Random) -> Vec<u32> {
        let n_groups = self.table.n_groups() as u32;
        if self.params.row_fraction >= 1.0 {
            return (0..n_groups).collect();
        }
        (0..n_groups)
            .filter(|_| random.unit() < self.params.row_fraction)
            .collect()
    }
}

/// How many features a tree may ask for.
fn columns_by_tree(n_features: usize, fraction: Option<f64>) -> usize {
    match fraction {
        Some(fraction) => share(n_features, fraction),
        None => share(n_features, 0.4).max(n_features.min(8)),
    }
}

/// `fraction` of `n`, rounded, at least 1.
fn share(n: usize, fraction: f64) -> usize {
    ((n as f64 * fraction).round() as usize).clamp(1, n)
}

/// The log-odds of the positive class before anything is known of a row.
fn prior_log_odds(table: &Table, positive_weight: f64) -> f64 {
    let (mut negative, mut positive) = (0_u64, 0_u64);
    for classes in &table.classes {
        negative += u64::from(classes.negative);
        positive += u64::from(classes.positive);
    }
    // Weights far below the others' may have been rounded to nothing.
    let (negative, positive) = (negative.max(1) as f64, positive.max(1) as f64);
    libm::log(positive * positive_weight / negative)
}

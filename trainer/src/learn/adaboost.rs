//! `AdaBoost` over small trees: SAMME of Zhu, Zou, Rosset and Hastie ("Multi-class `AdaBoost`", Statistics and
//! Its Interface 2, 2009) with the discrete votes and the stopping rules of scikit-learn's classifier.
//!
//! A tree votes for a class with the strength `learning_rate * ln((1 - e) / e)`, `e` being the weight of
//! the rows that it gets wrong; these then weigh more for the next tree. The sum of the votes is an estimate of the
//! log-odds (Friedman, Hastie and Tibshirani, "Additive logistic regression", Annals of Statistics 28, 2000).

use linfa::ParamGuard;

use super::ensemble::{Importance, Link, Operator, Tree, TreeEnsemble};
use super::error::LearnError;
use super::gini_tree::{Cut, GiniGrower};
use super::matrix::Matrix;
use super::parameter::{require, require_at_least_one, require_class_factor};
use super::progress::Progress;
use super::table::{Classes, Table};
use super::tree_shape::{FeatureSampling, TreeShape};
use crate::random::Random;

/// The weights of all rows in units, each time they are rounded: as fine as 32 bits hold.
const TOTAL_UNITS: f64 = (1_u64 << 31) as f64;

/// Parameters of `AdaBoost`, not yet checked.
#[derive(Debug, Clone)]
pub struct AdaBoostParams(AdaBoostValidParams);

/// Parameters of `AdaBoost` that lie in their ranges.
#[derive(Debug, Clone)]
pub struct AdaBoostValidParams {
    n_estimators: usize,
    learning_rate: f64,
    max_depth: usize,
    positive_weight: f64,
}

impl Default for AdaBoostParams {
    fn default() -> Self {
        Self(AdaBoostValidParams {
            n_estimators: 50,
            learning_rate: 1.0,
            max_depth: 1,
            positive_weight: 1.0,
        })
    }
}

impl AdaBoostParams {
    /// The defaults, which are scikit-learn's.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The most trees. Default 50.
    #[must_use]
    pub fn n_estimators(mut self, n_estimators: usize) -> Self {
        self.0.n_estimators = n_estimators;
        self
    }

    /// What each vote is multiplied by. Default 1.
    #[must_use]
    pub fn learning_rate(mut self, learning_rate: f64) -> Self {
        self.0.learning_rate = learning_rate;
        self
    }

    /// The depth at which trees stop. Default 1: each asks one question.
    #[must_use]
    pub fn max_depth(mut self, max_depth: usize) -> Self {
        self.0.max_depth = max_depth;
        self
    }

    /// What the first weight of positive rows is multiplied by. Default 1.
    #[must_use]
    pub fn positive_weight(mut self, positive_weight: f64) -> Self {
        self.0.positive_weight = positive_weight;
        self
    }

    /// Fits to a matrix.
    ///
    /// # Errors
    /// When a parameter is out of range, or only one class carries weight.
    pub fn fit_matrix(
        &self,
        matrix: &Matrix<'_>,
        progress: &dyn Progress,
    ) -> Result<TreeEnsemble, LearnError> {
        self.check_ref()?.fit_matrix(matrix, progress)
    }
}

impl ParamGuard for AdaBoostParams {
    type Checked = AdaBoostValidParams;
    type Error = LearnError;

    fn check_ref(&self) -> Result<&Self::Checked, LearnError> {
        require_at_least_one("n_estimators", self.0.n_estimators)?;
        require_at_least_one("max_depth", self.0.max_depth)?;
        let is_rate = |found: f64| found > 0.0 && found.is_finite();
        require(
            "learning_rate",
            "a finite number above 0",
            self.0.learning_rate,
            is_rate,
        )?;
        require_class_factor("positive_weight", self.0.positive_weight)?;
        Ok(&self.0)
    }

    fn check(self) -> Result<Self::Checked, LearnError> {
        self.check_ref()?;
        Ok(self.0)
    }
}

/// The weight of a group's negative and positive rows; all groups together weigh 1.
type Weights = Vec<[f64; 2]>;

impl AdaBoostValidParams {
    /// Fits to a matrix. Nothing is left to chance.
    ///
    /// # Errors
    /// When only one class carries weight.
    pub fn fit_matrix(
        &self,
        matrix: &Matrix<'_>,
        progress: &dyn Progress,
    ) -> Result<TreeEnsemble, LearnError> {
        matrix.require_both_classes()?;
        let table = Table::new(matrix);
        let mut first_rows = vec![usize::MAX; table.n_groups()];
        for (row, group) in table.group_of_row.iter().enumerate().rev() {
            first_rows[*group as usize] = row;
        }
        let mut weights = self.first_weights(&table, matrix);
        let mut importances = vec![Importance::default(); table.n_features];
        let mut trees = Vec::new();
        for round in 0..self.n_estimators {
            normalise(&mut weights);
            let (mut tree, of_tree) = self.grow(&table, &weights, round);
            // A leaf holds its share of positive rows; an even one is taken for negative.
            for value in tree.leaf_values_mut() {
                *value = if *value > 0.5 { 1.0 } else { -1.0 };
            }
            let is_positive = |row: &usize| {
                let row = matrix.features().row(*row).to_owned();
                tree.value(row.view(), Operator::LessEqual) > 0.0
            };
            let votes: Vec<bool> = first_rows.iter().map(is_positive).collect();
            let wrong = |vote: bool| usize::from(!vote);
            let error: f64 = weights
                .iter()
                .zip(&votes)
                .map(|(weight, vote)| weight[wrong(*vote)])
                .sum();
            let is_last = error <= 0.0;
            // No better than chance: as scikit-learn, the tree is left out and the fit ends.
            if error >= 0.5 && !trees.is_empty() {
                break;
            }
            let strength = match error {
                error if error <= 0.0 => 1.0,
                error if error >= 0.5 => 0.0,
                error => self.learning_rate * libm::log((1.0 - error) / error),
            };
            for value in tree.leaf_values_mut() {
                *value *= strength;
            }
            for (weight, vote) in weights.iter_mut().zip(&votes) {
                weight[wrong(*vote)] *= libm::exp(strength);
            }
            for (sum, of_tree) in importances.iter_mut().zip(of_tree) {
                sum.gain += strength * of_tree.gain;
                sum.n_splits += of_tree.n_splits;
            }
            trees.push(tree);
            progress.tree_grown(trees.len(), self.n_estimators);
            if is_last || strength == 0.0 {
                break;
            }
        }
        Ok(TreeEnsemble::quantise(
            trees,
            0.0,
            Link::Logistic,
            Operator::LessEqual,
            matrix.columns().to_vec(),
            importances,
        ))
    }

    fn first_weights(&self, table: &Table, matrix: &Matrix<'_>) -> Weights {
        let mut weights = vec![[0.0; 2]; table.n_groups()];
        for (row, group) in table.group_of_row.iter().enumerate() {
            let label = matrix.labels()[row];
            let factor = if label { self.positive_weight } else { 1.0 };
            weights[*group as usize][usize::from(label)] += factor * matrix.weight(row);
        }
        weights
    }

    fn grow(&self, table: &Table, weights: &Weights, round: usize) -> (Tree, Vec<Importance>) {
        let shape = TreeShape {
            max_depth: Some(self.max_depth),
            min_weight_leaf: 0.0,
            min_weight_split: 0.0,
            ..TreeShape::full_depth(FeatureSampling::All)
        };
        let growth = shape.growth(table, Cut::Best, 1.0);
        let units = |weight: f64| {
            let units = (weight * TOTAL_UNITS).round() as u32;
            // A row that weighs next to nothing still is one.
            if weight > 0.0 { units.max(1) } else { units }
        };
        let (rows, words): (Vec<u32>, Vec<u64>) = (0..)
            .zip(weights)
            .filter(|(_, [negative, positive])| negative + positive > 0.0)
            .map(|(group, [negative, positive])| {
                let classes = Classes {
                    negative: units(*negative),
                    positive: units(*positive),
                };
                (group, classes.packed())
            })
            .unzip();
        let random = Random::learner_stream(0, round as u64);
        GiniGrower::new(table, growth, rows, words, random).grow()
    }
}

/// Divides by the sum.
fn normalise(weights: &mut Weights) {
    let sum: f64 = weights.iter().flatten().sum();
    for weight in weights.iter_mut().flatten() {
        *weight /= sum;
    }
}

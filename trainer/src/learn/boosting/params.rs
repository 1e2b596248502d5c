//! The parameters of boosting.

use linfa::ParamGuard;

use super::fit::{Boosted, Boosting};
use super::gain::GainRule;
use crate::learn::error::LearnError;
use crate::learn::matrix::Matrix;
use crate::learn::parameter::{
    require_at_least_one, require_class_factor, require_fraction, require_not_negative,
};
use crate::learn::progress::Progress;

/// Parameters of boosting, not yet checked.
///
/// The defaults were chosen on parts of the training sides of duplicate-aware splits of the phishing
/// data, three seeds each; the NSL-KDD data agree with them.
#[derive(Debug, Clone)]
pub struct BoostingParams(BoostingValidParams);

/// Parameters of boosting that lie in their ranges.
#[derive(Debug, Clone)]
pub struct BoostingValidParams {
    pub(crate) n_trees: usize,
    pub(crate) learning_rate: f64,
    pub(crate) max_depth: Option<usize>,
    pub(crate) max_leaves: Option<usize>,
    pub(crate) min_child_weight: f64,
    pub(crate) l2: f64,
    pub(crate) gamma: f64,
    pub(crate) row_fraction: f64,
    pub(crate) column_fraction: Option<f64>,
    pub(crate) split_column_fraction: f64,
    pub(crate) positive_weight: f64,
    pub(crate) category_smoothing: f64,
    pub(crate) category_l2: f64,
    pub(crate) patience: Option<usize>,
    pub(crate) seed: u64,
}

impl Default for BoostingParams {
    fn default() -> Self {
        Self(BoostingValidParams {
            n_trees: 300,
            learning_rate: 0.06,
            max_depth: Some(8),
            max_leaves: None,
            min_child_weight: 0.3,
            l2: 1.0,
            gamma: 0.0,
            row_fraction: 1.0,
            column_fraction: None,
            split_column_fraction: 1.0,
            positive_weight: 1.0,
            category_smoothing: 10.0,
            category_l2: 10.0,
            patience: None,
            seed: 0,
        })
    }
}

impl BoostingParams {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many trees are grown at most. Default 300.
    #[must_use]
    pub fn n_trees(mut self, n_trees: usize) -> Self {
        self.0.n_trees = n_trees;
        self
    }

    /// What a leaf is multiplied by: smaller steps need more trees. Default 0.06.
    #[must_use]
    pub fn learning_rate(mut self, learning_rate: f64) -> Self {
        self.0.learning_rate = learning_rate;
        self
    }

    /// The depth at which trees stop. Default 8.
    #[must_use]
    pub fn max_depth(mut self, max_depth: Option<usize>) -> Self {
        self.0.max_depth = max_depth;
        self
    }

    /// How many leaves a tree has at most; with a limit, the leaf that gains most is split first. Default no limit.
    #[must_use]
    pub fn max_leaves(mut self, max_leaves: Option<usize>) -> Self {
        self.0.max_leaves = max_leaves;
        self
    }

    /// The least sum of hessians, `p (1 - p)` by weight, in a leaf. Default 0.3.
    #[must_use]
    pub fn min_child_weight(mut self, min_child_weight: f64) -> Self {
        self.0.min_child_weight = min_child_weight;
        self
    }

    /// The L2 penalty on leaves. Default 1.0.
    #[must_use]
    pub fn l2(mut self, l2: f64) -> Self {
        self.0.l2 = l2;
        self
    }

    /// The least gain of a split. Default 0.0.
    #[must_use]
    pub fn gamma(mut self, gamma: f64) -> Self {
        self.0.gamma = gamma;
        self
    }

    /// The share of distinct rows each tree learns from. Default 1.0.
    #[must_use]
    pub fn row_fraction(mut self, row_fraction: f64) -> Self {
        self.0.row_fraction = row_fraction;
        self
    }

    /// The share of features each tree may ask for. `None`, the default, is 0.4, but at least eight
    /// features: trees that see only a few of the features differ more, and trees that see too few
    /// miss how features act together.
    #[must_use]
    pub fn column_fraction(mut self, column_fraction: Option<f64>) -> Self {
        self.0.column_fraction = column_fraction;
        self
    }

    /// The share of the tree's features tried at each split. Default 1.0.
    #[must_use]
    pub fn split_column_fraction(mut self, split_column_fraction: f64) -> Self {
        self.0.split_column_fraction = split_column_fraction;
        self
    }

    /// What the weight of positive rows is multiplied by. Default 1.0.
    #[must_use]
    pub fn positive_weight(mut self, positive_weight: f64) -> Self {
        self.0.positive_weight = positive_weight;
        self
    }

    /// What is added to a category's hessian when categories are ordered; rare ones move to the middle. Default 10.0.
    #[must_use]
    pub fn category_smoothing(mut self, category_smoothing: f64) -> Self {
        self.0.category_smoothing = category_smoothing;
        self
    }

    /// The additional L2 penalty on splits between more than four categories. Default 10.0.
    #[must_use]
    pub fn category_l2(mut self, category_l2: f64) -> Self {
        self.0.category_l2 = category_l2;
        self
    }

    /// Stop after this many trees that do not lower the loss of the validation part. Default never.
    #[must_use]
    pub fn patience(mut self, patience: Option<usize>) -> Self {
        self.0.patience = patience;
        self
    }

    /// Where chance starts. Default 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }

    /// Fits boosted trees to a matrix.
    ///
    /// # Errors
    /// When a parameter is out of range, or only one class carries weight.
    pub fn fit_matrix(&self, matrix: &Matrix<'_>) -> Result<Boosted, LearnError> {
        self.check_ref()?.fit_matrix(matrix, None, &())
    }
}

impl ParamGuard for BoostingParams {
    type Checked = BoostingValidParams;
    type Error = LearnError;

    fn check_ref(&self) -> Result<&Self::Checked, LearnError> {
        let params = &self.0;
        require_at_least_one("n_trees", params.n_trees)?;
        require_fraction("learning_rate", params.learning_rate)?;
        require_at_least_one("max_leaves", params.max_leaves.unwrap_or(1))?;
        require_not_negative("min_child_weight", params.min_child_weight)?;
        require_not_negative("l2", params.l2)?;
        require_not_negative("gamma", params.gamma)?;
        require_fraction("row_fraction", params.row_fraction)?;
        require_fraction("column_fraction", params.column_fraction.unwrap_or(1.0))?;
        require_fraction("split_column_fraction", params.split_column_fraction)?;
        require_class_factor("positive_weight", params.positive_weight)?;
        require_not_negative("category_smoothing", params.category_smoothing)?;
        require_not_negative("category_l2", params.category_l2)?;
        require_at_least_one("patience", params.patience.unwrap_or(1))?;
        Ok(params)
    }

    fn check(self) -> Result<Self::Checked, LearnError> {
        self.check_ref()?;
        Ok(self.0)
    }
}

impl BoostingValidParams {
    /// Fits boosted trees to a matrix, telling `progress` of every tree. With a `validation`
    /// part its loss is measured after every tree, and may stop the fit.
    ///
    /// # Errors
    /// When only one class carries weight, or the validation part has other columns.
    pub fn fit_matrix(
        &self,
        matrix: &Matrix<'_>,
        validation: Option<&Matrix<'_>>,
        progress: &dyn Progress,
    ) -> Result<Boosted, LearnError> {
        matrix.require_both_classes()?;
        if let Some(validation) = validation {
            validation.require_columns(matrix.columns())?;
        }
        Ok(Boosting::new(self, matrix).fit(matrix, validation, progress))
    }

    pub(crate) fn rule(&self) -> GainRule {
        GainRule {
            l2: self.l2,
            gamma: self.gamma,
            min_child_weight: self.min_child_weight,
            category_smoothing: self.category_smoothing,
            category_l2: self.category_l2,
        }
    }
}

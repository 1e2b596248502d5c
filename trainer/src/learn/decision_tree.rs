//! A single classification tree (Breiman et al., Classification and Regression Trees, 1984).

use linfa::ParamGuard;

use super::bagging::{Bagging, Bootstrap};
use super::ensemble::TreeEnsemble;
use super::error::LearnError;
use super::gini_tree::Cut;
use super::matrix::Matrix;
use super::tree_shape::{FeatureSampling, TreeShape};

/// Parameters of a decision tree, not yet checked.
#[derive(Debug, Clone)]
pub struct DecisionTreeParams(DecisionTreeValidParams);

/// Parameters of a decision tree that lie in their ranges.
#[derive(Debug, Clone)]
pub struct DecisionTreeValidParams(Bagging);

impl Default for DecisionTreeParams {
    fn default() -> Self {
        Self(DecisionTreeValidParams(Bagging {
            n_trees: 1,
            seed: 0,
            bootstrap: Bootstrap::Off,
            out_of_bag: false,
            cut: Cut::Best,
            shape: TreeShape::full_depth(FeatureSampling::All),
        }))
    }
}

impl DecisionTreeParams {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The depth at which trees stop; `None`, the default, lets them grow until leaves are pure.
    #[must_use]
    pub fn max_depth(mut self, max_depth: Option<usize>) -> Self {
        self.0.0.shape.max_depth = max_depth;
        self
    }

    /// The least training weight of a leaf; a row of weight 2 counts as two rows. Default 1.
    #[must_use]
    pub fn min_weight_leaf(mut self, min_weight_leaf: f64) -> Self {
        self.0.0.shape.min_weight_leaf = min_weight_leaf;
        self
    }

    /// The least training weight of a node that is split. Default 2.
    #[must_use]
    pub fn min_weight_split(mut self, min_weight_split: f64) -> Self {
        self.0.0.shape.min_weight_split = min_weight_split;
        self
    }

    /// The least decrease of Gini impurity times weight a split must bring. Default 0.
    #[must_use]
    pub fn min_gain(mut self, min_gain: f64) -> Self {
        self.0.0.shape.min_gain = min_gain;
        self
    }

    /// What the weight of positive rows is multiplied by. Default 1.
    #[must_use]
    pub fn positive_weight(mut self, positive_weight: f64) -> Self {
        self.0.0.shape.positive_weight = positive_weight;
        self
    }

    /// How many features are tried at each split. Default all.
    #[must_use]
    pub fn feature_sampling(mut self, feature_sampling: FeatureSampling) -> Self {
        self.0.0.shape.feature_sampling = feature_sampling;
        self
    }

    /// Where chance starts. Default 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.0.seed = seed;
        self
    }

    /// Fits a tree to a matrix.
    ///
    /// # Errors
    /// When a parameter is out of range, or only one class carries weight.
    pub fn fit_matrix(&self, matrix: &Matrix<'_>) -> Result<TreeEnsemble, LearnError> {
        self.check_ref()?.fit_matrix(matrix)
    }
}

impl ParamGuard for DecisionTreeParams {
    type Checked = DecisionTreeValidParams;
    type Error = LearnError;

    fn check_ref(&self) -> Result<&Self::Checked, LearnError> {
        self.0.0.shape.check()?;
        Ok(&self.0)
    }

    fn check(self) -> Result<Self::Checked, LearnError> {
        self.check_ref()?;
        Ok(self.0)
    }
}

impl DecisionTreeValidParams {
    /// Fits a tree to a matrix.
    ///
    /// # Errors
    /// When only one class carries weight.
    pub fn fit_matrix(&self, matrix: &Matrix<'_>) -> Result<TreeEnsemble, LearnError> {
        matrix.require_both_classes()?;
        Ok(self.0.fit(matrix, &()).ensemble)
    }
}

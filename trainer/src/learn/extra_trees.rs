//! Extremely randomized trees (Geurts, Ernst and Wehenkel, Machine Learning 63, 2006).

use linfa::ParamGuard;

use super::bagging::{Bagging, Bootstrap, Forest};
use super::error::LearnError;
use super::gini_tree::Cut;
use super::matrix::Matrix;
use super::parameter::require_at_least_one;
use super::progress::Progress;
use super::tree_shape::{FeatureSampling, TreeShape};

/// Parameters of extremely randomized trees, not yet checked.
#[derive(Debug, Clone)]
pub struct ExtraTreesParams(ExtraTreesValidParams);

/// Parameters of extremely randomized trees that lie in their ranges.
#[derive(Debug, Clone)]
pub struct ExtraTreesValidParams(Bagging);

impl Default for ExtraTreesParams {
    fn default() -> Self {
        Self(ExtraTreesValidParams(Bagging {
            n_trees: 100,
            seed: 0,
            bootstrap: Bootstrap::Off,
            out_of_bag: false,
            cut: Cut::Random,
            shape: TreeShape::full_depth(FeatureSampling::Sqrt),
        }))
    }
}

impl ExtraTreesParams {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many trees vote. Default 100.
    #[must_use]
    pub fn n_trees(mut self, n_trees: usize) -> Self {
        self.0.0.n_trees = n_trees;
        self
    }

    /// From which rows each tree learns. Default [`Bootstrap::Off`].
    #[must_use]
    pub fn bootstrap(mut self, bootstrap: Bootstrap) -> Self {
        self.0.0.bootstrap = bootstrap;
        self
    }

    /// Whether to score the training rows by the trees that did not see them. Without a bootstrap
    /// every tree sees every row, and no row gets a score. Default no.
    #[must_use]
    pub fn out_of_bag(mut self, out_of_bag: bool) -> Self {
        self.0.0.out_of_bag = out_of_bag;
        self
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

    /// How many features are tried at each split. Default the square root of their number.
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

    /// Fits extremely randomized trees to a matrix.
    ///
    /// # Errors
    /// When a parameter is out of range, or only one class carries weight.
    pub fn fit_matrix(&self, matrix: &Matrix<'_>) -> Result<Forest, LearnError> {
        self.check_ref()?.fit_matrix(matrix, &())
    }
}

impl ParamGuard for ExtraTreesParams {
    type Checked = ExtraTreesValidParams;
    type Error = LearnError;

    fn check_ref(&self) -> Result<&Self::Checked, LearnError> {
        require_at_least_one("n_trees", self.0.0.n_trees)?;
        self.0.0.shape.check()?;
        Ok(&self.0)
    }

    fn check(self) -> Result<Self::Checked, LearnError> {
        self.check_ref()?;
        Ok(self.0)
    }
}

impl ExtraTreesValidParams {
    /// Fits extremely randomized trees to a matrix, telling `progress` of every tree.
    ///
    /// # Errors
    /// When only one class carries weight.
    pub fn fit_matrix(
        &self,
        matrix: &Matrix<'_>,
        progress: &dyn Progress,
    ) -> Result<Forest, LearnError> {
        matrix.require_both_classes()?;
        Ok(self.0.fit(matrix, progress))
    }
}

//! The decision tree of linfa-trees, as one candidate among the others.
//!
//! linfa-trees 0.8.1 does not predict what it fitted: `tests/learn/linfa_tree.rs` shows how. It is
//! kept as it is, so that a comparison with it means something.

use linfa::traits::Fit;
use linfa::{DatasetBase, ParamGuard};
use linfa_trees::{DecisionTree, TreeNode};
use ndarray::Array1;

use super::ensemble::{Condition, Importance, Link, Node, Operator, Test, Tree, TreeEnsemble};
use super::error::LearnError;
use super::matrix::{Column, Matrix};

/// Parameters of linfa-trees' decision tree; linfa checks them.
#[derive(Debug, Clone)]
pub struct LinfaTreeParams {
    max_depth: Option<usize>,
    min_weight_split: f32,
    min_weight_leaf: f32,
    min_impurity_decrease: f32,
}

impl Default for LinfaTreeParams {
    fn default() -> Self {
        Self {
            max_depth: None,
            min_weight_split: 2.0,
            min_weight_leaf: 1.0,
            min_impurity_decrease: 1e-5,
        }
    }
}

impl LinfaTreeParams {
    /// linfa's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The depth at which the tree stops. Default none.
    #[must_use]
    pub fn max_depth(mut self, max_depth: Option<usize>) -> Self {
        self.max_depth = max_depth;
        self
    }

    /// The least number of rows of a node that is split. Default 2.
    #[must_use]
    pub fn min_weight_split(mut self, min_weight_split: f32) -> Self {
        self.min_weight_split = min_weight_split;
        self
    }

    /// The least weight of a leaf. Default 1.
    #[must_use]
    pub fn min_weight_leaf(mut self, min_weight_leaf: f32) -> Self {
        self.min_weight_leaf = min_weight_leaf;
        self
    }

    /// The least decrease of Gini impurity a split must bring. Default 1e-5.
    #[must_use]
    pub fn min_impurity_decrease(mut self, min_impurity_decrease: f32) -> Self {
        self.min_impurity_decrease = min_impurity_decrease;
        self
    }

    /// Fits linfa's tree and takes it over. Its leaves vote 0 or 1. Where classes tie in a leaf,
    /// linfa chooses by the order of a `HashMap`: two fits may differ.
    ///
    /// # Errors
    /// When only one class carries weight, a column is categorical, a value is missing or
    /// infinite, for which linfa-trees has no notion, or linfa refuses a parameter.
    pub fn fit_matrix(&self, matrix: &Matrix<'_>) -> Result<TreeEnsemble, LearnError> {
        matrix.require_both_classes()?;
        require_finite_numbers(matrix)?;
        let params = DecisionTree::<f32, bool>::params()
            .max_depth(self.max_depth)
            .min_weight_split(self.min_weight_split)
            .min_weight_leaf(self.min_weight_leaf)
            .min_impurity_decrease(self.min_impurity_decrease)
            .check()?;
        let weights = (0..matrix.n_rows()).map(|row| matrix.weight(row) as f32);
        let dataset = DatasetBase::new(matrix.features(), Array1::from(matrix.labels().to_vec()))
            .with_weights(weights.collect());
        let fitted = params.fit(&dataset)?;

        let mut nodes = Vec::new();
        let mut decreases = Vec::new();
        take_over(fitted.root_node(), &mut nodes, &mut decreases);
        add_covers(&mut nodes, matrix);
        let mut importances = vec![Importance::default(); matrix.n_features()];
        for (node, decrease) in nodes.iter().zip(decreases) {
            if let Node::Split {
                condition, cover, ..
            } = node
            {
                let importance = &mut importances[condition.feature as usize];
                importance.gain += decrease * cover;
                importance.n_splits += 1;
            }
        }
        Ok(TreeEnsemble::quantise(
            vec![Tree::new(nodes)],
            0.0,
            Link::Identity,
            Operator::Less,
            matrix.columns().to_vec(),
            importances,
        ))
    }
}

fn require_finite_numbers(matrix: &Matrix<'_>) -> Result<(), LearnError> {
    if let Some(column) = matrix
        .columns()
        .iter()
        .position(|kind| *kind != Column::Numeric)
    {
        return Err(LearnError::NotNumeric { column });
    }
    match matrix
        .features()
        .indexed_iter()
        .find(|(_, value)| !value.is_finite())
    {
        Some(((row, column), &found)) => Err(LearnError::NotFinite { row, column, found }),
        None => Ok(()),
    }
}

/// Appends `node` and what is below it; the impurity decrease of each node goes with it.
fn take_over(node: &TreeNode<f32, bool>, nodes: &mut Vec<Node>, decreases: &mut Vec<f64>) -> u32 {
    let index = nodes.len();
    let positive = node.prediction().unwrap_or(false);
    nodes.push(Node::Leaf {
        value: f64::from(u8::from(positive)),
        cover: 0.0,
    });
    let (feature, threshold, decrease) = node.split();
    decreases.push(f64::from(decrease));
    if let [Some(left), Some(right)] = node.children()[..] {
        let condition = Condition {
            feature: feature as u32,
            // linfa asks `x < threshold`, which NaN fails.
            missing_left: false,
            // The middle of two large numbers overflows; no finite number is above it then.
            test: Test::Threshold(threshold.clamp(f32::MIN, f32::MAX)),
        };
        let left = take_over(left, nodes, decreases);
        let right = take_over(right, nodes, decreases);
        nodes[index] = Node::Split {
            condition,
            left,
            right,
            cover: 0.0,
        };
    }
    index as u32
}

/// Sends the training rows down as linfa predicts, for linfa keeps no counts.
fn add_covers(nodes: &mut [Node], matrix: &Matrix<'_>) {
    for (row, values) in matrix.features().rows().into_iter().enumerate() {
        let mut at = 0;
        loop {
            match &mut nodes[at] {
                Node::Leaf { cover, .. } => {
                    *cover += matrix.weight(row);
                    break;
                }
                Node::Split {
                    condition,
                    left,
                    right,
                    cover,
                } => {
                    *cover += matrix.weight(row);
                    let value = values[condition.feature as usize];
                    let goes_left = condition.goes_left(value, Operator::Less);
                    at = if goes_left { *left } else { *right } as usize;
                }
            }
        }
    }
}

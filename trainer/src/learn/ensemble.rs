//! What every tree learner returns: trees, and how their leaves add up.

use ndarray::{Array1, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use super::binning::category;
use super::category_set::CategorySet;
use super::fixed_point::FixedPoint;
use super::matrix::Column;

/// How a numeric value is compared with a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `x <= threshold` goes left.
    LessEqual,
    /// `x < threshold` goes left. Only linfa-trees predicts so.
    Less,
}

/// How a margin becomes a probability of the positive class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// The margin is a probability.
    Identity,
    /// The margin is in log-odds: the probability is `1 / (1 + exp(-margin))`.
    Logistic,
}

/// What a node asks of its feature's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Numeric: compare with this finite threshold, by the ensemble's [`Operator`].
    Threshold(f32),
    /// Categorical: is the code in this set?
    Categories(CategorySet),
}

/// The question at a split. A value that passes the test goes left.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The feature's column, counted from zero.
    pub feature: u32,
    /// Whether a missing value goes left: NaN, or for a categorical feature any number that is
    /// not a code.
    pub missing_left: bool,
    /// What is asked of a value that is there.
    pub test: Test,
}

impl Condition {
    /// Whether `value` goes left.
    #[must_use]
    pub fn goes_left(&self, value: f32, operator: Operator) -> bool {
        match &self.test {
            Test::Threshold(_) if value.is_nan() => self.missing_left,
            Test::Threshold(threshold) => match operator {
                Operator::LessEqual => value <= *threshold,
                Operator::Less => value < *threshold,
            },
            Test::Categories(set) => category(value, set.n_categories())
                .map_or(self.missing_left, |code| set.contains(code)),
        }
    }
}

/// A node of a [`Tree`].
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// Two ways on.
    Split {
        /// Which way a row takes.
        condition: Condition,
        /// The index of the left child, above this node's own.
        left: u32,
        /// The index of the right child, above this node's own.
        right: u32,
        /// The weight of the training rows that came by.
        cover: f64,
    },
    /// An end.
    Leaf {
        /// What the leaf adds to the margin: a whole multiple of the ensemble's unit.
        value: f64,
        /// The weight of the training rows that ended here.
        cover: f64,
    },
}

impl Node {
    /// The weight of the training rows that came by.
    #[must_use]
    pub fn cover(&self) -> f64 {
        match self {
            Self::Split { cover, .. } | Self::Leaf { cover, .. } => *cover,
        }
    }
}

/// A binary tree. The root is node 0 and every child comes after its parent.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    nodes: Vec<Node>,
}

impl Tree {
    /// # Panics
    /// When there is no root, a child does not come after its parent, or one is out of range.
    pub(crate) fn new(nodes: Vec<Node>) -> Self {
        assert!(!nodes.is_empty(), "a tree has a root");
        for (index, node) in nodes.iter().enumerate() {
            if let Node::Split { left, right, .. } = node {
                for child in [*left as usize, *right as usize] {
                    assert!(
                        index < child && child < nodes.len(),
                        "node {index} has child {child}"
                    );
                }
            }
        }
        Self { nodes }
    }

    /// All nodes; children are indexes into this slice.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(crate) fn leaf_values_mut(&mut self) -> impl Iterator<Item = &mut f64> {
        self.nodes.iter_mut().filter_map(|node| match node {
            Node::Leaf { value, .. } => Some(value),
            Node::Split { .. } => None,
        })
    }

    /// The values of all leaves.
    pub fn leaf_values(&self) -> impl Iterator<Item = f64> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Leaf { value, .. } => Some(*value),
            Node::Split { .. } => None,
        })
    }

    /// The value of the leaf in which `row`, `(n_features)`, ends.
    pub(crate) fn value(&self, row: ArrayView1<'_, f32>, operator: Operator) -> f64 {
        let mut at = 0;
        loop {
            match &self.nodes[at] {
                Node::Leaf { value, .. } => return *value,
                Node::Split {
                    condition,
                    left,
                    right,
                    ..
                } => {
                    let value = row[condition.feature as usize];
                    at = *if condition.goes_left(value, operator) {
                        left
                    } else {
                        right
                    } as usize;
                }
            }
        }
    }
}

/// How much a feature did for the fit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Importance {
    /// The sum of the gains of its splits, in the learner's own measure.
    pub gain: f64,
    /// How many splits ask for it.
    pub n_splits: u64,
}

/// A fitted model: `margin = base + sum of one leaf from each tree`.
///
/// The base and all leaves are whole multiples of `2^-scale_log2`, and small enough that no sum
/// exceeds `2^52` of them. So every sum is exact, whatever the order of adding.
#[derive(Debug, Clone, PartialEq)]
pub struct TreeEnsemble {
    pub(crate) trees: Vec<Tree>,
    pub(crate) base: f64,
    pub(crate) scale_log2: i32,
    pub(crate) link: Link,
    pub(crate) operator: Operator,
    pub(crate) columns: Vec<Column>,
    pub(crate) importances: Vec<Importance>,
}

impl TreeEnsemble {
    /// Rounds the base and the leaves to fixed point and puts the ensemble together.
    pub(crate) fn quantise(
        mut trees: Vec<Tree>,
        base: f64,
        link: Link,
        operator: Operator,
        columns: Vec<Column>,
        importances: Vec<Importance>,
    ) -> Self {
        let fixed = FixedPoint::for_trees(&trees, base, link);
        for value in trees.iter_mut().flat_map(Tree::leaf_values_mut) {
            *value = fixed.round(*value);
        }
        let (base, scale_log2) = (fixed.round(base), fixed.scale_log2);
        Self {
            trees,
            base,
            scale_log2,
            link,
            operator,
            columns,
            importances,
        }
    }

    /// The trees.
    #[must_use]
    pub fn trees(&self) -> &[Tree] {
        &self.trees
    }

    /// The margin before any tree.
    #[must_use]
    pub fn base(&self) -> f64 {
        self.base
    }

    /// `k` where the unit of leaves and base is `2^-k`.
    #[must_use]
    pub fn scale_log2(&self) -> i32 {
        self.scale_log2
    }

    /// `value`, which is [`Self::base`] or a leaf's, in units of `2^-scale_log2`. A leaf's units
    /// fit in an `i32`, all sums in 52 bits.
    #[must_use]
    pub fn units(&self, value: f64) -> i64 {
        FixedPoint::new(self.scale_log2).units(value)
    }

    /// How a margin becomes a probability.
    #[must_use]
    pub fn link(&self) -> Link {
        self.link
    }

    /// How numeric values are compared with thresholds.
    #[must_use]
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// The kinds of the feature columns, `(n_features)`.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// What each feature did for the fit, `(n_features)`.
    #[must_use]
    pub fn importances(&self) -> &[Importance] {
        &self.importances
    }

    /// The margin of one row, `(n_features)`.
    ///
    /// # Panics
    /// When the row has another number of features than the training data.
    #[must_use]
    pub fn margin(&self, row: ArrayView1<'_, f32>) -> f64 {
        assert_eq!(row.len(), self.columns.len(), "features of a row");
        self.base
            + self
                .trees
                .iter()
                .map(|tree| tree.value(row, self.operator))
                .sum::<f64>()
    }

    /// The margins, `(n_rows)`, of `features`, `(n_rows, n_features)`.
    ///
    /// # Panics
    /// When the rows have another number of features than the training data.
    #[must_use]
    pub fn margins(&self, features: ArrayView2<'_, f32>) -> Array1<f64> {
        let margin = |row| self.margin(features.index_axis(Axis(0), row));
        let rows = (0..features.nrows()).into_par_iter().with_min_len(64);
        rows.map(margin).collect::<Vec<_>>().into()
    }

    /// The probabilities of the positive class, `(n_rows)`, of `features`,
    /// `(n_rows, n_features)`.
    ///
    /// # Panics
    /// When the rows have another number of features than the training data.
    #[must_use]
    pub fn probabilities(&self, features: ArrayView2<'_, f32>) -> Array1<f64> {
        self.margins(features)
            .mapv_into(|margin| self.link.probability(margin))
    }
}

impl Link {
    /// The probability that belongs to a margin.
    #[must_use]
    pub fn probability(self, margin: f64) -> f64 {
        match self {
            Self::Identity => margin.clamp(0.0, 1.0),
            Self::Logistic => logistic(margin),
        }
    }
}

/// `1 / (1 + exp(-x))`, by libm: std's `exp` differs between platforms.
pub(crate) fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

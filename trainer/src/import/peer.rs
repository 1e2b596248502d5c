//! A peer's model as its file says it, and what the peer makes of a row.
//!
//! [`PeerModel::margin`] is the plain evaluator that the imported model is compared with. It knows nothing
//! of Picket's format: it walks the peer's own nodes by the peer's own rules and adds in the peer's own type.

use picket_schema::limits::{MAX_TREE_DEPTH, MAX_TREES};

use super::error::ImportError;
use super::limits::MAX_NODES;

/// The magnitude up to which LightGBM takes a number for zero: its f32 constant 1e-35.
pub(crate) const LIGHTGBM_ZERO: f64 = 1e-35_f32 as f64;

/// How a number is compared with a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    LessEqual,
    Less,
    GreaterEqual,
    Greater,
    Equal,
    NotEqual,
}

/// What a peer does with a value that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MissingRule {
    /// NaN passes the test, or does not.
    NanPasses(bool),
    /// The same, and what is nearly 0 is read as 0: LightGBM's missing type NaN. Its predictors copy a row without
    /// such values, as if it were sparse.
    NanPassesNearZero(bool),
    /// NaN and what is nearly 0 are read as 0: LightGBM's missing type None.
    NanIsZero,
    /// NaN and what is nearly 0 pass the test, or do not: LightGBM's missing type Zero.
    ZeroPasses(bool),
}

/// What a node asks of its feature's value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PeerTest {
    /// Compares. Thresholds of 32 bits are exact in 64, so one comparison serves every peer.
    Compare {
        comparison: Comparison,
        threshold: f64,
        missing: MissingRule,
    },
    /// Whether the bit of the peer's category code is set.
    InSet { words: Vec<u32>, nan_passes: bool },
}

impl PeerTest {
    /// Whether `x` passes.
    pub(crate) fn passes(&self, x: f64) -> bool {
        match self {
            Self::Compare {
                comparison,
                threshold,
                missing,
            } => {
                let is_near_zero = x.abs() <= LIGHTGBM_ZERO;
                let x = match missing {
                    MissingRule::NanPasses(passes) | MissingRule::NanPassesNearZero(passes)
                        if x.is_nan() =>
                    {
                        return *passes;
                    }
                    MissingRule::ZeroPasses(passes) if x.is_nan() || is_near_zero => {
                        return *passes;
                    }
                    MissingRule::NanPassesNearZero(_) if is_near_zero => 0.0,
                    MissingRule::NanIsZero if x.is_nan() || is_near_zero => 0.0,
                    _ => x,
                };
                match comparison {
                    Comparison::LessEqual => x <= *threshold,
                    Comparison::Less => x < *threshold,
                    Comparison::GreaterEqual => x >= *threshold,
                    Comparison::Greater => x > *threshold,
                    Comparison::Equal => x == *threshold,
                    Comparison::NotEqual => x != *threshold,
                }
            }
            Self::InSet { nan_passes, .. } if x.is_nan() => *nan_passes,
            Self::InSet { words, .. } => {
                if x < 0.0 {
                    return false;
                }
                // Saturates, so a large code is past every set's end.
                let code = x as usize;
                words
                    .get(code / 32)
                    .is_some_and(|word| word >> (code % 32) & 1 == 1)
            }
        }
    }
}

/// A node of a peer's tree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PeerNode {
    Split {
        /// The peer's feature.
        feature: usize,
        test: PeerTest,
        /// Where a row goes that passes.
        yes: usize,
        /// Where it goes else.
        no: usize,
    },
    Leaf {
        value: f64,
        /// The training weight that reached it, in the peer's unit.
        cover: f64,
    },
}

/// A tree. The root is node 0.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PeerTree {
    pub(crate) nodes: Vec<PeerNode>,
    /// What the leaves are multiplied by: 1, but for XGBoost's dart.
    pub(crate) weight: f64,
}

/// The type that the peer adds leaves in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    F32,
    F64,
}

/// What the sum of the leaves means.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Output {
    /// Times the slope, log-odds of class 1.
    LogOdds { slope: f64 },
    /// The probability of class 1.
    Probability,
    /// The file does not say.
    Unknown { found: String },
}

/// A feature of a peer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PeerFeature {
    /// Its name, where the file has one.
    pub(crate) name: Option<String>,
    /// The category of each code, where the file has them.
    pub(crate) categories: Option<Vec<String>>,
}

/// A peer's model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PeerModel {
    /// Who wrote the file, such as `XGBoost 3.2.0`.
    pub(crate) made_by: String,
    /// The kind of model, such as `xgboost gbtree`.
    pub(crate) algorithm: String,
    pub(crate) features: Vec<PeerFeature>,
    pub(crate) trees: Vec<PeerTree>,
    /// Added to the sum of the leaves, after the division.
    pub(crate) base: f64,
    /// What the sum is divided by: 1, but for LightGBM's averages.
    pub(crate) divisor: f64,
    pub(crate) arithmetic: Arithmetic,
    pub(crate) output: Output,
    /// The class whose score the sum is: 0 or 1.
    pub(crate) leaf_class: usize,
    /// Where covers come from.
    pub(crate) covers: &'static str,
    /// What a reader of the card should know.
    pub(crate) notes: Vec<String>,
}

impl PeerModel {
    /// Checks that trees are trees, their indexes are in range and their numbers finite.
    pub(crate) fn check(&self) -> Result<(), ImportError> {
        let found = self.trees.len();
        if found == 0 || found > MAX_TREES {
            return Err(ImportError::TreeCount { found });
        }
        let mut n_nodes = 0_usize;
        for (tree, peer_tree) in self.trees.iter().enumerate() {
            n_nodes += peer_tree.nodes.len();
            if n_nodes > MAX_NODES {
                return Err(ImportError::NodeCount);
            }
            peer_tree.check(tree, self.features.len())?;
        }
        Ok(())
    }

    /// The node of the leaf that a row, `(n_peer_features,)`, reaches in each tree. Shape: `(n_trees,)`.
    pub(crate) fn leaves(&self, row: &[f64]) -> Vec<usize> {
        self.trees.iter().map(|tree| tree.leaf(row)).collect()
    }

    /// The margin for the leaves reached, added tree after tree in the peer's own type.
    pub(crate) fn margin(&self, leaves: &[usize]) -> f64 {
        let terms = self
            .trees
            .iter()
            .zip(leaves)
            .map(|(tree, leaf)| (tree.weight, tree.leaf_value(*leaf)));
        match self.arithmetic {
            Arithmetic::F32 => {
                let add =
                    |sum: f32, (weight, value): (f64, f64)| sum + weight as f32 * value as f32;
                let base = self.base as f32;
                // An average's base comes after the division, XGBoost's before the trees.
                f64::from(if self.divisor == 1.0 {
                    terms.fold(base, add)
                } else {
                    terms.fold(0.0, add) / self.divisor as f32 + base
                })
            }
            Arithmetic::F64 => {
                let sum = terms.fold(0.0, |sum, (weight, value)| sum + weight * value);
                sum / self.divisor + self.base
            }
        }
    }

    /// The margin for the leaves reached, without rounding worth speaking of: in 64 bits.
    pub(crate) fn exact_margin(&self, leaves: &[usize]) -> f64 {
        let terms = self.trees.iter().zip(leaves);
        let sum: f64 = terms
            .map(|(tree, leaf)| tree.weight * tree.leaf_value(*leaf))
            .sum();
        sum / self.divisor + self.base
    }
}

impl PeerTree {
    /// The node of the leaf that a row reaches. The tree is checked.
    pub(crate) fn leaf(&self, row: &[f64]) -> usize {
        let mut at = 0;
        while let PeerNode::Split {
            feature,
            test,
            yes,
            no,
        } = &self.nodes[at]
        {
            at = if test.passes(row[*feature]) {
                *yes
            } else {
                *no
            };
        }
        at
    }

    /// A leaf's value; 0 for what is no leaf.
    pub(crate) fn leaf_value(&self, node: usize) -> f64 {
        match self.nodes[node] {
            PeerNode::Leaf { value, .. } => value,
            PeerNode::Split { .. } => 0.0,
        }
    }

    /// Value and cover of each leaf that can be reached from the root.
    pub(crate) fn iter_leaves(&self) -> impl Iterator<Item = (usize, f64, f64)> {
        let mut open = vec![0];
        core::iter::from_fn(move || {
            while let Some(at) = open.pop() {
                match &self.nodes[at] {
                    PeerNode::Leaf { value, cover } => return Some((at, *value, *cover)),
                    PeerNode::Split { yes, no, .. } => open.extend([*no, *yes]),
                }
            }
            None
        })
    }

    /// Checks a tree and counts the nodes that its root reaches.
    pub(crate) fn check(&self, tree: usize, n_features: usize) -> Result<usize, ImportError> {
        let n_nodes = self.nodes.len();
        if n_nodes == 0 {
            return Err(ImportError::EmptyTree { tree });
        }
        if !self.weight.is_finite() {
            let place = format!("tree {tree}");
            return Err(ImportError::field(
                place,
                "weight",
                self.weight,
                "a finite number",
            ));
        }
        let mut reached = vec![false; n_nodes];
        let mut n_reached = 0;
        let mut open = vec![(0, 0)];
        while let Some((node, level)) = open.pop() {
            n_reached += 1;
            if core::mem::replace(&mut reached[node], true) {
                return Err(ImportError::NotATree { tree, node });
            }
            match &self.nodes[node] {
                PeerNode::Leaf { value, cover } => {
                    if !value.is_finite() {
                        let found = *value;
                        return Err(ImportError::Leaf { tree, node, found });
                    }
                    if !cover.is_finite() || *cover < 0.0 {
                        return Err(ImportError::field(
                            format!("tree {tree}, node {node}"),
                            "cover",
                            cover,
                            "a finite number, not negative",
                        ));
                    }
                }
                PeerNode::Split {
                    feature,
                    test,
                    yes,
                    no,
                } => {
                    if level == MAX_TREE_DEPTH {
                        return Err(ImportError::Depth { tree });
                    }
                    if *feature >= n_features {
                        let found = *feature;
                        return Err(ImportError::FeatureIndex {
                            tree,
                            node,
                            found,
                            n_features,
                        });
                    }
                    if let PeerTest::Compare { threshold, .. } = test
                        && threshold.is_nan()
                    {
                        let found = *threshold;
                        return Err(ImportError::Threshold { tree, node, found });
                    }
                    for child in [*yes, *no] {
                        if child >= n_nodes {
                            return Err(ImportError::ChildRange {
                                tree,
                                node,
                                found: i64::try_from(child).unwrap_or(i64::MAX),
                                n_nodes,
                            });
                        }
                        open.push((child, level + 1));
                    }
                }
            }
        }
        Ok(n_reached)
    }
}

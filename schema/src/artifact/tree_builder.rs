//! From trees with nodes and children to the tables of the `trees` model.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::int_table::IntTable;
use super::trees::{Condition, Operator, Test, Trees};
use crate::limits;

/// A node of a tree to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum TreeNode {
    /// Compares a numeric or ordinal feature with a threshold.
    Threshold {
        /// The feature asked.
        feature_idx: u16,
        /// The threshold; the model's operator says how it is compared.
        threshold: f32,
        /// Whether a missing value goes left.
        missing_left: bool,
        /// Where the row goes when the comparison holds: a position in the tree's list.
        left: usize,
        /// Where the row goes when it does not.
        right: usize,
    },
    /// Looks a categorical feature up in a set.
    CategorySet {
        /// The feature asked.
        feature_idx: u16,
        /// The set's words, one for 32 categories; a row in the set goes left.
        words: Vec<u32>,
        /// Whether a missing value goes left.
        missing_left: bool,
        /// Where a row in the set goes: a position in the tree's list.
        left: usize,
        /// Where other rows go.
        right: usize,
    },
    /// An answer.
    Leaf {
        /// The value in units of `2^-scale_log2`.
        value: i32,
        /// The training weight that reached it, at least 1.
        cover: u32,
    },
}

/// Why trees cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A child is not a position in the tree's list, or is reached twice.
    #[error("tree {tree}: node {node} is not in the tree, or is reached twice")]
    Child {
        /// The tree.
        tree: usize,
        /// The child.
        node: usize,
    },
    /// There are more distinct conditions than an artifact may have.
    #[error("the trees ask {found} distinct questions; expected at most {max}", max = limits::MAX_CONDITIONS)]
    TooManyConditions {
        /// How many there are.
        found: usize,
    },
}

/// Collects trees and writes them as tables.
///
/// ```
/// use picket_schema::artifact::{Operator, TreeNode, TreesBuilder};
///
/// let mut builder = TreesBuilder::new(Operator::LessEqual, 0, 16);
/// builder.push(vec![
///     TreeNode::Threshold { feature_idx: 0, threshold: 0.5, missing_left: false, left: 1, right: 2 },
///     TreeNode::Leaf { value: -65_536, cover: 10 },
///     TreeNode::Leaf { value: 65_536, cover: 30 },
/// ]);
/// let trees = builder.build()?;
/// assert_eq!((trees.n_trees(), trees.n_conditions()), (1, 1));
/// # Ok::<(), picket_schema::artifact::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TreesBuilder {
    operator: Operator,
    base: i64,
    scale_log2: u8,
    trees: Vec<Vec<TreeNode>>,
}

/// A condition before its position is known: sorts as [`Condition::sort_key`], sets by their words.
type ConditionKey = (u16, bool, i64, Vec<u32>, bool);

/// The tables while they grow.
#[derive(Default)]
struct Tables {
    /// For each node, leaves included, whether it is an inner one.
    shape: Vec<bool>,
    node_conditions: Vec<u32>,
    leaves: Vec<i32>,
    covers: Vec<u32>,
}

impl TreesBuilder {
    /// Starts a model without trees.
    #[must_use]
    pub fn new(operator: Operator, base: i64, scale_log2: u8) -> Self {
        Self {
            operator,
            base,
            scale_log2,
            trees: Vec::new(),
        }
    }

    /// Adds a tree: its nodes in any order, the root first.
    pub fn push(&mut self, nodes: Vec<TreeNode>) {
        self.trees.push(nodes);
    }

    /// Writes the tables.
    ///
    /// # Errors
    /// [`BuildError`] for children out of range or reached twice, and for too many conditions.
    pub fn build(&self) -> Result<Trees<'static>, BuildError> {
        // Distinct category sets first: their words' order defines the operands' order.
        let mut sets: BTreeMap<Vec<u32>, u32> = BTreeMap::new();
        let mut keys: BTreeMap<ConditionKey, u32> = BTreeMap::new();
        for node in self.trees.iter().flatten() {
            if let Some(key) = condition_key(node) {
                if key.1 {
                    sets.insert(key.3.clone(), 0);
                }
                keys.insert(key, 0);
            }
        }
        let mut category_sets = Vec::new();
        let mut n_words = 0;
        for (words, start) in &mut sets {
            *start = n_words;
            n_words += words.len() as u32;
            category_sets.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        }
        if keys.len() > limits::MAX_CONDITIONS {
            return Err(BuildError::TooManyConditions { found: keys.len() });
        }
        let mut conditions = Vec::new();
        for (position, (key, index)) in keys.iter_mut().enumerate() {
            *index = position as u32;
            let (feature_idx, categorical, operand, words, missing_left) = key;
            let test = if *categorical {
                Test::CategorySet(sets.get(words).copied().unwrap_or_default())
            } else {
                Test::Threshold(threshold_of(*operand))
            };
            let condition = Condition {
                feature_idx: *feature_idx,
                missing_left: *missing_left,
                test,
            };
            conditions.extend(condition.to_bytes());
        }
        let mut tables = Tables::default();
        for (tree, nodes) in self.trees.iter().enumerate() {
            tables.push_tree(tree, nodes, &keys)?;
        }
        let in_place = IntTable::pack_signed(tables.leaves.iter().copied());
        let (leaves, leaf_values) = pack_values(&tables.leaves, in_place);
        let in_place = IntTable::pack(tables.covers.iter().copied());
        let (covers, cover_values) = pack_values(&tables.covers, in_place);
        Ok(Trees {
            operator: self.operator,
            base: self.base,
            scale_log2: self.scale_log2,
            conditions: Cow::Owned(conditions),
            category_sets: Cow::Owned(category_sets),
            shape: Cow::Owned(pack_bits(&tables.shape)),
            node_conditions: IntTable::pack(tables.node_conditions),
            leaves,
            leaf_values: Cow::Owned(leaf_values),
            covers,
            cover_values: Cow::Owned(cover_values),
        })
    }
}

impl Tables {
    /// Writes one tree depth first. Recursion would follow the input's depth, so the stack is a list.
    fn push_tree(
        &mut self,
        tree: usize,
        nodes: &[TreeNode],
        keys: &BTreeMap<ConditionKey, u32>,
    ) -> Result<(), BuildError> {
        let mut reached = vec![false; nodes.len()];
        let mut open = vec![0];
        while let Some(node) = open.pop() {
            if node >= nodes.len() || core::mem::replace(&mut reached[node], true) {
                return Err(BuildError::Child { tree, node });
            }
            self.shape
                .push(!matches!(nodes[node], TreeNode::Leaf { .. }));
            match &nodes[node] {
                TreeNode::Leaf { value, cover } => {
                    self.leaves.push(*value);
                    self.covers.push((*cover).max(1));
                }
                TreeNode::Threshold { left, right, .. }
                | TreeNode::CategorySet { left, right, .. } => {
                    let key = condition_key(&nodes[node]);
                    let condition = key
                        .and_then(|key| keys.get(&key))
                        .copied()
                        .unwrap_or_default();
                    self.node_conditions.push(condition);
                    open.push(*right);
                    open.push(*left);
                }
            }
        }
        Ok(())
    }
}

fn condition_key(node: &TreeNode) -> Option<ConditionKey> {
    match node {
        TreeNode::Threshold {
            feature_idx,
            threshold,
            missing_left,
            ..
        } => {
            let condition = Condition {
                feature_idx: *feature_idx,
                missing_left: *missing_left,
                test: Test::Threshold(*threshold),
            };
            Some((
                *feature_idx,
                false,
                condition.sort_key().2,
                Vec::new(),
                *missing_left,
            ))
        }
        TreeNode::CategorySet {
            feature_idx,
            words,
            missing_left,
            ..
        } => Some((*feature_idx, true, 0, words.clone(), *missing_left)),
        TreeNode::Leaf { .. } => None,
    }
}

/// The threshold whose [`Condition::sort_key`] is `operand`.
fn threshold_of(operand: i64) -> f32 {
    let bits = if operand < 0 {
        i64::from(i32::MIN) - operand
    } else {
        operand
    };
    f32::from_bits((bits as i32).cast_unsigned())
}

/// Numbers in place, or as indexes into the distinct ones as words: whichever is smaller.
fn pack_values<T: Copy + Ord + Word>(
    values: &[T],
    in_place: IntTable<'static>,
) -> (IntTable<'static>, Vec<u8>) {
    let mut distinct = values.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let indexed = IntTable::pack(
        values
            .iter()
            .map(|value| distinct.binary_search(value).unwrap_or_default() as u32),
    );
    if indexed.bytes.len() + 4 * distinct.len() < in_place.bytes.len() {
        (indexed, distinct.into_iter().flat_map(T::bytes).collect())
    } else {
        (in_place, Vec::new())
    }
}

/// A number of 32 bits, with or without a sign.
trait Word {
    fn bytes(self) -> [u8; 4];
}

impl Word for i32 {
    fn bytes(self) -> [u8; 4] {
        self.to_le_bytes()
    }
}

impl Word for u32 {
    fn bytes(self) -> [u8; 4] {
        self.to_le_bytes()
    }
}

/// Eight bits a byte, the lowest first.
fn pack_bits(bits: &[bool]) -> Vec<u8> {
    bits.chunks(8)
        .map(|bits| {
            bits.iter()
                .rev()
                .fold(0, |byte, bit| byte << 1 | u8::from(*bit))
        })
        .collect()
}

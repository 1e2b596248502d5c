//! What the shape bits of the trees say, counted once: where each tree starts and how large each
//! left subtree is.

use super::error::ArtifactError;
use super::trees::Trees;
use crate::limits;

/// Where one tree stands in the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeSpan {
    /// Its first inner node.
    pub node: u32,
    /// How many inner nodes it has.
    pub size: u32,
    /// Its first leaf.
    pub leaf: u32,
}

/// The layout of all trees, derived from [`Trees::shape`].
///
/// Inner nodes stand depth first, so the left child of node `i` is the node `i + 1` and its right
/// child is the node `i + 1 + left_sizes[i]`, each where that subtree has inner nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeLayout {
    /// Shape: `(n_trees,)`.
    pub spans: Vec<TreeSpan>,
    /// The number of inner nodes in each inner node's left subtree. Shape: `(n_nodes,)`.
    pub left_sizes: Vec<u32>,
}

/// Open right subtrees: a power of two above the deepest level, so that an index is a mask.
const STACK: usize = (limits::MAX_TREE_DEPTH + 1).next_power_of_two();

impl TreeLayout {
    /// Counts the layout of trees.
    ///
    /// # Errors
    /// The shape's length, its number of inner nodes, its spare bits, a tree without its end, too
    /// many trees or levels.
    pub fn of(trees: &Trees<'_>) -> Result<Self, ArtifactError> {
        let (n_nodes, n_leaves) = (trees.node_conditions.len(), trees.leaves.len());
        let n_trees = n_leaves.saturating_sub(n_nodes);
        ArtifactError::check_count("trees", n_trees, 1, limits::MAX_TREES)?;
        let n_bits = n_nodes + n_leaves;
        let n_bytes = n_bits.div_ceil(8);
        if trees.shape.len() != n_bytes {
            return Err(ArtifactError::TableLength {
                table: "shape",
                found: trees.shape.len(),
                expected: format!("{n_bytes} ({n_bits} bits)"),
            });
        }
        let found = trees
            .shape
            .iter()
            .map(|byte| byte.count_ones() as usize)
            .sum();
        let spare = trees
            .shape
            .last()
            .map_or(0, |byte| u32::from(*byte) >> ((n_bits - 1) % 8 + 1));
        if found != n_nodes || spare != 0 {
            let expected = n_nodes;
            return Err(ArtifactError::ShapeNodes { found, expected });
        }
        Self::walk(&trees.shape, n_nodes, n_leaves)
    }

    /// One step a bit and no branch on it: shapes look random to a branch predictor.
    fn walk(shape: &[u8], n_nodes: usize, n_leaves: usize) -> Result<Self, ArtifactError> {
        // The entry past the last node takes the writes that mean nothing.
        let mut left_sizes = vec![0_u32; n_nodes + 1];
        let mut spans = Vec::with_capacity(n_leaves - n_nodes);
        // For each inner node whose left subtree is open: its position and, in the low half, its level.
        let entry = |node: u32, level: u32| u64::from(node) << 32 | u64::from(level);
        let mut open = [entry(n_nodes as u32, 0); STACK];
        let mut n_open = 1;
        let (mut node, mut leaf, mut level) = (0_u32, 0_u32, 0_u32);
        let (mut first_node, mut first_leaf) = (0, 0);
        let mut n_bits = n_nodes + n_leaves;
        for byte in shape {
            let mut bits = u32::from(*byte);
            for _ in 0..n_bits.min(8) {
                let inner = bits & 1;
                bits >>= 1;
                open[n_open % STACK] = entry(node, level);
                let last = open[(n_open - 1) % STACK];
                let (parent, parent_level) = ((last >> 32) as u32, last as u32);
                // A leaf ends the left subtree of the last open node; the right one comes next.
                let target = if inner == 1 { n_nodes as u32 } else { parent };
                left_sizes[target as usize] = node.wrapping_sub(parent).wrapping_sub(1);
                level = 1 + if inner == 1 { level } else { parent_level };
                n_open = n_open + 2 * inner as usize - 1;
                node += inner;
                leaf += 1 - inner;
                if n_open == 0 {
                    spans.push(TreeSpan {
                        node: first_node,
                        size: node - first_node,
                        leaf: first_leaf,
                    });
                    (first_node, first_leaf, n_open, level) = (node, leaf, 1, 0);
                }
                if level as usize > limits::MAX_TREE_DEPTH {
                    return Err(ArtifactError::TreeDepth { tree: spans.len() });
                }
            }
            n_bits -= n_bits.min(8);
        }
        if n_open != 1 || first_node != node || first_leaf != leaf {
            return Err(ArtifactError::ShapeOpen { tree: spans.len() });
        }
        left_sizes.truncate(n_nodes);
        Ok(Self { spans, left_sizes })
    }
}

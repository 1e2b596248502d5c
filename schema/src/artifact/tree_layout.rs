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

/// A finished subtree: its levels in the high half, its inner nodes in the low one.
type Finished = u64;

/// A level of a [`Finished`] subtree.
const LEVEL: Finished = 1 << 32;

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
        let found = Self::walk(&trees.shape, n_nodes, n_bits, n_trees);
        found.ok_or_else(|| fault(&trees.shape, n_bits))
    }

    /// From the last node to the first: then a node's subtrees are finished when it comes, the left one last. One step a
    /// bit and no branch on it: shapes look random to a branch predictor. `None` where the trees are not as they should be.
    fn walk(shape: &[u8], n_nodes: usize, n_bits: usize, n_trees: usize) -> Option<Self> {
        // Each level of an open tree has at most one finished subtree, each other tree is one. Below them are as many as
        // a node takes.
        let mut finished: Vec<Finished> = vec![0; 2 + n_trees + limits::MAX_TREE_DEPTH + 2];
        // The last two are kept at hand.
        let (mut last, mut second, mut n_below) = (0, 0, 2);
        let mut left_sizes = vec![0_u32; n_nodes];
        let mut node = n_nodes;
        let mut n_in_byte = (n_bits - 1) % 8 + 1;
        for byte in shape.iter().rev() {
            let mut bits = u32::from(*byte) << (8 - n_in_byte);
            for _ in 0..n_in_byte {
                let inner = (bits >> 7 & 1) as usize;
                bits <<= 1;
                // Written for leaves too, until the inner node comes whose left subtree it is.
                if let Some(left_size) = left_sizes.get_mut(node.wrapping_sub(1)) {
                    *left_size = last as u32;
                }
                node -= inner;
                *finished.get_mut(n_below)? = second;
                let third = finished[n_below - 1];
                let is_inner = (inner as u64).wrapping_neg();
                let deeper = last.max(second) >> 32 << 32;
                let sizes = u64::from(last as u32) + u64::from(second as u32);
                second = (third & is_inner) | (last & !is_inner);
                last = (deeper + LEVEL + sizes + 1) & is_inner;
                n_below = n_below + 1 - 2 * inner;
                // One is left at least, of two that it took.
                if n_below < 3 {
                    return None;
                }
            }
            n_in_byte = 8;
        }
        // As many as there are trees, for the inner nodes were counted; the last one is the first tree.
        let others = finished.get(4..n_below).unwrap_or_default().iter().rev();
        let roots = [last, second]
            .into_iter()
            .chain(others.copied())
            .take(n_trees);
        let mut spans = Vec::with_capacity(n_trees);
        let (mut node, mut leaf) = (0, 0);
        for root in roots {
            if root / LEVEL > limits::MAX_TREE_DEPTH as u64 {
                return None;
            }
            let size = root as u32;
            spans.push(TreeSpan { node, size, leaf });
            node += size;
            leaf += size + 1;
        }
        Some(Self { spans, left_sizes })
    }
}

/// What is wrong with a shape, looked for from the first node.
fn fault(shape: &[u8], n_bits: usize) -> ArtifactError {
    let mut tree = 0;
    // The levels of the subtrees to come; the next one's is the last.
    let mut open = vec![0];
    for index in 0..n_bits {
        let level = open.pop().unwrap_or(0);
        if level > limits::MAX_TREE_DEPTH {
            return ArtifactError::TreeDepth { tree };
        }
        if shape[index / 8] >> (index % 8) & 1 == 1 {
            open.extend([level + 1; 2]);
        } else if open.is_empty() {
            tree += 1;
            open.push(0);
        }
    }
    ArtifactError::ShapeOpen { tree }
}

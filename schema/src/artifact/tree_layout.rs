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
        // The sizes of finished subtrees. Each level of an open tree has at most one, each other tree is one. Below them
        // are as many as a node takes.
        let mut finished = vec![0_u32; 2 + n_trees + limits::MAX_TREE_DEPTH + 2];
        // The last two are kept at hand.
        let (mut last, mut second, mut n_below) = (0_u32, 0_u32, 2);
        let mut left_sizes = vec![0_u32; n_nodes];
        let mut node = n_nodes;
        let mut n_in_byte = (n_bits - 1) % 8 + 1;
        for byte in shape.iter().rev() {
            let mut bits = u32::from(*byte) << (8 - n_in_byte);
            for _ in 0..n_in_byte {
                let inner = bits >> 7 & 1;
                bits <<= 1;
                // Written for leaves too, until the inner node comes whose left subtree it is.
                if let Some(left_size) = left_sizes.get_mut(node.wrapping_sub(1)) {
                    *left_size = last;
                }
                node -= inner as usize;
                *finished.get_mut(n_below)? = second;
                let third = finished[n_below - 1];
                let is_inner = inner.wrapping_neg();
                let joined = last.wrapping_add(second).wrapping_add(1);
                second = last ^ ((last ^ third) & is_inner);
                last = joined & is_inner;
                n_below = n_below + 1 - 2 * inner as usize;
                // One is left at least, of two that it took.
                if n_below < 3 {
                    return None;
                }
            }
            n_in_byte = 8;
        }
        // As many as there are trees, for the inner nodes were counted; the last one is the first tree.
        let others = finished.get(4..n_below).unwrap_or_default().iter().rev();
        let roots = [last, second].into_iter().chain(others.copied());
        let mut spans = Vec::with_capacity(n_trees);
        let (mut node, mut leaf) = (0, 0);
        for size in roots.take(n_trees) {
            spans.push(TreeSpan { node, size, leaf });
            node += size;
            leaf += size + 1;
        }
        let this = Self { spans, left_sizes };
        this.has_few_levels().then_some(this)
    }

    /// Whether no tree has more levels than a tree may have. A subtree has at most as many as inner nodes, so most need
    /// not be looked at.
    fn has_few_levels(&self) -> bool {
        let most = limits::MAX_TREE_DEPTH as u32;
        let mut open = Vec::new();
        for span in &self.spans {
            open.push((span.node, span.size, 0));
            while let Some((node, size, level)) = open.pop() {
                if level > most {
                    return false;
                }
                if level + size > most {
                    let left_size = self.left_sizes[node as usize];
                    open.push((node + 1, left_size, level + 1));
                    open.push((node + 1 + left_size, size - 1 - left_size, level + 1));
                }
            }
        }
        true
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

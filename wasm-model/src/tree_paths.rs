//! What does not change from row to row about the paths through the trees.

use picket_kernels::PathNode;

/// An inner node whose subtree is being walked.
#[derive(Debug)]
struct Open {
    node: u32,
    /// The position after its last inner node.
    end: u32,
    left_size: u32,
    /// Its first leaf.
    leaf: u32,
    /// The node that asked the same feature before, plus 1; else 0.
    before: u32,
    feature_idx: u16,
    /// How many distinct features the path has, this node's included.
    n_features: u16,
}

/// One tree as it stands in the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TreeTables<'t> {
    /// The condition of each inner node. Shape: `(size,)`.
    pub(crate) conditions: &'t [u32],
    /// Shape: `(size,)`.
    pub(crate) left_sizes: &'t [u32],
    /// The training weight of each leaf. Shape: `(size + 1,)`.
    pub(crate) covers: &'t [u32],
}

/// Walks trees one after another. Scratch space is kept from tree to tree.
#[derive(Debug)]
pub(crate) struct PathWalk<'w> {
    /// The feature of each condition.
    features: &'w [u16],
    /// For each feature the last node on the path that asks it, plus 1; else 0.
    last: Vec<u32>,
    open: Vec<Open>,
    /// For each node of the tree the product of the shares of its feature's edges on the path to it.
    pub(crate) shares: Vec<f64>,
    /// The sum of the covers before each leaf of the tree, and of all. Shape: `(size + 2,)`.
    pub(crate) cover_before: Vec<i64>,
}

impl<'w> PathWalk<'w> {
    /// Shape of `features`: `(n_conditions,)`.
    pub(crate) fn new(features: &'w [u16]) -> Self {
        let n_features = features
            .iter()
            .max()
            .map_or(0, |last| usize::from(*last) + 1);
        Self {
            features,
            last: vec![0; n_features],
            open: Vec::new(),
            shares: Vec::new(),
            cover_before: Vec::new(),
        }
    }

    /// Appends a tree's nodes. Returns the largest number of distinct features on a path.
    pub(crate) fn visit(&mut self, tree: TreeTables<'_>, nodes: &mut Vec<PathNode>) -> usize {
        let size = tree.conditions.len() as u32;
        self.cover_before.clear();
        self.cover_before.push(0);
        let mut sum = 0;
        self.cover_before.extend(tree.covers.iter().map(|cover| {
            sum += i64::from(*cover);
            sum
        }));
        self.shares.clear();
        let first = nodes.len();
        let mut most_features = 0;
        for (node, (condition, left_size)) in (0..).zip(tree.conditions.iter().zip(tree.left_sizes))
        {
            self.leave(node);
            let (leaf, above, edge, end) = self.arrive(node, size);
            let feature_idx = self.features[*condition as usize];
            let before = core::mem::replace(&mut self.last[usize::from(feature_idx)], node + 1);
            let (feature_edge, share) = match before.checked_sub(1) {
                None => (2 * size, 1.0),
                Some(before) => {
                    let right = u32::from(node - before > tree.left_sizes[before as usize]);
                    let right_share = nodes[first + before as usize].right_share;
                    // Shares of two edges must add up to 1 to the bit, as the row's walk has them.
                    let share = if right == 1 {
                        right_share
                    } else {
                        1.0 - right_share
                    };
                    (2 * before + right, self.shares[before as usize] * share)
                }
            };
            self.shares.push(share);
            let n_features = above + u16::from(before == 0);
            most_features = most_features.max(n_features);
            let right_node = node + 1 + left_size;
            let right_leaf = leaf + 1 + left_size;
            let end_leaf = right_leaf + 1 + (end - right_node);
            let covers = [leaf, right_leaf, end_leaf].map(|leaf| self.cover_before[leaf as usize]);
            nodes.push(PathNode {
                right_share: (covers[2] - covers[1]) as f64 / (covers[2] - covers[0]) as f64,
                condition: *condition as u16,
                feature_idx,
                edge,
                feature_edge,
                left: if *left_size > 0 {
                    node + 1
                } else {
                    size + leaf
                },
                right: if end > right_node {
                    right_node
                } else {
                    size + right_leaf
                },
                factor: 0,
            });
            self.open.push(Open {
                node,
                end,
                left_size: *left_size,
                leaf,
                before,
                feature_idx,
                n_features,
            });
        }
        self.leave(size);
        usize::from(most_features)
    }

    /// Closes the subtrees that end before `node`.
    fn leave(&mut self, node: u32) {
        while let Some(closed) = self.open.pop_if(|open| open.end <= node) {
            self.last[usize::from(closed.feature_idx)] = closed.before;
        }
    }

    /// A node's first leaf, the distinct features above it, the edge that leads to it, and
    /// the position after its subtree's last inner node.
    fn arrive(&self, node: u32, size: u32) -> (u32, u16, u32, u32) {
        let Some(parent) = self.open.last() else {
            return (0, 0, 2 * size, size);
        };
        let right_node = parent.node + 1 + parent.left_size;
        // Subtrees that ended are closed: where the last open one's left part has, this is its right.
        if node < right_node {
            (parent.leaf, parent.n_features, 2 * parent.node, right_node)
        } else {
            let leaf = parent.leaf + 1 + parent.left_size;
            (leaf, parent.n_features, 2 * parent.node + 1, parent.end)
        }
    }
}

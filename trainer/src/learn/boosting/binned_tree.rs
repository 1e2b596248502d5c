//! A boosted tree while it is still about bins.

use crate::learn::bin_test::BinTest;
use crate::learn::binning::FeatureBins;
use crate::learn::ensemble::{Node, Tree};

#[derive(Debug, Clone, Copy)]
pub(crate) enum BinnedNode {
    Split {
        feature: usize,
        test: BinTest,
        left: usize,
        right: usize,
    },
    Leaf {
        value: f64,
    },
}

/// Nodes with the weight of the training rows that come by each; the root first, children after
/// their parents.
#[derive(Debug)]
pub(crate) struct BinnedTree {
    pub(crate) nodes: Vec<BinnedNode>,
    pub(crate) covers: Vec<f64>,
}

impl BinnedTree {
    /// The leaf in which a row with these bins, `(n_features)`, ends.
    pub(crate) fn leaf(&self, bins: &[u8]) -> (usize, f64) {
        let mut at = 0;
        loop {
            match &self.nodes[at] {
                BinnedNode::Leaf { value } => return (at, *value),
                BinnedNode::Split {
                    feature,
                    test,
                    left,
                    right,
                } => {
                    at = if test.goes_left(bins[*feature]) {
                        *left
                    } else {
                        *right
                    };
                }
            }
        }
    }

    /// Sums the leaves' covers up to the root.
    pub(crate) fn sum_covers(&mut self) {
        for index in (0..self.nodes.len()).rev() {
            if let BinnedNode::Split { left, right, .. } = self.nodes[index] {
                self.covers[index] = self.covers[left] + self.covers[right];
            }
        }
    }

    /// The same tree about values.
    pub(crate) fn into_tree(self, features: &[FeatureBins]) -> Tree {
        let nodes = self
            .nodes
            .iter()
            .zip(&self.covers)
            .map(|(node, &cover)| match *node {
                BinnedNode::Leaf { value } => Node::Leaf { value, cover },
                BinnedNode::Split {
                    feature,
                    test,
                    left,
                    right,
                } => Node::Split {
                    condition: test.condition(feature, &features[feature]),
                    left: left as u32,
                    right: right as u32,
                    cover,
                },
            });
        Tree::new(nodes.collect())
    }
}

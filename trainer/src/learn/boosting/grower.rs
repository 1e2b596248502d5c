//! Grows one boosted tree.

use super::binned_tree::{BinnedNode, BinnedTree};
use super::bundles::Bundles;
use super::gain::{GainRule, NodeSums};
use super::gradient::{Packed, Scale};
use super::histogram::{Histogram, HistogramSource, NodeRows};
use crate::learn::bin_test::{BinTest, absent_bins};
use crate::learn::binning::{FeatureBins, MISSING};
use crate::learn::ensemble::Importance;
use crate::learn::partition::Partition;
use crate::random::Random;

/// Fewer cells than this are searched for splits by one thread.
const CELLS_PER_THREAD: usize = 1 << 11;

/// When a tree stops growing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BoostedShape {
    pub(crate) max_depth: usize,
    /// With a limit, the leaf that gains most is split first.
    pub(crate) max_leaves: Option<usize>,
    /// How many of the tree's features are tried at each split.
    pub(crate) n_tried: usize,
    pub(crate) learning_rate: f64,
}

/// The part of the table a tree may look at.
pub(crate) struct TreeData<'a> {
    pub(crate) source: HistogramSource<'a>,
    pub(crate) bundles: Option<&'a Bundles>,
    pub(crate) all: &'a [FeatureBins],
    pub(crate) scale: Scale,
}

/// A leaf that can still be split.
struct OpenLeaf {
    node: usize,
    start: usize,
    end: usize,
    depth: usize,
    sum: Packed,
    histogram: Histogram,
    found: Found,
}

#[derive(Debug, Clone, Copy)]
struct Found {
    gain: f64,
    /// An index into the tree's own features.
    at: usize,
    test: BinTest,
}

/// A leaf that stays one: rows `start..end` of the partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeafRows {
    pub(crate) node: usize,
    pub(crate) value: f64,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A tree that has grown, with the rows of each of its leaves.
pub(crate) struct Grown {
    pub(crate) tree: BinnedTree,
    pub(crate) partition: Partition,
    pub(crate) leaves: Vec<LeafRows>,
}

pub(crate) struct BoostedGrower<'a> {
    data: TreeData<'a>,
    rule: GainRule,
    shape: BoostedShape,
    partition: Partition,
    random: Random,
    nodes: Vec<BinnedNode>,
    leaves: Vec<LeafRows>,
    open: Vec<OpenLeaf>,
    importances: &'a mut [Importance],
    spare: Vec<Histogram>,
}

impl<'a> BoostedGrower<'a> {
    pub(crate) fn new(
        data: TreeData<'a>,
        rule: GainRule,
        shape: BoostedShape,
        partition: Partition,
        random: Random,
        importances: &'a mut [Importance],
    ) -> Self {
        let nodes = vec![BinnedNode::Leaf { value: 0.0 }];
        let (leaves, open, spare) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            data,
            rule,
            shape,
            partition,
            random,
            nodes,
            leaves,
            open,
            importances,
            spare,
        }
    }

    pub(crate) fn grow(mut self) -> Grown {
        let end = self.partition.len();
        let mut histogram = self.zero_histogram();
        let (rows, gradients) = self.partition.part(0, end);
        let sum = gradients
            .iter()
            .fold(0, |sum: Packed, &gradient| sum.wrapping_add(gradient));
        histogram.fill(&self.data.source, NodeRows { rows, gradients });
        let tried = self.draw_features();
        let found = self.find(&histogram, sum, &tried);
        self.place(
            Child {
                node: 0,
                start: 0,
                end,
                depth: 0,
                sum,
            },
            Some(histogram),
            found,
        );
        while let Some(leaf) = self.next() {
            self.split(leaf);
        }
        let covers = vec![0.0; self.nodes.len()];
        let tree = BinnedTree {
            nodes: self.nodes,
            covers,
        };
        Grown {
            tree,
            partition: self.partition,
            leaves: self.leaves,
        }
    }

    /// The open leaf to split now. Without a limit of leaves the order does not change the tree,
    /// and taking the newest keeps the fewest histograms.
    fn next(&mut self) -> Option<OpenLeaf> {
        let Some(max_leaves) = self.shape.max_leaves else {
            return self.open.pop();
        };
        if self.leaves.len() + self.open.len() >= max_leaves {
            while let Some(leaf) = self.open.pop() {
                self.close(leaf.node, leaf.start, leaf.end, leaf.sum);
            }
            return None;
        }
        // The first of equals, and nodes are numbered in order of their making.
        let best = (0..self.open.len()).reduce(|best, at| {
            let (a, b) = (&self.open[best], &self.open[at]);
            let better =
                b.found.gain > a.found.gain || b.found.gain == a.found.gain && b.node < a.node;
            if better { at } else { best }
        })?;
        Some(self.open.swap_remove(best))
    }

    fn split(&mut self, leaf: OpenLeaf) {
        let OpenLeaf {
            node,
            start,
            end,
            depth,
            sum,
            mut histogram,
            found,
        } = leaf;
        let feature = self.data.source.features[found.at] as usize;
        let bins = &self.data.all[feature];
        let mut test = found.test;

        let middle = self.partition_by(feature, &test, start, end);
        let left_sum = self.sum(start, middle);
        let right_sum = sum.wrapping_sub(left_sum);

        let cells = histogram.cells(self.data.source.layout.feature(found.at));
        let n_cells = if bins.is_categorical() {
            bins.n_bins() + 1
        } else {
            1
        };
        let heavier_left =
            self.data.scale.unpack(left_sum).1 >= self.data.scale.unpack(right_sum).1;
        debug_assert_eq!(MISSING, 0);
        test.send_absent(&absent_bins(&cells[..n_cells]), heavier_left);

        let left_node = self.nodes.len();
        self.nodes[node] = BinnedNode::Split {
            feature,
            test,
            left: left_node,
            right: left_node + 1,
        };
        self.nodes.extend([BinnedNode::Leaf { value: 0.0 }; 2]);
        self.importances[feature].gain += found.gain;
        self.importances[feature].n_splits += 1;

        let depth = depth + 1;
        let left = Child {
            node: left_node,
            start,
            end: middle,
            depth,
            sum: left_sum,
        };
        let right = Child {
            node: left_node + 1,
            start: middle,
            end,
            depth,
            sum: right_sum,
        };
        if !self.may_split(&left) && !self.may_split(&right) {
            self.spare.push(histogram);
            self.close(left.node, left.start, left.end, left.sum);
            self.close(right.node, right.start, right.end, right.sum);
            return;
        }
        let mut small = self.zero_histogram();
        let left_is_small = middle - start <= end - middle;
        let (first, last) = if left_is_small {
            (start, middle)
        } else {
            (middle, end)
        };
        let (rows, gradients) = self.partition.part(first, last);
        small.fill(&self.data.source, NodeRows { rows, gradients });
        histogram.subtract(&small);
        let (left_histogram, right_histogram) = if left_is_small {
            (small, histogram)
        } else {
            (histogram, small)
        };

        let (left_tried, right_tried) = (self.draw_features(), self.draw_features());
        let find_left = || self.find_if_allowed(&left, &left_histogram, &left_tried);
        let find_right = || self.find_if_allowed(&right, &right_histogram, &right_tried);
        let (left_found, right_found) = if self.data.source.layout.n_cells() > CELLS_PER_THREAD {
            rayon::join(find_left, find_right)
        } else {
            (find_left(), find_right())
        };
        self.place(right, Some(right_histogram), right_found);
        self.place(left, Some(left_histogram), left_found);
    }

    /// Moves the rows that go left to the front.
    fn partition_by(&mut self, feature: usize, test: &BinTest, start: usize, end: usize) -> usize {
        let codes = self.data.bundles;
        if let Some(test) = codes.and_then(|codes| codes.left_codes(feature, test)) {
            return self.partition.split(start, end, |row| test.goes_left(row));
        }
        let source = &self.data.source;
        let (column, stride) = (&source.bins[feature..], source.n_features);
        match *test {
            BinTest::AtMost { bin, missing_left } => {
                let first = u8::from(!missing_left);
                let last = bin - first;
                self.partition.split(start, end, |row| {
                    column[row as usize * stride].wrapping_sub(first) <= last
                })
            }
            BinTest::Within { .. } => self.partition.split(start, end, |row| {
                test.goes_left(column[row as usize * stride])
            }),
        }
    }

    fn sum(&self, start: usize, end: usize) -> Packed {
        let (_, gradients) = self.partition.part(start, end);
        gradients
            .iter()
            .fold(0, |sum: Packed, &gradient| sum.wrapping_add(gradient))
    }

    fn may_split(&self, child: &Child) -> bool {
        let (_, hessian) = self.data.scale.unpack(child.sum);
        child.depth < self.shape.max_depth
            && child.end - child.start > 1
            && hessian >= 2.0 * self.rule.min_child_weight
    }

    fn find_if_allowed(&self, child: &Child, cells: &Histogram, tried: &[u32]) -> Option<Found> {
        if self.may_split(child) {
            self.find(cells, child.sum, tried)
        } else {
            None
        }
    }

    /// The best split over the features `tried`; of equals the first feature's.
    fn find(&self, histogram: &Histogram, sum: Packed, tried: &[u32]) -> Option<Found> {
        let node = NodeSums {
            sum,
            scale: self.data.scale,
        };
        let mut best: Option<Found> = None;
        for &at in tried {
            let at = at as usize;
            let bins = &self.data.all[self.data.source.features[at] as usize];
            if let Some(split) = self.rule.best(
                bins,
                histogram.cells(self.data.source.layout.feature(at)),
                node,
            ) && best.is_none_or(|best| split.gain > best.gain)
            {
                best = Some(Found {
                    gain: split.gain,
                    at,
                    test: split.test,
                });
            }
        }
        best
    }

    /// The features to try at a split, in order, as indexes into the tree's own.
    fn draw_features(&mut self) -> Vec<u32> {
        self.random
            .subset(self.data.source.features.len(), self.shape.n_tried)
    }

    fn place(&mut self, child: Child, histogram: Option<Histogram>, found: Option<Found>) {
        let Child {
            node,
            start,
            end,
            depth,
            sum,
        } = child;
        match (found, histogram) {
            (Some(found), Some(histogram)) => {
                self.open.push(OpenLeaf {
                    node,
                    start,
                    end,
                    depth,
                    sum,
                    histogram,
                    found,
                });
            }
            (_, histogram) => {
                self.spare.extend(histogram);
                self.close(node, start, end, sum);
            }
        }
    }

    fn close(&mut self, node: usize, start: usize, end: usize, sum: Packed) {
        let sums = NodeSums {
            sum,
            scale: self.data.scale,
        };
        let value = self.rule.leaf(sums) * self.shape.learning_rate;
        self.nodes[node] = BinnedNode::Leaf { value };
        self.leaves.push(LeafRows {
            node,
            value,
            start,
            end,
        });
    }

    fn zero_histogram(&mut self) -> Histogram {
        self.spare
            .pop()
            .unwrap_or_else(|| Histogram::zero(self.data.source.layout))
    }
}

#[derive(Debug, Clone, Copy)]
struct Child {
    node: usize,
    start: usize,
    end: usize,
    depth: usize,
    sum: Packed,
}

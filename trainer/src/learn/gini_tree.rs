//! Grows one tree by Gini impurity, for forests and for the single tree.

use super::bin_test::{BinTest, absent_bins};
use super::binning::MISSING;
use super::ensemble::{Importance, Node, Tree};
use super::gini_split::{GiniRule, GiniSplit};
use super::partition::Partition;
use super::table::{Classes, Table};
use crate::random::Random;

/// How cuts are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The best of all.
    Best,
    /// One at random for each feature.
    Random,
}

/// When a node is split, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Growth {
    pub(crate) rule: GiniRule,
    pub(crate) cut: Cut,
    /// How many features that are not constant are tried at a split.
    pub(crate) n_tried: usize,
    pub(crate) max_depth: usize,
    /// Least weight of a node that is split, in units.
    pub(crate) min_split: u64,
    /// Least gain of a split, in units.
    pub(crate) min_gain: f64,
    /// What a leaf's positive share is multiplied by.
    pub(crate) vote: f64,
}

/// A node that still has to be looked at.
#[derive(Debug, Clone, Copy)]
struct Open {
    start: usize,
    end: usize,
    depth: usize,
    /// The features not yet known to be constant here are this many at the front of the list.
    n_candidates: usize,
    classes: u64,
    parent: Option<(u32, bool)>,
}

/// The best split of a node.
#[derive(Debug, Clone, Copy)]
struct Found {
    feature: usize,
    score: f64,
    test: BinTest,
    /// The bins that no row of the node has: of a numeric feature, only whether it is the
    /// missing bin.
    absent: [u64; 4],
}

/// The part of the table a tree learns from, and what it needs while growing.
pub(crate) struct GiniGrower<'a> {
    table: &'a Table,
    growth: Growth,
    partition: Partition,
    random: Random,
    candidates: Vec<u32>,
    cells: Vec<u64>,
    nodes: Vec<Node>,
    importances: Vec<Importance>,
}

impl<'a> GiniGrower<'a> {
    /// A tree over `rows` of the table with the packed weights `classes`.
    pub(crate) fn new(
        table: &'a Table,
        growth: Growth,
        rows: Vec<u32>,
        classes: Vec<u64>,
        random: Random,
    ) -> Self {
        Self {
            table,
            growth,
            partition: Partition::new(rows, classes),
            random,
            candidates: (0..table.n_features as u32).collect(),
            cells: vec![0; table.max_bins()],
            nodes: Vec::new(),
            importances: vec![Importance::default(); table.n_features],
        }
    }

    /// Grows the tree, left to right.
    pub(crate) fn grow(mut self) -> (Tree, Vec<Importance>) {
        let end = self.partition.len();
        let mut stack = vec![Open {
            start: 0,
            end,
            depth: 0,
            n_candidates: self.candidates.len(),
            classes: self.partition.part(0, end).1.iter().sum(),
            parent: None,
        }];
        while let Some(open) = stack.pop() {
            let index = self.nodes.len() as u32;
            if let Some((parent, is_left)) = open.parent {
                self.adopt(parent, is_left, index);
            }
            let mut n_candidates = open.n_candidates;
            let split = if self.is_final(&open) {
                None
            } else {
                self.find_split(&open, &mut n_candidates)
            };
            match split {
                Some(found) => {
                    let (left, right) = self.split(&open, found, n_candidates, index);
                    stack.push(right);
                    stack.push(left);
                }
                None => self.push_leaf(open.classes),
            }
        }
        // A forest keeps many trees: room for nodes that never came would be half as much again.
        self.nodes.shrink_to_fit();
        (Tree::new(self.nodes), self.importances)
    }

    fn adopt(&mut self, parent: u32, is_left: bool, child: u32) {
        if let Node::Split { left, right, .. } = &mut self.nodes[parent as usize] {
            *(if is_left { left } else { right }) = child;
        }
    }

    fn is_final(&self, open: &Open) -> bool {
        let classes = Classes::from_packed(open.classes);
        let total = classes.total();
        classes.negative == 0
            || classes.positive == 0
            || open.end - open.start == 1
            || open.depth >= self.growth.max_depth
            || total < self.growth.min_split
            || total < 2 * self.growth.rule.min_leaf
    }

    /// Tries `n_tried` features drawn at random, and more until one of them is not constant in the
    /// node. Constant ones take their draws too (as in Breiman's forest): the deeper the node, the
    /// fewer of those drawn can split it, and the more trees differ. They move behind
    /// `n_candidates`, for they stay constant further down.
    fn find_split(&mut self, open: &Open, n_candidates: &mut usize) -> Option<Found> {
        let mut best: Option<Found> = None;
        let (mut n_drawn, mut n_tried) = (0, 0);
        let mut n_left = *n_candidates;
        let mut n_constant = self.table.n_features - n_left;
        let all = self.growth.n_tried >= self.table.n_features;
        while n_left > 0 && (all || n_drawn < self.growth.n_tried || n_tried == 0) {
            n_drawn += 1;
            // Untried candidates are in front, tried ones between them and the constant ones.
            let at = if all {
                n_left - 1
            } else {
                self.random.below(n_left + n_constant)
            };
            if at >= n_left {
                // One of those known to be constant.
                n_constant -= 1;
                continue;
            }
            let feature = self.candidates[at] as usize;
            let bins = &self.table.features[feature];
            let n_cells = bins.n_bins() + 1;
            self.fill_cells(open, feature, n_cells);
            let cells = &self.cells[..n_cells];
            n_left -= 1;
            self.candidates.swap(at, n_left);
            if cells.contains(&open.classes) {
                *n_candidates -= 1;
                self.candidates.swap(n_left, *n_candidates);
                continue;
            }
            n_tried += 1;
            let rule = &self.growth.rule;
            let split = match self.growth.cut {
                Cut::Best => rule.best(bins, cells, open.classes),
                Cut::Random => rule.random(bins, cells, open.classes, &mut self.random),
            };
            if let Some(GiniSplit { score, test }) = split
                && best.is_none_or(|best| {
                    // Among all features the first wins a tie, among random ones the first drawn.
                    score > best.score || all && score == best.score && feature < best.feature
                })
            {
                let absent = if bins.is_categorical() {
                    absent_bins(cells)
                } else {
                    absent_bins(&cells[..=usize::from(MISSING)])
                };
                best = Some(Found {
                    feature,
                    score,
                    test,
                    absent,
                });
            }
        }
        let floor = self.growth.rule.score(Classes::from_packed(open.classes));
        // Without a least gain a split that gains nothing is taken too: the next may gain (as in
        // exclusive or). Rounding must not decide about it.
        best.filter(|best| {
            self.growth.min_gain <= 0.0 || best.score - floor >= self.growth.min_gain
        })
    }

    /// The feature's histogram of packed class weights over the node's rows.
    fn fill_cells(&mut self, open: &Open, feature: usize, n_cells: usize) {
        let cells = &mut self.cells[..n_cells];
        cells.fill(0);
        let (rows, classes) = self.partition.part(open.start, open.end);
        let (bins, stride) = (&self.table.bins[feature..], self.table.n_features);
        for (&row, &classes) in rows.iter().zip(classes) {
            cells[usize::from(bins[row as usize * stride])] += classes;
        }
    }

    fn split(
        &mut self,
        open: &Open,
        found: Found,
        n_candidates: usize,
        index: u32,
    ) -> (Open, Open) {
        let Found {
            feature,
            score,
            mut test,
            absent,
        } = found;
        let classes = Classes::from_packed(open.classes);
        let bins = &self.table.features[feature];
        let (column, stride) = (&self.table.bins[feature..], self.table.n_features);
        let middle = self.partition.split(open.start, open.end, |row| {
            test.goes_left(column[row as usize * stride])
        });
        let left: u64 = self.partition.part(open.start, middle).1.iter().sum();
        let right = open.classes - left;

        let heavier_left =
            Classes::from_packed(left).total() >= Classes::from_packed(right).total();
        test.send_absent(&absent, heavier_left);

        let importance = &mut self.importances[feature];
        importance.gain += (score - self.growth.rule.score(classes)).max(0.0) * self.table.unit();
        importance.n_splits += 1;
        self.nodes.push(Node::Split {
            condition: test.condition(feature, bins),
            left: 0,
            right: 0,
            cover: classes.total() as f64 * self.table.unit(),
        });
        let child = |start, end, classes, is_left| Open {
            start,
            end,
            depth: open.depth + 1,
            n_candidates,
            classes,
            parent: Some((index, is_left)),
        };
        (
            child(open.start, middle, left, true),
            child(middle, open.end, right, false),
        )
    }

    fn push_leaf(&mut self, classes: u64) {
        let classes = Classes::from_packed(classes);
        self.nodes.push(Node::Leaf {
            value: self.growth.rule.fraction(classes) * self.growth.vote,
            cover: classes.total() as f64 * self.table.unit(),
        });
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::learn::matrix::Matrix;
    use crate::learn::tree_shape::{FeatureSampling, TreeShape};

    /// Of 9 features 8 are constant: a draw of 2 nearly always meets constant ones only.
    #[test]
    fn a_node_is_split_though_constant_features_were_drawn() {
        let features = Array2::from_shape_fn(
            (64, 9),
            |(row, feature)| {
                if feature == 7 { row as f32 } else { 1.0 }
            },
        );
        let labels: Vec<bool> = (0..64).map(|row| row % 2 == 0).collect();
        let table = Table::new(&Matrix::new(features.view(), labels).unwrap());
        let shape = TreeShape::full_depth(FeatureSampling::Count(2));
        let growth = shape.growth(&table, Cut::Best, 1.0);
        for seed in 0..20 {
            let rows = (0..64).collect();
            let classes = table.classes.iter().map(|row| row.packed()).collect();
            let random = Random::learner_stream(seed, 0);
            let (tree, _) = GiniGrower::new(&table, growth, rows, classes, random).grow();
            assert_eq!(tree.leaf_values().count(), 64, "seed {seed}");
        }
    }

    /// Feature 0 is constant, feature 1 is the label, feature 2 says nothing. A root that tries two
    /// features takes the label unless it draws the other two, a third of the time; if the constant
    /// one took no draw, it would always take the label.
    #[test]
    fn constant_features_take_draws() {
        let features = Array2::from_shape_fn((256, 3), |(row, feature)| match feature {
            0 => 1.0,
            1 => (row % 2) as f32,
            _ => (row / 2) as f32,
        });
        let labels: Vec<bool> = (0..256).map(|row| row % 2 == 0).collect();
        let table = Table::new(&Matrix::new(features.view(), labels).unwrap());
        let shape = TreeShape::full_depth(FeatureSampling::Count(2));
        let growth = shape.growth(&table, Cut::Best, 1.0);
        let mut n_by_label = 0;
        for seed in 0..60 {
            let rows = (0..256).collect();
            let classes = table.classes.iter().map(|row| row.packed()).collect();
            let random = Random::learner_stream(seed, 0);
            let (tree, _) = GiniGrower::new(&table, growth, rows, classes, random).grow();
            if let Node::Split { condition, .. } = &tree.nodes()[0] {
                n_by_label += usize::from(condition.feature == 1);
            }
        }
        assert!((30..60).contains(&n_by_label), "{n_by_label} of 60");
    }
}

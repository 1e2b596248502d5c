//! The upper parts of trees, small enough for a word of exits each.

use picket_kernels::{ExitMasks, ExitSet, Tails, TailsBuilder, TileExits, intersect};
use picket_schema::artifact::{TreeLayout, Trees};

use super::row_codes::RowCodes;
use super::walk::Subtree;
use crate::tree_numbers;

/// One inner node of a front.
#[derive(Clone, Copy, Debug)]
struct FrontNode {
    condition: u32,
    /// The exits of its left subtree.
    start: u32,
    end: u32,
}

/// What a front is made of, depth first.
enum FrontPart {
    Node(FrontNode),
    Exit { value: i32, tail: u32 },
}

/// The fronts of all trees, while they are made.
pub(super) struct Fronts<'t> {
    trees: &'t Trees<'t>,
    layout: &'t TreeLayout,
    codes: &'t RowCodes,
    tails: TailsBuilder,
    /// The training weight of a tree's leaves before each leaf.
    cover_before: Vec<u32>,
}

impl<'t> Fronts<'t> {
    /// `None` where a number does not fit, here as below.
    pub(super) fn new(trees: &'t Trees<'t>, layout: &'t TreeLayout, codes: &'t RowCodes) -> Self {
        let values = tree_numbers::distinct_leaf_values(trees);
        Self {
            trees,
            layout,
            codes,
            tails: TailsBuilder::new(codes.n_names(), values),
            cover_before: Vec::new(),
        }
    }

    pub(super) fn into_tails(self) -> Option<Tails> {
        self.tails.finish()
    }

    /// Copies a subtree to the tails; returns the position of its root.
    pub(super) fn push_tail(&mut self, root: Subtree) -> Option<u32> {
        let root_position = self.tails.push();
        let mut open = vec![(root, root_position)];
        while let Some((subtree, position)) = open.pop() {
            if subtree.size == 0 {
                self.tails
                    .set_leaf(position, self.value_index(subtree.leaf));
                continue;
            }
            let (left, right) = subtree.children(self.layout);
            let condition = self.trees.node_conditions.get(subtree.node as usize)?;
            let name = self.codes.bit_of(condition);
            let left_position = self.tails.split(position, name);
            let mut children = [(left, left_position), (right, left_position + 1)];
            // The smaller one next, so that the other one is not far.
            if left.size < right.size {
                children.reverse();
            }
            open.extend(children);
        }
        Some(root_position)
    }

    /// Which of the distinct values a leaf has, or the leaf itself where each has its own.
    fn value_index(&self, leaf: u32) -> u32 {
        if self.trees.leaf_values.is_empty() {
            return leaf;
        }
        self.trees.leaves.get(leaf as usize).unwrap_or(0)
    }

    /// Makes the tiles of some trees; `None` where a number does not fit.
    pub(super) fn masks<W: ExitSet, const LANES: usize, const EXITS: usize>(
        &mut self,
        mut trees: impl Iterator<Item = Subtree>,
        n_trees: usize,
    ) -> Option<ExitMasks<W, LANES, EXITS>> {
        let codes = self.codes;
        let mut masks = ExitMasks::with_capacity(codes.n_lines(), n_trees);
        let (mut nodes, mut unit_lines) = (Vec::new(), Vec::<[W; LANES]>::new());
        for _ in 0..n_trees.div_ceil(LANES) {
            nodes.clear();
            let mut exits = TileExits::EMPTY;
            for (lane, tree) in trees.by_ref().take(LANES).enumerate() {
                let mut exit = 0;
                self.push_front(tree, EXITS as u32, |part| match part {
                    FrontPart::Node(node) => nodes.push((lane, node)),
                    FrontPart::Exit { value, tail } => {
                        exits.values[lane][exit] = value;
                        exits.tails[lane][exit] = tail;
                        exit += 1;
                    }
                })?;
            }
            unit_lines.clear();
            unit_lines.resize(codes.n_unit_lines(), [W::ALL; LANES]);
            for (lane, node) in &nodes {
                let survivors = W::without(node.start, node.end);
                codes.strike(node.condition as usize, |line| {
                    let word: &mut W = &mut unit_lines[line][*lane];
                    *word = *word & survivors;
                });
            }
            codes.join_lines(&mut unit_lines, masks.push_tile(exits), intersect);
        }
        Some(masks)
    }

    /// The front of a tree: the whole tree, or where it has more leaves than `max_exits`, an upper part
    /// that most training rows do not leave.
    fn push_front(
        &mut self,
        tree: Subtree,
        max_exits: u32,
        mut push: impl FnMut(FrontPart),
    ) -> Option<()> {
        self.weigh(tree, max_exits);
        let mut n_exits = 0;
        let mut open = vec![(tree, max_exits.min(tree.size + 1))];
        while let Some((subtree, n_shared)) = open.pop() {
            if n_shared == 1 {
                n_exits += 1;
                push(self.exit(subtree)?);
                continue;
            }
            let (left, right) = subtree.children(self.layout);
            let n_for_left = self.share(tree, subtree, n_shared);
            let condition = self.trees.node_conditions.get(subtree.node as usize);
            push(FrontPart::Node(FrontNode {
                condition: condition.unwrap_or(0),
                start: n_exits,
                end: n_exits + n_for_left,
            }));
            open.push((right, n_shared - n_for_left));
            open.push((left, n_for_left));
        }
        Some(())
    }

    fn exit(&mut self, subtree: Subtree) -> Option<FrontPart> {
        let (value, tail) = if subtree.size == 0 {
            let value = self.trees.leaf_value(subtree.leaf as usize);
            (value.unwrap_or(0), 0)
        } else {
            (0, self.push_tail(subtree)?)
        };
        Some(FrontPart::Exit { value, tail })
    }

    /// Adds up the training weight of a tree that is not a front as a whole.
    fn weigh(&mut self, tree: Subtree, max_exits: u32) {
        self.cover_before.clear();
        if tree.size < max_exits {
            return;
        }
        self.cover_before.push(0);
        let mut sum = 0_u32;
        for leaf in tree.leaf..=tree.leaf + tree.size {
            // The sum may wrap: a bad share costs time, never bits.
            sum = sum.wrapping_add(self.trees.cover(leaf as usize).unwrap_or(1));
            self.cover_before.push(sum);
        }
    }

    /// How many of a subtree's exits its left part gets: by training weight, as far as it has leaves.
    fn share(&self, tree: Subtree, subtree: Subtree, n_shared: u32) -> u32 {
        let (left, right) = subtree.children(self.layout);
        let (n_left, n_right) = (left.size + 1, right.size + 1);
        if n_shared == subtree.size + 1 {
            return n_left;
        }
        let before = |leaf: u32| self.cover_before[(leaf - tree.leaf) as usize];
        let cover = before(right.leaf + n_right).wrapping_sub(before(left.leaf));
        let of_left = before(right.leaf).wrapping_sub(before(left.leaf));
        let share = u64::from(n_shared) * u64::from(of_left) / u64::from(cover.max(1));
        let least = n_shared.saturating_sub(n_right).max(1);
        let most = n_left.min(n_shared - 1);
        (share as u32).clamp(least, most)
    }
}

//! The parts of trees below their fronts, copied out for walking many of them at once.

// The walk is half of the work on deep trees, and checks were a third of the walk. What they would
// check holds by construction: `TailsBuilder::finish` proves it of every node, and only what it returns can
// be walked.
#![allow(
    unsafe_code,
    reason = "reads proved in bounds when the table was finished"
)]

use crate::tail_node::{LargeNode, SmallNode, TailNode};

/// Steps of every tail between two looks at which of them have ended.
const STEPS: u32 = 3;
/// Tails of a row walked side by side: more would not fit in the registers.
pub const SIDE_BY_SIDE: usize = 4;
/// The most conditions whose answers are bits of a word.
pub const MOST_BITS: usize = SmallNode::MOST_CONDITIONS;

/// Nodes of tails while they are added. The first node is a leaf worth nothing.
#[derive(Debug)]
pub struct TailsBuilder {
    nodes: Vec<LargeNode>,
    values: Vec<i32>,
    n_conditions: usize,
}

#[derive(Debug)]
enum Nodes {
    Small(Vec<SmallNode>),
    Large(Vec<LargeNode>),
}

impl TailsBuilder {
    /// Starts tails of a model with so many conditions, whose leaves are numbers of `values`.
    #[must_use]
    pub fn new(n_conditions: usize, values: Vec<i32>) -> Self {
        let mut this = Self {
            nodes: Vec::new(),
            values,
            n_conditions,
        };
        this.push();
        this
    }

    /// Adds a leaf worth nothing, to be made what it shall be; returns its position.
    pub fn push(&mut self) -> u32 {
        self.nodes.push(LargeNode::leaf(self.n_conditions, 0));
        self.nodes.len() as u32 - 1
    }

    /// Gives the leaf at a position its value, a number of the values.
    ///
    /// # Panics
    /// Where there is no such position.
    pub fn set_leaf(&mut self, position: u32, value: u32) {
        // The first of the values that are read is the 0 of the first leaf.
        let value = value.saturating_add(1);
        self.nodes[position as usize] = LargeNode::leaf(self.n_conditions, value);
    }

    /// Makes the leaf at a position an inner node with two leaves; returns the left one's position, which the right
    /// one follows.
    ///
    /// # Panics
    /// Where there is no such position.
    pub fn split(&mut self, position: u32, condition: u32) -> u32 {
        let left = self.push();
        self.push();
        self.nodes[position as usize] = LargeNode::inner(condition, left - position);
        left
    }

    /// The tails, if every step from every node is to a node and every leaf has a value. Nodes are small where they can be.
    #[must_use]
    pub fn finish(self) -> Option<Tails> {
        let mut values = vec![0];
        values.extend(self.values);
        let nodes = self.nodes;
        // What reading without checks relies on: a step from each node, whatever the answer, is to a node of the
        // same table, conditions are below the number of answers, and values below the number of values.
        let mut numbered = nodes.iter().enumerate();
        let is_sound = numbered.all(|(index, node)| {
            let is_leaf = node.beyond() == 0 && node.condition() == self.n_conditions;
            let has_children = node.condition() < self.n_conditions
                && (index + 1) * LARGE_BYTES + node.beyond() < nodes.len() * LARGE_BYTES
                && node.beyond().is_multiple_of(LARGE_BYTES);
            (is_leaf || has_children) && node.value() < values.len()
        });
        // Positions are u32, and so is what they are in bytes.
        if !is_sound || u32::try_from(nodes.len() * LARGE_BYTES).is_err() {
            return None;
        }
        let mut small = Vec::new();
        if self.n_conditions <= MOST_BITS {
            let n_conditions = self.n_conditions;
            small.extend(
                nodes
                    .iter()
                    .map_while(|node| SmallNode::of(*node, n_conditions)),
            );
        }
        Some(Tails {
            nodes: if small.len() == nodes.len() {
                Nodes::Small(small)
            } else {
                Nodes::Large(nodes)
            },
            values,
            n_conditions: self.n_conditions,
        })
    }
}

const LARGE_BYTES: usize = size_of::<LargeNode>();

/// Tails that can be walked.
#[derive(Debug)]
pub struct Tails {
    nodes: Nodes,
    /// The values of leaves. The first is 0, which inner nodes add.
    values: Vec<i32>,
    n_conditions: usize,
}

impl Tails {
    /// Whether no subtree was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.nodes {
            Nodes::Small(nodes) => nodes.len() <= 1,
            Nodes::Large(nodes) => nodes.len() <= 1,
        }
    }

    /// Whether a row's answers fit in a word: then a row's tails are walked by its bits.
    #[must_use]
    pub fn are_small(&self) -> bool {
        matches!(self.nodes, Nodes::Small(_))
    }

    /// Whether nodes stand at all positions.
    pub(crate) fn hold(&self, positions: &[u32]) -> bool {
        let n_nodes = match &self.nodes {
            Nodes::Small(nodes) => nodes.len(),
            Nodes::Large(nodes) => nodes.len(),
        };
        (positions.iter().copied().fold(0, u32::max) as usize) < n_nodes
    }

    /// The leaves that a row reaches from the nodes at the positions `at`, added; `at` is scratch space
    /// after. What does not fill the last [`SIDE_BY_SIDE`] is not walked: fill up with position 0. `bits` holds
    /// the row's answers, the first the lowest: 1 where it goes right.
    ///
    /// # Panics
    /// Where a position is no node's or the nodes are not small.
    #[inline(never)]
    pub fn sum_by_bits(&self, bits: u64, at: &mut [u32]) -> i64 {
        assert!(self.hold(at), "positions of nodes");
        let Nodes::Small(nodes) = &self.nodes else {
            panic!("small nodes");
        };
        // SAFETY: `finish` found the nodes so, the positions were just checked, and bits answer all that a small
        // node can ask.
        unsafe { self.walk(nodes, SmallNode::answers(bits), at) }
    }

    /// As [`Tails::sum_by_bits`], where nodes are not small. `rights` holds 0 or all ones for each condition and 0
    /// after the last. Shape: `(n_conditions + 1,)`.
    ///
    /// # Panics
    /// Where a position is no node's, the nodes are small or the answers too few.
    #[inline(never)]
    pub fn sum_by_answers(&self, rights: &[u32], at: &mut [u32]) -> i64 {
        assert!(self.hold(at), "positions of nodes");
        assert!(rights.len() > self.n_conditions, "an answer to each");
        let Nodes::Large(nodes) = &self.nodes else {
            panic!("large nodes");
        };
        // SAFETY: as above; `finish` compared the conditions with `n_conditions`.
        unsafe { self.walk(nodes, rights, at) }
    }

    /// # Safety
    /// `nodes` are this table's, all of `at` are positions in it, and `answers` answer all its conditions.
    #[inline]
    unsafe fn walk<N: TailNode>(
        &self,
        nodes: &[N],
        answers: N::Answers<'_>,
        at: &mut [u32],
    ) -> i64 {
        let (nodes, values) = (nodes.as_ptr(), self.values.as_ptr());
        let mut sum = 0;
        let mut n_at = at.len();
        while n_at > 0 {
            let mut n_left = 0;
            for start in (0..n_at).step_by(SIDE_BY_SIDE) {
                let Some(lanes) = at[start..].first_chunk::<SIDE_BY_SIDE>() else {
                    break;
                };
                // SAFETY: the caller's.
                let mut lanes = lanes.map(|at| unsafe { nodes.add(at as usize) });
                for _ in 0..STEPS {
                    for lane in &mut lanes {
                        // SAFETY: a step from a node is to a node.
                        *lane = unsafe { lane.byte_add((**lane).step(answers)) };
                    }
                }
                for lane in lanes {
                    // SAFETY: still a node, whose value is below the number of values.
                    unsafe {
                        sum += i64::from(*values.add((*lane).value()));
                        at[n_left] = lane.offset_from_unsigned(nodes) as u32;
                        n_left += usize::from((*lane).is_inner(self.n_conditions));
                    }
                }
            }
            let end = n_left.next_multiple_of(SIDE_BY_SIDE);
            at[n_left..end].fill(0);
            n_at = end;
        }
        sum
    }

    /// Walks the first of the items, which are scratch space after, and adds to each row's sum the leaves reached.
    ///
    /// # Safety
    /// The items' rows are below the number of `rows`, their positions nodes', and the nodes small.
    #[inline]
    pub(crate) unsafe fn add_items(&self, items: &mut [Item], n_items: usize, rows: &mut [RowSum]) {
        let Nodes::Small(nodes) = &self.nodes else {
            return;
        };
        let (nodes, values) = (nodes.as_ptr(), self.values.as_ptr());
        let mut n_items = n_items.min(items.len());
        while n_items > 0 {
            let mut n_left = 0;
            // One after another, because processors overlap them by themselves, and better where nothing is spilled.
            for index in 0..n_items {
                // SAFETY: the caller's; a step from a node is to a node, whose value is below the number of
                // values; no more items are kept than were read.
                unsafe {
                    let item = *items.get_unchecked(index);
                    let row = rows.get_unchecked_mut(item.row());
                    let mut lane = nodes.add(item.position());
                    for _ in 0..STEPS {
                        lane = lane.byte_add((*lane).step(row.answers));
                    }
                    row.sum += i64::from(*values.add((*lane).value()));
                    *items.get_unchecked_mut(n_left) = item.moved(lane.offset_from_unsigned(nodes));
                    n_left += usize::from((*lane).is_inner(self.n_conditions));
                }
            }
            n_items = n_left;
        }
    }
}

/// A row of a batch: its answers and the sum of its leaves so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowSum {
    answers: u64,
    /// The sum.
    pub sum: i64,
}

impl RowSum {
    /// A row by its answers, the first the lowest bit: 1 where it goes right.
    #[must_use]
    pub fn new(bits: u64) -> Self {
        let answers = SmallNode::answers(bits);
        Self { answers, sum: 0 }
    }
}

/// A tail that a row has still to walk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item(u64);

impl Item {
    /// Row 0 at the leaf worth nothing.
    pub(crate) const NOTHING: Self = Self(0);

    #[inline]
    pub(crate) fn new(row: usize, position: u32) -> Self {
        Self((row as u64) << 32 | u64::from(position))
    }

    #[inline]
    fn moved(self, position: usize) -> Self {
        Self(self.0 >> 32 << 32 | position as u64)
    }

    #[inline]
    fn row(self) -> usize {
        (self.0 >> 32) as usize
    }

    #[inline]
    fn position(self) -> usize {
        self.0 as u32 as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers without a pattern (`SplitMix64`, Steele et al., 2014).
    struct Random(u64);

    impl Random {
        fn below(&mut self, end: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)) % end
        }
    }

    /// A tail as it is meant: the condition and the children of inner nodes.
    enum Plain {
        Leaf(i32),
        Inner(u32, Box<[Plain; 2]>),
    }

    impl Plain {
        fn grow(random: &mut Random, n_conditions: u64, n_leaves: u64) -> Self {
            if n_leaves == 1 {
                return Self::Leaf(random.below(20) as i32 - 10);
            }
            let condition = random.below(n_conditions) as u32;
            let n_left = 1 + random.below(n_leaves - 1);
            let mut child = |n_leaves| Self::grow(random, n_conditions, n_leaves);
            Self::Inner(
                condition,
                Box::new([child(n_left), child(n_leaves - n_left)]),
            )
        }

        fn push(&self, tails: &mut TailsBuilder, position: u32) {
            match self {
                Self::Leaf(value) => tails.set_leaf(position, (value + 10) as u32),
                Self::Inner(condition, children) => {
                    let left = tails.split(position, *condition);
                    for (child, position) in children.iter().zip(left..) {
                        child.push(tails, position);
                    }
                }
            }
        }

        fn value(&self, goes_right: &dyn Fn(u32) -> bool) -> i64 {
            match self {
                Self::Leaf(value) => i64::from(*value),
                Self::Inner(condition, children) => {
                    children[usize::from(goes_right(*condition))].value(goes_right)
                }
            }
        }
    }

    fn values() -> Vec<i32> {
        (-10..10).collect()
    }

    #[test]
    fn every_way_through_tails_ends_at_the_same_leaves() {
        let mut random = Random(1);
        for n_leaves in [1, 2, 3, 9, 60] {
            for n_conditions in [9, MOST_BITS, MOST_BITS + 1] {
                let mut tails = TailsBuilder::new(n_conditions, values());
                // The last condition may be one too many for bits, and no tail asks for it.
                let n_asked = n_conditions.min(MOST_BITS) as u64;
                let plain: Vec<_> = (0..7)
                    .map(|_| Plain::grow(&mut random, n_asked, n_leaves))
                    .collect();
                let mut roots = Vec::new();
                for tree in &plain {
                    let root = tails.push();
                    tree.push(&mut tails, root);
                    roots.push(root);
                }
                let tails = tails.finish().unwrap();
                let are_small = n_conditions <= MOST_BITS;
                assert_eq!(tails.are_small(), are_small);
                let all = random.below(u64::MAX) >> 2;
                for bits in [0, u64::MAX >> 2, all, all / 3] {
                    let right = |condition: u32| bits >> condition & 1 == 1;
                    let expected: i64 = plain.iter().map(|tree| tree.value(&right)).sum();
                    let mut at = roots.clone();
                    at.push(0);
                    if !are_small {
                        let answers =
                            (0..n_conditions as u32).map(|c| u32::from(right(c)).wrapping_neg());
                        let rights: Vec<u32> = answers.chain([0]).collect();
                        assert_eq!(tails.sum_by_answers(&rights, &mut at), expected);
                        continue;
                    }
                    assert_eq!(tails.sum_by_bits(bits, &mut at), expected);
                    let mut rows = [RowSum::new(!bits), RowSum::new(bits)];
                    let mut items: Vec<_> = roots.iter().map(|at| Item::new(1, *at)).collect();
                    let n_items = items.len();
                    // SAFETY: two rows, and positions of small nodes.
                    unsafe { tails.add_items(&mut items, n_items, &mut rows) };
                    assert_eq!([rows[0].sum, rows[1].sum], [0, expected]);
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_walked_is_refused() {
        for n_conditions in [9, 90] {
            // A condition that no answer is for.
            let mut tails = TailsBuilder::new(n_conditions, values());
            let root = tails.push();
            tails.split(root, n_conditions as u32);
            assert!(tails.finish().is_none());
            // A value past the last.
            let mut tails = TailsBuilder::new(n_conditions, values());
            let leaf = tails.push();
            tails.set_leaf(leaf, 20);
            assert!(tails.finish().is_none());
        }
    }

    #[test]
    fn nodes_are_large_where_they_must() {
        // Children further away than a small node can say.
        for (n_between, are_small) in [(1022, true), (1023, false)] {
            let mut tails = TailsBuilder::new(9, values());
            let root = tails.push();
            for _ in 0..n_between {
                tails.push();
            }
            tails.split(root, 1);
            assert_eq!(tails.finish().unwrap().are_small(), are_small);
        }
        // A value past what it can say.
        let mut tails = TailsBuilder::new(9, vec![7; 1 << 16]);
        let leaf = tails.push();
        tails.set_leaf(leaf, 0xffff);
        assert!(!tails.finish().unwrap().are_small());
    }

    fn one_leaf(n_conditions: usize) -> Tails {
        let mut tails = TailsBuilder::new(n_conditions, values());
        tails.push();
        tails.finish().unwrap()
    }

    #[test]
    #[should_panic(expected = "positions of nodes")]
    fn a_position_past_the_last_is_refused() {
        one_leaf(9).sum_by_bits(0, &mut [0, 1, 2, 0]);
    }

    #[test]
    #[should_panic(expected = "positions of nodes")]
    fn a_position_past_the_last_large_node_is_refused() {
        one_leaf(63).sum_by_answers(&[0; 64], &mut [0, 1, 2, 0]);
    }

    #[test]
    #[should_panic(expected = "an answer to each")]
    fn too_few_answers_are_refused() {
        one_leaf(63).sum_by_answers(&[0; 63], &mut [0, 1, 0, 0]);
    }
}

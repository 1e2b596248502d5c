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

/// Nodes of tails while they are added. Positions are byte offsets. The first node is a leaf worth nothing.
#[derive(Debug)]
pub struct TailsBuilder {
    nodes: Nodes,
    values: Vec<i32>,
    n_conditions: usize,
}

#[derive(Debug)]
enum Nodes {
    Small(Vec<SmallNode>),
    Large(Vec<LargeNode>),
}

impl TailsBuilder {
    /// Starts tails of a model with so many conditions, whose leaves are numbers of `values`; `None` where they are
    /// too many for nodes that are small. Small nodes name a condition by its bit.
    #[must_use]
    pub fn new(mut n_conditions: usize, values: Vec<i32>, are_small: bool) -> Option<Self> {
        let nodes = if are_small {
            if n_conditions > MOST_BITS || values.len() > SmallNode::MOST_VALUES {
                return None;
            }
            // A word answers all that can be asked of it.
            n_conditions = MOST_BITS;
            Nodes::Small(vec![SmallNode::leaf(n_conditions, 0)?])
        } else {
            Nodes::Large(vec![LargeNode::leaf(n_conditions, 0)?])
        };
        Some(Self {
            nodes,
            values,
            n_conditions,
        })
    }

    /// Adds a leaf worth nothing, to be made what it shall be. `None` where it does not fit.
    pub fn push(&mut self) -> Option<u32> {
        match &mut self.nodes {
            Nodes::Small(nodes) => push(nodes, self.n_conditions),
            Nodes::Large(nodes) => push(nodes, self.n_conditions),
        }
    }

    /// Gives the leaf at a position its value, a number of the values. `None` where it does not fit.
    pub fn set_leaf(&mut self, position: u32, value: u32) -> Option<()> {
        // The first of the values that are read is the 0 of the first leaf.
        let value = value.checked_add(1)?;
        match &mut self.nodes {
            Nodes::Small(nodes) => set_leaf(nodes, self.n_conditions, position, value),
            Nodes::Large(nodes) => set_leaf(nodes, self.n_conditions, position, value),
        }
    }

    /// Makes the leaf at a position an inner node with two leaves; returns their positions. `None` where a number does
    /// not fit.
    pub fn split(&mut self, position: u32, condition: u32) -> Option<[u32; 2]> {
        match &mut self.nodes {
            Nodes::Small(nodes) => split(nodes, self.n_conditions, position, condition),
            Nodes::Large(nodes) => split(nodes, self.n_conditions, position, condition),
        }
    }

    /// The tails, if every step from every node is to a node and every leaf has a value.
    #[must_use]
    pub fn finish(self) -> Option<Tails> {
        let mut values = vec![0];
        values.extend(self.values);
        let is_sound = match &self.nodes {
            Nodes::Small(nodes) => are_sound(nodes, self.n_conditions, values.len()),
            Nodes::Large(nodes) => are_sound(nodes, self.n_conditions, values.len()),
        };
        is_sound.then_some(Tails {
            nodes: self.nodes,
            values,
            n_conditions: self.n_conditions,
        })
    }
}

fn push<N: TailNode>(nodes: &mut Vec<N>, n_conditions: usize) -> Option<u32> {
    let position = u32::try_from(size_of_val(&nodes[..])).ok()?;
    nodes.push(N::leaf(n_conditions, 0)?);
    Some(position)
}

fn set_leaf<N: TailNode>(
    nodes: &mut [N],
    n_conditions: usize,
    position: u32,
    value: u32,
) -> Option<()> {
    *nodes.get_mut(position as usize / size_of::<N>())? = N::leaf(n_conditions, value)?;
    Some(())
}

fn split<N: TailNode>(
    nodes: &mut Vec<N>,
    n_conditions: usize,
    position: u32,
    condition: u32,
) -> Option<[u32; 2]> {
    let children = [push(nodes, n_conditions)?, push(nodes, n_conditions)?];
    let beyond = children[0].checked_sub(position)?;
    *nodes.get_mut(position as usize / size_of::<N>())? = N::inner(condition, beyond)?;
    Some(children)
}

/// What reading without checks relies on: a step from each node, whatever the answer, is to a node of the same
/// table, conditions are below the number of answers, and values below the number of values.
fn are_sound<N: TailNode>(nodes: &[N], n_conditions: usize, n_values: usize) -> bool {
    let n_bytes = size_of_val(nodes);
    let all = nodes.iter().enumerate().all(|(index, node)| {
        let left = index * size_of::<N>() + node.beyond();
        let is_leaf = node.beyond() == 0 && node.condition() == N::never(n_conditions);
        let has_children = node.condition() < n_conditions
            && left.is_multiple_of(size_of::<N>())
            && left + size_of::<N>() < n_bytes;
        (is_leaf || has_children) && node.value() < n_values
    });
    // Offsets are u32.
    all && u32::try_from(n_bytes).is_ok()
}

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

    /// Whether small nodes stand at all positions of which these are the sum: see [`Positions`].
    pub(crate) fn hold_small(&self, Positions { last, ors }: Positions) -> bool {
        match &self.nodes {
            Nodes::Small(nodes) => (last as usize) < size_of_val(&nodes[..]) && ors % 4 == 0,
            Nodes::Large(_) => false,
        }
    }

    /// Whether large nodes stand at all positions.
    fn hold_large(&self, positions: &[u32]) -> bool {
        let Nodes::Large(nodes) = &self.nodes else {
            return false;
        };
        let n_bytes = size_of_val(&nodes[..]);
        let mut positions = positions.iter().map(|position| *position as usize);
        positions.all(|at| at < n_bytes && at.is_multiple_of(size_of::<LargeNode>()))
    }

    /// The leaves that a row reaches from the nodes at the positions `at`, added; `at` is scratch space
    /// after. What does not fill the last [`SIDE_BY_SIDE`] is not walked: fill up with position 0. `bits` holds
    /// the row's answers, the first the lowest: 1 where it goes right.
    ///
    /// # Panics
    /// Where a position is no node's or the nodes are not small.
    #[inline(never)]
    pub fn sum_by_bits(&self, bits: u64, at: &mut [u32]) -> i64 {
        assert!(
            self.hold_small(Positions::default().and(at)),
            "positions of nodes"
        );
        let Nodes::Small(nodes) = &self.nodes else {
            panic!("small nodes");
        };
        // SAFETY: `are_sound` found the nodes so, the positions were just checked, and bits answer all that a small
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
        assert!(self.hold_large(at), "positions of nodes");
        assert!(rights.len() > self.n_conditions, "an answer to each");
        let Nodes::Large(nodes) = &self.nodes else {
            panic!("large nodes");
        };
        // SAFETY: as above; `are_sound` compared the conditions with `n_conditions`.
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
                let mut lanes = lanes.map(|at| unsafe { nodes.byte_add(at as usize) });
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
                        at[n_left] = lane.byte_offset_from_unsigned(nodes) as u32;
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
                    let mut lane = nodes.byte_add(item.position());
                    for _ in 0..STEPS {
                        lane = lane.byte_add((*lane).step(row.answers));
                    }
                    row.sum += i64::from(*values.add((*lane).value()));
                    *items.get_unchecked_mut(n_left) =
                        item.moved(lane.byte_offset_from_unsigned(nodes));
                    n_left += usize::from((*lane).is_inner(self.n_conditions));
                }
            }
            n_items = n_left;
        }
    }
}

/// What says of many positions whether all of them are small nodes'.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Positions {
    /// The highest.
    last: u32,
    /// All of them by or: a multiple of four where each is one.
    ors: u32,
}

impl Positions {
    /// These and more.
    pub(crate) fn and(self, positions: &[u32]) -> Self {
        positions.iter().fold(self, |this, position| Self {
            last: this.last.max(*position),
            ors: this.ors | position,
        })
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

        fn push(&self, tails: &mut TailsBuilder, position: u32) -> Option<()> {
            match self {
                Self::Leaf(value) => tails.set_leaf(position, (value + 10) as u32),
                Self::Inner(condition, children) => {
                    let positions = tails.split(position, *condition)?;
                    for (child, position) in children.iter().zip(positions) {
                        child.push(tails, position)?;
                    }
                    Some(())
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
            for are_small in [true, false] {
                let mut tails = TailsBuilder::new(MOST_BITS, values(), are_small).unwrap();
                let plain: Vec<_> = (0..7)
                    .map(|_| Plain::grow(&mut random, MOST_BITS as u64, n_leaves))
                    .collect();
                let mut roots = Vec::new();
                for tree in &plain {
                    let root = tails.push().unwrap();
                    tree.push(&mut tails, root).unwrap();
                    roots.push(root);
                }
                let tails = tails.finish().unwrap();
                assert_eq!(tails.are_small(), are_small);
                let all = random.below(u64::MAX) >> 2;
                for bits in [0, u64::MAX >> 2, all, all / 3] {
                    let right = |condition: u32| bits >> condition & 1 == 1;
                    let expected: i64 = plain.iter().map(|tree| tree.value(&right)).sum();
                    let mut at = roots.clone();
                    at.push(0);
                    if !are_small {
                        let answers =
                            (0..MOST_BITS as u32).map(|c| u32::from(right(c)).wrapping_neg());
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
    fn what_does_not_fit_is_refused() {
        assert!(TailsBuilder::new(MOST_BITS + 1, Vec::new(), true).is_none());
        assert!(TailsBuilder::new(1, vec![0; 1 << 16], true).is_none());
        for are_small in [true, false] {
            // A condition that no answer is for.
            let mut tails = TailsBuilder::new(9, values(), are_small).unwrap();
            let root = tails.push().unwrap();
            if tails.split(root, MOST_BITS as u32).is_some() {
                assert!(tails.finish().is_none());
            }
            // A value past the last.
            let mut tails = TailsBuilder::new(9, values(), are_small).unwrap();
            let leaf = tails.push().unwrap();
            tails.set_leaf(leaf, 20).unwrap();
            assert!(tails.finish().is_none());
            // A leaf that is not there.
            let mut tails = TailsBuilder::new(9, values(), are_small).unwrap();
            assert!(tails.split(400, 1).is_none() && tails.set_leaf(400, 1).is_none());
        }
        // Children further away than a small node can say.
        let mut tails = TailsBuilder::new(9, values(), true).unwrap();
        let root = tails.push().unwrap();
        for _ in 0..2000 {
            tails.push().unwrap();
        }
        assert!(tails.split(root, 1).is_none());
    }

    fn one_leaf(are_small: bool) -> Tails {
        let mut tails = TailsBuilder::new(9, values(), are_small).unwrap();
        tails.push().unwrap();
        tails.finish().unwrap()
    }

    #[test]
    #[should_panic(expected = "positions of nodes")]
    fn a_position_past_the_last_is_refused() {
        one_leaf(true).sum_by_bits(0, &mut [0, 4, 8, 0]);
    }

    #[test]
    #[should_panic(expected = "positions of nodes")]
    fn a_position_between_nodes_is_refused() {
        one_leaf(true).sum_by_bits(0, &mut [0, 2, 4, 0]);
    }

    #[test]
    #[should_panic(expected = "positions of nodes")]
    fn a_position_between_large_nodes_is_refused() {
        one_leaf(false).sum_by_answers(&[0; 10], &mut [0, 4, 0, 0]);
    }

    #[test]
    #[should_panic(expected = "an answer to each")]
    fn too_few_answers_are_refused() {
        one_leaf(false).sum_by_answers(&[0; 9], &mut [0, 12, 0, 0]);
    }
}

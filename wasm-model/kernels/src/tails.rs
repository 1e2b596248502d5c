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

    /// Whether a position is a node's.
    fn holds(&self, position: u32) -> bool {
        let (n_bytes, size) = match &self.nodes {
            Nodes::Small(nodes) => (size_of_val(&nodes[..]), size_of::<SmallNode>()),
            Nodes::Large(nodes) => (size_of_val(&nodes[..]), size_of::<LargeNode>()),
        };
        (position as usize) < n_bytes && (position as usize).is_multiple_of(size)
    }

    /// Whether all positions are nodes'.
    pub(crate) fn hold<'p>(&self, positions: impl IntoIterator<Item = &'p u32>) -> bool {
        positions.into_iter().all(|position| self.holds(*position))
    }

    /// The leaves that a row reaches from the nodes at the positions `at`, added; `at` is scratch space
    /// after. What does not fill the last [`SIDE_BY_SIDE`] is not walked: fill up with position 0. `bits` holds
    /// the row's answers, the first the lowest: 1 where it goes right.
    ///
    /// # Panics
    /// Where a position is no node's or the nodes are not small.
    #[inline(never)]
    pub fn sum_by_bits(&self, bits: u64, at: &mut [u32]) -> i64 {
        assert!(self.hold(&*at), "positions of nodes");
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
        assert!(self.hold(&*at), "positions of nodes");
        assert!(rights.len() > self.n_conditions, "an answer to each");
        let Nodes::Large(nodes) = &self.nodes else {
            panic!("large nodes");
        };
        // SAFETY: as above; `are_sound` compared the conditions with `n_conditions`.
        unsafe { self.walk(nodes, rights, at) }
    }

    /// # Safety
    /// `nodes` are this table's, all of `at` are positions in it, and `answers` answer all its conditions.
    #[inline(always)]
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
    #[inline(always)]
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

    #[inline(always)]
    pub(crate) fn new(row: usize, position: u32) -> Self {
        Self((row as u64) << 32 | u64::from(position))
    }

    #[inline(always)]
    fn moved(self, position: usize) -> Self {
        Self(self.0 >> 32 << 32 | position as u64)
    }

    #[inline(always)]
    fn row(self) -> usize {
        (self.0 >> 32) as usize
    }

    #[inline(always)]
    fn position(self) -> usize {
        self.0 as u32 as usize
    }
}

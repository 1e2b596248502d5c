//! The parts of trees below their fronts, copied out for walking many of them at once.

use picket_schema::artifact::{TreeLayout, Trees};

use super::walk::Subtree;

/// Steps of every tail between two looks at which of them have ended.
const STEPS: u32 = 4;
/// Tails walked side by side: more would not fit in the registers.
pub(super) const SIDE_BY_SIDE: usize = 4;

/// A row's answers to all conditions; then the answer "right" for ever, which leaves ask for.
trait Answers: Copy {
    /// The low bits of a node that name its condition.
    const NAME_BITS: u32;
    /// 0 where the row goes left at this node, all ones where it goes right.
    fn right(self, node: u32) -> u32;
}

/// Answers to fewer than 64 conditions: bits, which stay in a register.
#[derive(Clone, Copy)]
struct Few(u64);

impl Answers for Few {
    const NAME_BITS: u32 = 6;

    #[inline]
    fn right(self, node: u32) -> u32 {
        0_u32.wrapping_sub((self.0 >> (node & 63)) as u32 & 1)
    }
}

/// Answers to any number of conditions that a model may have.
#[derive(Clone, Copy)]
struct Many<'r>(&'r [u32; 1 << 16]);

impl Answers for Many<'_> {
    const NAME_BITS: u32 = 16;

    #[inline]
    fn right(self, node: u32) -> u32 {
        self.0[node as usize % (1 << 16)]
    }
}

/// Nodes of tails, depth first, leaves included. The first is a leaf worth nothing.
///
/// A node has its condition in the low bits and above them how far its right child is beyond
/// its left one, which is the next node. A leaf asks a condition that always goes right, and its step
/// leads back to itself; so all tails take the same number of steps without a branch.
#[derive(Debug, Default)]
pub(super) struct Tails {
    nodes: Vec<u32>,
    /// What a node adds: a leaf its value, an inner node nothing.
    values: Vec<i32>,
    name_bits: u32,
    steps: u32,
}

impl Tails {
    pub(super) fn new(trees: &Trees<'_>) -> Self {
        let is_few = trees.n_conditions() < 64;
        let mut tails = Self {
            name_bits: if is_few {
                Few::NAME_BITS
            } else {
                Many::NAME_BITS
            },
            steps: STEPS,
            ..Self::default()
        };
        tails.push_leaf(trees, 0);
        tails
    }

    fn push_leaf(&mut self, trees: &Trees<'_>, value: i32) {
        self.nodes.push(self.leaf() | trees.n_conditions() as u32);
        self.values.push(value);
    }

    /// Fills up with leaves, so that a position is within bounds by a mask.
    pub(super) fn finish(&mut self) {
        let len = self.nodes.len().next_power_of_two();
        self.nodes.resize(len, self.leaf());
        self.values.resize(len, 0);
    }

    /// Copies a subtree; returns the position of its root. `None` where a number does not fit.
    pub(super) fn push(
        &mut self,
        trees: &Trees<'_>,
        layout: &TreeLayout,
        root: Subtree,
    ) -> Option<u32> {
        let position = u32::try_from(self.nodes.len()).ok()?;
        let mut open = vec![root];
        while let Some(subtree) = open.pop() {
            if subtree.size == 0 {
                let value = trees.leaf_value(subtree.leaf as usize);
                self.push_leaf(trees, value.unwrap_or(0));
                continue;
            }
            let (left, right) = subtree.children(layout);
            let condition = trees.node_conditions.get(subtree.node as usize)?;
            // The left subtree has one leaf more than inner nodes.
            let beyond = 2 * left.size + 1;
            if beyond >= 1 << (31 - self.name_bits) {
                return None;
            }
            self.nodes.push((beyond << self.name_bits) | condition);
            self.values.push(0);
            open.push(right);
            open.push(left);
        }
        Some(position)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nodes.len() <= 1
    }

    /// How many answers [`Tails::sum_of_leaves`] takes: those to all conditions, then all ones.
    pub(super) fn n_answers(&self) -> usize {
        1 << self.name_bits
    }

    /// A leaf's step: one node back, for each step goes one on.
    fn leaf(&self) -> u32 {
        u32::MAX << self.name_bits
    }

    /// The leaves that a row reaches from the nodes `at`, added; `at` is scratch space after. What
    /// does not fill the last [`SIDE_BY_SIDE`] is not walked: fill up with position 0. `rights` holds 0 or all
    /// ones for each condition, and all ones past the last. Shape: `(n_answers,)`.
    pub(super) fn sum_of_leaves(&self, rights: &[u32], at: &mut [u32]) -> i64 {
        if let Ok(rights) = <&[u32; 1 << 16]>::try_from(rights) {
            return self.walk(Many(rights), at);
        }
        let bits = rights.iter().rev();
        self.walk(
            Few(bits.fold(0, |bits, right| bits << 1 | u64::from(right & 1))),
            at,
        )
    }

    fn walk<A: Answers>(&self, answers: A, at: &mut [u32]) -> i64 {
        let (nodes, values) = (&self.nodes[..], &self.values[..self.nodes.len()]);
        if nodes.is_empty() {
            return 0;
        }
        // In bounds whatever `at` is.
        let place = |at: u32| at as usize & (nodes.len() - 1);
        let mut sum = 0;
        let mut n_at = at.len();
        while n_at > 0 {
            let mut n_left = 0;
            for start in (0..n_at).step_by(SIDE_BY_SIDE) {
                let Some(lanes) = at[start..].first_chunk::<SIDE_BY_SIDE>() else {
                    break;
                };
                let mut lanes = *lanes;
                // The number of steps is no constant, for unrolled the loop needs too many registers.
                for _ in 0..self.steps {
                    for at in &mut lanes {
                        let node = nodes[place(*at)];
                        let beyond = (node.cast_signed() >> A::NAME_BITS).cast_unsigned();
                        *at = at
                            .wrapping_add(1)
                            .wrapping_add(beyond & answers.right(node));
                    }
                }
                for lane in lanes {
                    sum += i64::from(values[place(lane)]);
                    at[n_left] = lane;
                    n_left += usize::from(nodes[place(lane)] < self.leaf());
                }
            }
            let end = n_left.next_multiple_of(SIDE_BY_SIDE);
            at[n_left..end].fill(0);
            n_at = end;
        }
        sum
    }
}

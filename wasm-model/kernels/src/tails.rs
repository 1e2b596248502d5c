//! The parts of trees below their fronts, copied out for walking many of them at once.

/// Steps of every tail between two looks at which of them have ended.
const STEPS: u32 = 4;
/// Tails walked side by side: more would not fit in the registers.
pub const SIDE_BY_SIDE: usize = 4;

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
struct Many<'r>(&'r [u32]);

impl Answers for Many<'_> {
    const NAME_BITS: u32 = 16;

    #[inline]
    fn right(self, node: u32) -> u32 {
        // The length is a power of two that no name reaches.
        self.0[(node & 0xffff) as usize & (self.0.len() - 1)]
    }
}

/// Nodes of tails, depth first, leaves included. The first is a leaf worth nothing.
///
/// A node has its condition in the low bits and above them how far its right child is beyond
/// its left one, which is the next node. A leaf asks a condition that always goes right, and its step
/// leads back to itself; so all tails take the same number of steps without a branch.
#[derive(Debug)]
pub struct Tails {
    nodes: Vec<u32>,
    /// What a node adds: a leaf its value, an inner node nothing.
    values: Vec<i32>,
    /// The node of a leaf.
    leaf: u32,
    name_bits: u32,
    n_answers: usize,
    steps: u32,
}

impl Tails {
    /// Starts tails of a model with so many conditions; `None` where they are too many.
    #[must_use]
    pub fn new(n_conditions: usize) -> Option<Self> {
        let name_bits = if n_conditions < 1 << Few::NAME_BITS {
            Few::NAME_BITS
        } else {
            Many::NAME_BITS
        };
        if n_conditions >= 1 << name_bits {
            return None;
        }
        let mut tails = Self {
            nodes: Vec::new(),
            values: Vec::new(),
            leaf: (u32::MAX << name_bits) | n_conditions as u32,
            name_bits,
            n_answers: (n_conditions + 1).next_power_of_two().max(64),
            steps: STEPS,
        };
        tails.push_leaf(0);
        Some(tails)
    }

    /// The position of the next node.
    #[must_use]
    pub fn next(&self) -> u32 {
        self.nodes.len() as u32
    }

    /// Adds a leaf.
    pub fn push_leaf(&mut self, value: i32) {
        self.nodes.push(self.leaf);
        self.values.push(value);
    }

    /// Adds an inner node, whose left subtree comes next and has so many inner nodes. `None` where
    /// a number does not fit.
    pub fn push_inner(&mut self, condition: u32, left_size: u32) -> Option<()> {
        // The left subtree has one leaf more than inner nodes.
        let beyond = left_size.checked_mul(2)? + 1;
        if beyond >= 1 << (31 - self.name_bits) {
            return None;
        }
        self.nodes.push((beyond << self.name_bits) | condition);
        self.values.push(0);
        Some(())
    }

    /// Fills up with leaves, so that a position is within bounds by a mask.
    pub fn finish(&mut self) {
        let len = self.nodes.len().next_power_of_two();
        self.nodes.resize(len, self.leaf);
        self.values.resize(len, 0);
    }

    /// Whether no subtree was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.len() <= 1
    }

    /// How many answers [`Tails::sum_of_leaves`] takes: those to all conditions, then all ones.
    #[must_use]
    pub fn n_answers(&self) -> usize {
        self.n_answers
    }

    /// The leaves that a row reaches from the nodes `at`, added; `at` is scratch space after. What
    /// does not fill the last [`SIDE_BY_SIDE`] is not walked: fill up with position 0. `rights` holds 0 or all
    /// ones for each condition, and all ones past the last. Shape: `(n_answers,)`.
    #[must_use]
    #[inline(never)]
    pub fn sum_of_leaves(&self, rights: &[u32], at: &mut [u32]) -> i64 {
        if rights.len() != self.n_answers {
            return 0;
        }
        if self.name_bits == Many::NAME_BITS {
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
                    n_left += usize::from(nodes[place(lane)] != self.leaf);
                }
            }
            let end = n_left.next_multiple_of(SIDE_BY_SIDE);
            at[n_left..end].fill(0);
            n_at = end;
        }
        sum
    }
}

//! A node of a tail: which condition it asks and how far its children are.

#![allow(
    unsafe_code,
    reason = "reads proved in bounds when the table was finished"
)]

/// A node beyond which, some bytes further on, its left child stands with the right one next to it. A leaf asks
/// a condition that always goes left, and its step leads back to itself; so all tails take the same number of steps
/// without a branch.
pub(crate) trait TailNode: Copy {
    /// A row's answers.
    type Answers<'r>: Copy;

    /// What a leaf asks.
    fn never(n_conditions: usize) -> usize;
    /// `None` where a number does not fit, here as below.
    fn leaf(n_conditions: usize, value: u32) -> Option<Self>;
    fn inner(condition: u32, beyond: u32) -> Option<Self>;

    fn condition(self) -> usize;
    fn beyond(self) -> usize;
    fn is_inner(self, n_conditions: usize) -> bool;
    /// Which of the values the node adds: a leaf its own, an inner node the first, which is 0.
    fn value(self) -> usize;

    /// How many bytes the row goes from here.
    ///
    /// # Safety
    /// The answers have one to the node's condition.
    unsafe fn step(self, answers: Self::Answers<'_>) -> usize;
}

/// A node among at most 62 conditions, with a subtree of at most 1023 nodes before its children. Answers are
/// bits, which stay in a register.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct SmallNode {
    /// The condition in the low bits, and how many nodes the left child is beyond in the others.
    link: u16,
    value: u16,
}

const _: () = assert!(size_of::<SmallNode>() == 4, "an answer is 4 bytes");

impl SmallNode {
    const NAME_BITS: u32 = 6;
    pub(crate) const MOST_CONDITIONS: usize = 62;
    /// And the 0 of the inner nodes.
    pub(crate) const MOST_VALUES: usize = (1 << 16) - 1;
    /// What is shifted in for this condition is 0.
    const LEAF: u16 = 62;

    /// A row's answers from its bits.
    #[inline]
    pub(crate) fn answers(bits: u64) -> u64 {
        // Two up, so that the answer stands where it counts four bytes.
        bits << 2
    }
}

impl TailNode for SmallNode {
    type Answers<'r> = u64;

    fn never(_: usize) -> usize {
        usize::from(Self::LEAF)
    }

    fn leaf(_: usize, value: u32) -> Option<Self> {
        let value = u16::try_from(value).ok()?;
        let link = Self::LEAF;
        Some(Self { link, value })
    }

    fn inner(condition: u32, beyond: u32) -> Option<Self> {
        let beyond = u16::try_from(beyond / 4).ok()?;
        let condition = u16::try_from(condition).ok()?;
        if beyond >= 1 << (16 - Self::NAME_BITS) {
            return None;
        }
        Some(Self {
            link: beyond << Self::NAME_BITS | condition,
            value: 0,
        })
    }

    fn condition(self) -> usize {
        usize::from(self.link & ((1 << Self::NAME_BITS) - 1))
    }

    #[inline]
    fn beyond(self) -> usize {
        usize::from(self.link >> Self::NAME_BITS) << 2
    }

    #[inline]
    fn is_inner(self, _: usize) -> bool {
        self.link != Self::LEAF
    }

    #[inline]
    fn value(self) -> usize {
        usize::from(self.value)
    }

    #[inline]
    unsafe fn step(self, answers: u64) -> usize {
        // A shift by the low six bits.
        self.beyond() + (answers.wrapping_shr(u32::from(self.link)) & 4) as usize
    }
}

/// A node of any tail that a model may have. Answers are a table, 0 or all ones each.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct LargeNode {
    condition: u32,
    /// In bytes.
    beyond: u32,
    value: u32,
}

impl TailNode for LargeNode {
    type Answers<'r> = &'r [u32];

    fn never(n_conditions: usize) -> usize {
        n_conditions
    }

    fn leaf(n_conditions: usize, value: u32) -> Option<Self> {
        Some(Self {
            condition: u32::try_from(n_conditions).ok()?,
            beyond: 0,
            value,
        })
    }

    fn inner(condition: u32, beyond: u32) -> Option<Self> {
        Some(Self {
            condition,
            beyond,
            value: 0,
        })
    }

    fn condition(self) -> usize {
        self.condition as usize
    }

    #[inline]
    fn beyond(self) -> usize {
        self.beyond as usize
    }

    #[inline]
    fn is_inner(self, n_conditions: usize) -> bool {
        self.condition as usize != n_conditions
    }

    #[inline]
    fn value(self) -> usize {
        self.value as usize
    }

    #[inline]
    unsafe fn step(self, answers: &[u32]) -> usize {
        debug_assert!(self.condition() < answers.len(), "an answer to each");
        // SAFETY: the caller's.
        let right = unsafe { *answers.get_unchecked(self.condition()) };
        self.beyond() + (right as usize & size_of::<Self>())
    }
}

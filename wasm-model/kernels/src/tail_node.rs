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
    /// What has a higher number is shifted in.
    pub(crate) const MOST_CONDITIONS: usize = 62;
    /// What is shifted in for this condition is 0.
    const LEAF: u16 = 62;

    /// A large node made small; `None` where it does not fit.
    pub(crate) fn of(node: LargeNode, n_conditions: usize) -> Option<Self> {
        let value = u16::try_from(node.value).ok()?;
        if !node.is_inner(n_conditions) {
            let link = Self::LEAF;
            return Some(Self { link, value });
        }
        let condition = u16::try_from(node.condition).ok()?;
        let beyond = u16::try_from(node.beyond() / size_of::<LargeNode>()).ok()?;
        let fits = condition < Self::LEAF && beyond < 1 << (16 - Self::NAME_BITS);
        fits.then_some(Self {
            link: beyond << Self::NAME_BITS | condition,
            value,
        })
    }

    /// A row's answers from its bits.
    #[inline]
    pub(crate) fn answers(bits: u64) -> u64 {
        // Two up, so that the answer stands where it counts four bytes.
        bits << 2
    }
}

impl TailNode for SmallNode {
    type Answers<'r> = u64;

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
        let beyond = usize::from(self.link >> Self::NAME_BITS) * size_of::<Self>();
        beyond + (answers.wrapping_shr(u32::from(self.link)) & 4) as usize
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

impl LargeNode {
    pub(crate) fn leaf(n_conditions: usize, value: u32) -> Self {
        Self {
            condition: n_conditions as u32,
            beyond: 0,
            value,
        }
    }

    /// Its left child is so many nodes beyond.
    pub(crate) fn inner(condition: u32, beyond: u32) -> Self {
        Self {
            condition,
            beyond: beyond.saturating_mul(size_of::<Self>() as u32),
            value: 0,
        }
    }

    pub(crate) fn condition(self) -> usize {
        self.condition as usize
    }

    #[inline]
    pub(crate) fn beyond(self) -> usize {
        self.beyond as usize
    }
}

impl TailNode for LargeNode {
    type Answers<'r> = &'r [u32];

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

//! Tables of surviving exits: for every code of every group a line of one word a tree, whose bits
//! are the exits that a row with that code can still take.
//!
//! The bits of `QuickScorer` (Lucchese et al., "`QuickScorer`: a fast algorithm to rank documents with
//! additive ensembles of regression trees", 2015): exits are numbered from left to right, a condition
//! that does not hold takes out the exits of its left subtree, and the lowest bit that survives all
//! conditions is the exit reached. Here the conditions of a group are struck out beforehand.

use core::ops::BitAnd;

use super::row_codes::RowCodes;

/// A set of exits.
pub(super) trait ExitSet: Copy + BitAnd<Output = Self> {
    const ALL: Self;
    /// All exits but those from `start` to `end`.
    fn without(start: u32, end: u32) -> Self;
    fn lowest(self) -> u32;
}

macro_rules! exit_set {
    ($($word:ident)*) => {
        $(impl ExitSet for $word {
            const ALL: Self = Self::MAX;

            fn without(start: u32, end: u32) -> Self {
                // Never all exits: a left subtree has a right one beside it.
                !(((1 << (end - start)) - 1) << start)
            }

            fn lowest(self) -> u32 {
                self.trailing_zeros()
            }
        })*
    };
}

exit_set!(u32 u64);

/// One inner node of a front.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrontNode {
    pub(super) condition: u32,
    /// The exits of its left subtree.
    pub(super) start: u32,
    pub(super) end: u32,
}

/// What the exits of a tile's trees lead to. Shape: `(LANES, EXITS)`; what no tree uses is 0.
#[derive(Clone, Debug)]
pub(super) struct TileExits<const LANES: usize, const EXITS: usize> {
    /// The value of the exit's leaf, or 0 where it has a tail.
    pub(super) values: [[i32; EXITS]; LANES],
    /// One more than the position of the exit's tail, or 0.
    pub(super) tails: [[u32; EXITS]; LANES],
}

impl<const LANES: usize, const EXITS: usize> TileExits<LANES, EXITS> {
    pub(super) const EMPTY: Self = Self {
        values: [[0; EXITS]; LANES],
        tails: [[0; EXITS]; LANES],
    };
}

/// The lines of some trees of at most `EXITS` exits, in tiles of `LANES` trees, tile by tile.
#[derive(Debug, Default)]
pub(super) struct ExitMasks<W, const LANES: usize, const EXITS: usize> {
    /// Shape: `(n_tiles, n_lines)`.
    lines: Vec<[W; LANES]>,
    n_lines: usize,
    exits: Vec<TileExits<LANES, EXITS>>,
}

impl<W: ExitSet, const LANES: usize, const EXITS: usize> ExitMasks<W, LANES, EXITS> {
    /// Starts tables for `n_trees` trees.
    pub(super) fn with_capacity(codes: &RowCodes, n_trees: usize) -> Self {
        let n_tiles = n_trees.div_ceil(LANES);
        Self {
            lines: Vec::with_capacity(n_tiles * codes.n_lines()),
            n_lines: codes.n_lines(),
            exits: Vec::with_capacity(n_tiles),
        }
    }

    /// Adds a tile of trees: what their exits lead to, and their nodes with their lanes.
    pub(super) fn push_tile(
        &mut self,
        codes: &RowCodes,
        exits: TileExits<LANES, EXITS>,
        nodes: &[(usize, FrontNode)],
        unit_lines: &mut Vec<[W; LANES]>,
    ) {
        unit_lines.clear();
        unit_lines.resize(codes.n_unit_lines(), [W::ALL; LANES]);
        for (lane, node) in nodes {
            let survivors = W::without(node.start, node.end);
            codes.strike(node.condition as usize, |line| {
                let word = &mut unit_lines[line][*lane];
                *word = *word & survivors;
            });
        }
        let start = self.lines.len();
        self.lines.resize(start + self.n_lines, [W::ALL; LANES]);
        codes.join_lines(unit_lines, &mut self.lines[start..], and_two);
        self.exits.push(exits);
    }

    pub(super) fn n_tiles(&self) -> usize {
        self.exits.len()
    }

    /// The exits that survive a row's lines in a tile's trees.
    pub(super) fn survivors(&self, tile: usize, lines: &[[u32; 4]], survivors: &mut [W; LANES]) {
        let table = &self.lines[tile * self.n_lines..][..self.n_lines];
        let Some((first, others)) = lines.split_first() else {
            *survivors = [W::ALL; LANES];
            return;
        };
        join_lines(survivors, first.map(|line| &table[line as usize]));
        for four in others {
            strike_lines(survivors, four.map(|line| &table[line as usize]));
        }
    }

    pub(super) fn exits(&self, tile: usize) -> &TileExits<LANES, EXITS> {
        &self.exits[tile]
    }
}

/// Its own function, so that the words stay in memory where the compiler finds vectors of them.
#[inline(never)]
fn join_lines<W: ExitSet, const LANES: usize>(
    survivors: &mut [W; LANES],
    [a, b, c, d]: [&[W; LANES]; 4],
) {
    for lane in 0..LANES {
        survivors[lane] = a[lane] & b[lane] & c[lane] & d[lane];
    }
}

/// As [`join_lines`], on what has survived so far.
#[inline(never)]
fn strike_lines<W: ExitSet, const LANES: usize>(
    survivors: &mut [W; LANES],
    [a, b, c, d]: [&[W; LANES]; 4],
) {
    for lane in 0..LANES {
        survivors[lane] = survivors[lane] & a[lane] & b[lane] & c[lane] & d[lane];
    }
}

fn and_two<W: ExitSet, const LANES: usize>(a: &[W; LANES], b: &[W; LANES]) -> [W; LANES] {
    core::array::from_fn(|lane| a[lane] & b[lane])
}

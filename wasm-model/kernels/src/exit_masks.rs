//! Tables of surviving exits: for every code of every group a line of one word a tree, whose bits
//! are the exits that a row with that code can still take.
//!
//! The bits of `QuickScorer` (Lucchese et al., "`QuickScorer`: a fast algorithm to rank documents with
//! additive ensembles of regression trees", 2015): exits are numbered from left to right, a condition
//! that does not hold takes out the exits of its left subtree, and the lowest bit that survives all
//! conditions is the exit reached. Here the conditions of a group are struck out beforehand.

// Items of rows that are counted here, at positions that are compared here, need no check a step.
#![allow(unsafe_code, reason = "calls what relies on checks made here")]

use core::ops::BitAnd;

use crate::tails::{Item, RowSum, Tails};

/// A set of exits.
pub trait ExitSet: Copy + BitAnd<Output = Self> {
    /// Every exit.
    const ALL: Self;
    /// All exits but those from `start` to `end`.
    fn without(start: u32, end: u32) -> Self;
    /// The first exit.
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

/// What the exits of a tile's trees lead to. Shape: `(LANES, EXITS)`; what no tree uses is 0.
#[derive(Clone, Debug)]
pub struct TileExits<const LANES: usize, const EXITS: usize> {
    /// The value of the exit's leaf, or 0 where it has a tail.
    pub values: [[i32; EXITS]; LANES],
    /// The position of the exit's tail, or 0.
    pub tails: [[u32; EXITS]; LANES],
}

impl<const LANES: usize, const EXITS: usize> TileExits<LANES, EXITS> {
    /// Nothing.
    pub const EMPTY: Self = Self {
        values: [[0; EXITS]; LANES],
        tails: [[0; EXITS]; LANES],
    };
}

/// The lines of some trees of at most `EXITS` exits, in tiles of `LANES` trees, tile by tile.
#[derive(Debug, Default)]
pub struct ExitMasks<W, const LANES: usize, const EXITS: usize> {
    /// Shape: `(n_tiles, n_lines)`.
    lines: Vec<[W; LANES]>,
    n_lines: usize,
    exits: Vec<TileExits<LANES, EXITS>>,
    /// The highest position of a tail.
    last_tail: u32,
}

impl<W: ExitSet, const LANES: usize, const EXITS: usize> ExitMasks<W, LANES, EXITS> {
    /// Trees in a tile.
    pub const LANES: usize = LANES;
    /// The most exits of a tree.
    pub const EXITS: usize = EXITS;

    /// Starts tables of `n_lines` lines a tile for `n_trees` trees.
    #[must_use]
    pub fn with_capacity(n_lines: usize, n_trees: usize) -> Self {
        let n_tiles = n_trees.div_ceil(LANES);
        Self {
            lines: Vec::with_capacity(n_tiles * n_lines),
            n_lines,
            exits: Vec::with_capacity(n_tiles),
            last_tail: 0,
        }
    }

    /// Adds a tile of trees by what their exits lead to; returns its lines, to be filled.
    /// Shape: `(n_lines,)`.
    pub fn push_tile(&mut self, exits: TileExits<LANES, EXITS>) -> &mut [[W; LANES]] {
        let start = self.lines.len();
        self.lines.resize(start + self.n_lines, [W::ALL; LANES]);
        let tails = exits.tails.as_flattened().iter().copied();
        self.last_tail = tails.fold(self.last_tail, u32::max);
        self.exits.push(exits);
        &mut self.lines[start..]
    }

    /// How many trees fit in the tiles.
    #[must_use]
    pub fn n_lanes(&self) -> usize {
        self.exits.len() * LANES
    }

    fn add(&self, lines: &[[u32; 4]], sums: &mut [i64]) {
        let n_fours = lines.len() / sums.len().max(1);
        let mut survivors = [W::ALL; LANES];
        for (tile, exits) in self.exits.iter().enumerate() {
            for (index, sum) in sums.iter_mut().enumerate() {
                self.survivors(tile, &lines[index * n_fours..][..n_fours], &mut survivors);
                for (set, values) in survivors.iter().zip(&exits.values) {
                    *sum += i64::from(values[set.lowest() as usize % EXITS]);
                }
            }
        }
    }

    fn add_or_wait(&self, lines: &[[u32; 4]], sums: &mut [i64], waiting: &mut Waiting) {
        let n_fours = lines.len() / sums.len().max(1);
        let mut survivors = [W::ALL; LANES];
        for (tile, exits) in self.exits.iter().enumerate() {
            for (index, sum) in sums.iter_mut().enumerate() {
                self.survivors(tile, &lines[index * n_fours..][..n_fours], &mut survivors);
                let row = &mut waiting.tails[index * waiting.most..][..waiting.most];
                let mut n_tails = waiting.n_tails[index];
                for ((set, values), tails) in survivors.iter().zip(&exits.values).zip(&exits.tails)
                {
                    let exit = set.lowest() as usize % EXITS;
                    *sum += i64::from(values[exit]);
                    row[n_tails] = tails[exit];
                    n_tails += usize::from(tails[exit] != 0);
                }
                waiting.n_tails[index] = n_tails;
            }
        }
    }

    /// The leaves of some rows, as many as are scored together. Tree by tree, so that a tree's tails stay in the fastest cache
    /// for all of them.
    fn add_rows(&self, lines: &[[u32; 4]], rows: &mut [RowSum], tails: &Tails) {
        let n_fours = lines.len() / rows.len().max(1);
        // What `add_items` relies on.
        assert!(
            tails.are_small() && tails.hold(&[self.last_tail]),
            "positions of nodes"
        );
        let mut survivors = vec![[W::ALL; LANES]; rows.len()];
        let mut items = vec![Item::NOTHING; LANES * rows.len() + 1];
        for (tile, exits) in self.exits.iter().enumerate() {
            for (row, survivors) in survivors.iter_mut().enumerate() {
                self.survivors(tile, &lines[row * n_fours..][..n_fours], survivors);
            }
            let mut n_items = 0;
            for (lane, (values, positions)) in exits.values.iter().zip(&exits.tails).enumerate() {
                for (number, (survivors, row)) in survivors.iter().zip(&mut *rows).enumerate() {
                    let exit = survivors[lane].lowest() as usize % EXITS;
                    row.sum += i64::from(values[exit]);
                    // SAFETY: one item at most a lane and row, and room for one more.
                    unsafe {
                        *items.get_unchecked_mut(n_items) = Item::new(number, positions[exit]);
                    };
                    n_items += usize::from(positions[exit] != 0);
                }
            }
            // SAFETY: rows are counted here, positions were looked at above.
            unsafe { tails.add_items(&mut items, n_items, rows) };
        }
    }

    /// The exits that survive a row's lines in a tile's trees.
    fn survivors(&self, tile: usize, lines: &[[u32; 4]], survivors: &mut [W; LANES]) {
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
}

/// For each of some rows the tails still to be walked.
#[derive(Debug, Default)]
pub struct Waiting {
    /// Shape: `(n_rows, most)`.
    pub tails: Vec<u32>,
    /// How many of them there are. Shape: `(n_rows,)`.
    pub n_tails: Vec<usize>,
    /// The most tails a row may have; one place more than there are trees.
    pub most: usize,
}

/// Trees of few leaves: half the table for the same number of trees.
pub type NarrowMasks = ExitMasks<u32, 32, 32>;
/// Trees of more leaves, or the upper parts of such.
pub type WideMasks = ExitMasks<u64, 16, 64>;

impl NarrowMasks {
    /// Adds the leaves that each row reaches. Shape of `lines`: `(n_rows, n_fours)`; of `sums`: `(n_rows,)`.
    ///
    /// # Panics
    /// Where a line is not below the number of lines.
    #[inline(never)]
    pub fn add_leaves(&self, lines: &[[u32; 4]], sums: &mut [i64]) {
        self.add(lines, sums);
    }
}

impl WideMasks {
    /// As [`NarrowMasks::add_leaves`], where no exit has a tail.
    ///
    /// # Panics
    /// Where a line is not below the number of lines.
    #[inline(never)]
    pub fn add_leaves(&self, lines: &[[u32; 4]], sums: &mut [i64]) {
        self.add(lines, sums);
    }

    /// As `add_leaves`; exits with a tail are noted for each row.
    ///
    /// # Panics
    /// Where a line is not below the number of lines, or `waiting` has too few places.
    #[inline(never)]
    pub fn add_leaves_or_wait(&self, lines: &[[u32; 4]], sums: &mut [i64], waiting: &mut Waiting) {
        self.add_or_wait(lines, sums, waiting);
    }

    /// As `add_leaves`; tails are walked. Shape of `rows`: `(n_rows,)`.
    ///
    /// # Panics
    /// Where a line is not below the number of lines, a tail not one of `tails`, or these are not small.
    #[inline(never)]
    pub fn add_leaves_and_tails(&self, lines: &[[u32; 4]], rows: &mut [RowSum], tails: &Tails) {
        self.add_rows(lines, rows, tails);
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

/// The exits in both of two lines.
#[must_use]
pub fn intersect<W: ExitSet, const LANES: usize>(a: &[W; LANES], b: &[W; LANES]) -> [W; LANES] {
    core::array::from_fn(|lane| a[lane] & b[lane])
}

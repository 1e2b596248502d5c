//! The prepared trees of a model, and how rows go through them.

use picket_schema::FeatureSchema;
use picket_schema::artifact::{TreeLayout, Trees};

use super::exit_masks::{ExitMasks, ExitSet};
use super::fronts::Fronts;
use super::row_codes::RowCodes;
use super::tails::{SIDE_BY_SIDE, Tails};
use super::walk::Subtree;
use crate::condition_masks::ConditionMasks;

/// Tables beyond this many bytes leave the fast caches: then trees are tails from their roots.
const MAX_TABLE_BYTES: usize = 1 << 20;
/// Trees in a tile: a line of a tile is a cache line.
const NARROW_LANES: usize = 32;
const WIDE_LANES: usize = 16;
/// Exits of a tree: the bits of a word.
const NARROW_EXITS: usize = 32;
const WIDE_EXITS: usize = 64;
/// Rows of a batch that go through a tile one after another, while it is in the fastest cache.
pub(crate) const CHUNK_ROWS: usize = 64;

/// The prepared trees of a model.
#[derive(Debug, Default)]
pub(crate) struct FastTrees {
    codes: RowCodes,
    /// Trees with few leaves: half the table for the same number of trees.
    narrow: ExitMasks<u32, NARROW_LANES, NARROW_EXITS>,
    wide: ExitMasks<u64, WIDE_LANES, WIDE_EXITS>,
    tails: Tails,
    /// The roots of the trees that have no front.
    roots: Vec<u32>,
}

/// What a scorer needs beside the prepared trees.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Each row's lines. Shape: `(n_rows, n_fours)`.
    lines: Vec<[u32; 4]>,
    /// For each row the tails still to be walked, and how many.
    waiting: Vec<u32>,
    n_waiting: Vec<usize>,
    /// A row's answers to all conditions, then all ones. Shape: `(n_answers,)`.
    rights: Vec<u32>,
}

impl FastTrees {
    /// Prepares the trees; `None` where they go beyond what the tables can hold.
    pub(crate) fn new(
        trees: &Trees<'_>,
        layout: &TreeLayout,
        schema: &FeatureSchema,
    ) -> Option<Self> {
        let codes = RowCodes::new(trees, schema);
        let is_narrow = |size: u32| size < NARROW_EXITS as u32;
        let spans = &layout.spans;
        let n_narrow = spans.iter().filter(|span| is_narrow(span.size)).count();
        let n_wide = spans.len() - n_narrow;
        let n_words =
            n_narrow.next_multiple_of(NARROW_LANES) / 2 + n_wide.next_multiple_of(WIDE_LANES);
        let mut fronts = Fronts::new(trees, layout);
        if codes.n_lines().saturating_mul(8 * n_words) > MAX_TABLE_BYTES {
            let roots = spans.iter().map(|span| fronts.push_tail((*span).into()));
            return Some(Self {
                roots: roots.collect::<Option<_>>()?,
                tails: fronts.into_tails(),
                ..Self::default()
            });
        }
        let of_kind = |narrow| {
            let subtrees = spans.iter().copied().map(Subtree::from);
            subtrees.filter(move |tree| is_narrow(tree.size) == narrow)
        };
        let narrow = fronts.masks(&codes, of_kind(true), n_narrow)?;
        let wide = fronts.masks(&codes, of_kind(false), n_wide)?;
        Some(Self {
            narrow,
            wide,
            tails: fronts.into_tails(),
            codes,
            roots: Vec::new(),
        })
    }

    /// The sums of the leaves that each row reaches. Shape of `sums`: `(n_rows,)`.
    pub(crate) fn sum_of_leaves<'r>(
        &self,
        conditions: &ConditionMasks,
        rows: impl ExactSizeIterator<Item = &'r [f32]> + Clone,
        scratch: &mut Scratch,
        sums: &mut Vec<i64>,
    ) {
        sums.clear();
        sums.resize(rows.len(), 0);
        let n_fours = self.codes.n_fours();
        scratch.lines.resize(rows.len() * n_fours, [0; 4]);
        if n_fours > 0 {
            for (row, lines) in rows.clone().zip(scratch.lines.chunks_exact_mut(n_fours)) {
                self.codes.lines_of(row, lines);
            }
        }
        let lines = &scratch.lines;
        if self.tails.is_empty() {
            self.add_leaves(&self.narrow, lines, sums);
            self.add_leaves(&self.wide, lines, sums);
            return;
        }
        let Scratch {
            waiting,
            n_waiting,
            rights,
            ..
        } = scratch;
        let max_waiting = self.max_waiting();
        waiting.resize(rows.len() * max_waiting, 0);
        n_waiting.clear();
        n_waiting.resize(rows.len(), 0);
        rights.resize(self.tails.n_answers(), u32::MAX);
        self.add_leaves_or_wait(&self.narrow, lines, sums, waiting, n_waiting);
        self.add_leaves_or_wait(&self.wide, lines, sums, waiting, n_waiting);
        let waiting = waiting.chunks_exact_mut(max_waiting).zip(n_waiting);
        for ((row, sum), (waiting, n_waiting)) in rows.zip(sums).zip(waiting) {
            conditions.evaluate(row, &mut rights[..conditions.len()]);
            let end = *n_waiting + self.roots.len();
            waiting[*n_waiting..end].copy_from_slice(&self.roots);
            let full = end.next_multiple_of(SIDE_BY_SIDE);
            waiting[end..full].fill(0);
            *sum += self.tails.sum_of_leaves(rights, &mut waiting[..full]);
        }
    }

    /// The most tails that a row can reach: one a tree; and room to fill up.
    fn max_waiting(&self) -> usize {
        let n_lanes = self.narrow.n_tiles() * NARROW_LANES + self.wide.n_tiles() * WIDE_LANES;
        self.roots.len() + n_lanes + SIDE_BY_SIDE
    }

    fn add_leaves<W: ExitSet, const LANES: usize, const EXITS: usize>(
        &self,
        masks: &ExitMasks<W, LANES, EXITS>,
        lines: &[[u32; 4]],
        sums: &mut [i64],
    ) {
        let n_fours = self.codes.n_fours();
        let mut survivors = [W::ALL; LANES];
        for tile in 0..masks.n_tiles() {
            let exits = masks.exits(tile);
            for (index, sum) in sums.iter_mut().enumerate() {
                masks.survivors(tile, &lines[index * n_fours..][..n_fours], &mut survivors);
                for (set, values) in survivors.iter().zip(&exits.values) {
                    *sum += i64::from(values[set.lowest() as usize % EXITS]);
                }
            }
        }
    }

    /// As `add_leaves`; exits with a tail are noted for each row.
    fn add_leaves_or_wait<W: ExitSet, const LANES: usize, const EXITS: usize>(
        &self,
        masks: &ExitMasks<W, LANES, EXITS>,
        lines: &[[u32; 4]],
        sums: &mut [i64],
        waiting: &mut [u32],
        n_waiting: &mut [usize],
    ) {
        let n_fours = self.codes.n_fours();
        let max_waiting = self.max_waiting();
        let mut survivors = [W::ALL; LANES];
        for tile in 0..masks.n_tiles() {
            let exits = masks.exits(tile);
            for (index, (sum, n_waiting)) in sums.iter_mut().zip(&mut *n_waiting).enumerate() {
                masks.survivors(tile, &lines[index * n_fours..][..n_fours], &mut survivors);
                let waiting = &mut waiting[index * max_waiting..][..max_waiting];
                for ((set, values), tails) in survivors.iter().zip(&exits.values).zip(&exits.tails)
                {
                    let exit = set.lowest() as usize % EXITS;
                    *sum += i64::from(values[exit]);
                    waiting[*n_waiting] = tails[exit].wrapping_sub(1);
                    *n_waiting += usize::from(tails[exit] != 0);
                }
            }
        }
    }
}

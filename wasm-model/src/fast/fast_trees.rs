//! The prepared trees of a model, and how rows go through them.

use picket_kernels::{NarrowMasks, RowSum, SIDE_BY_SIDE, Tails, Waiting, WideMasks};
use picket_schema::artifact::{ModelColumns, TreeLayout, Trees};

use super::fronts::Fronts;
use super::row_codes::RowCodes;
use super::walk::Subtree;
use crate::condition_masks::ConditionMasks;

/// Tables beyond this many bytes leave the fast caches: then trees are tails from their roots.
const MAX_TABLE_BYTES: usize = 1 << 20;
/// Rows of a batch that go through a tile one after another, while it is in the fastest cache.
pub(crate) const CHUNK_ROWS: usize = 256;

/// The prepared trees of a model.
#[derive(Debug)]
pub(crate) struct FastTrees {
    codes: RowCodes,
    /// Trees with few leaves: half the table for the same number of trees.
    narrow: NarrowMasks,
    wide: WideMasks,
    tails: Tails,
    /// The roots of the trees that have no front.
    roots: Vec<u32>,
}

/// What a scorer needs beside the prepared trees.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Each row's lines. Shape: `(n_rows, n_fours)`.
    lines: Vec<[u32; 4]>,
    waiting: Waiting,
    /// Each row's bits. Shape: `(n_rows,)`.
    bits: Vec<u64>,
    /// A row's answers to all conditions, then 0. Shape: `(n_conditions + 1,)`.
    rights: Vec<u32>,
    /// The rows of a batch, where their answers are few. Shape: `(n_rows,)`.
    rows: Vec<RowSum>,
}

impl FastTrees {
    /// Prepares the trees; `None` where they go beyond what the tables can hold.
    pub(crate) fn new(
        trees: &Trees<'_>,
        layout: &TreeLayout,
        columns: &ModelColumns,
    ) -> Option<Self> {
        let codes = RowCodes::new(trees, columns)?;
        let is_narrow = |size: u32| size < NarrowMasks::EXITS as u32;
        let spans = &layout.spans;
        let n_narrow = spans.iter().filter(|span| is_narrow(span.size)).count();
        let n_wide = spans.len() - n_narrow;
        let n_words = n_narrow.next_multiple_of(NarrowMasks::LANES) / 2
            + n_wide.next_multiple_of(WideMasks::LANES);
        let mut fronts = Fronts::new(trees, layout, &codes);
        if codes.n_lines().saturating_mul(8 * n_words) > MAX_TABLE_BYTES {
            let roots = spans.iter().map(|span| fronts.push_tail((*span).into()));
            return Some(Self {
                roots: roots.collect::<Option<_>>()?,
                tails: fronts.into_tails()?,
                codes: codes.bits_only(),
                narrow: NarrowMasks::default(),
                wide: WideMasks::default(),
            });
        }
        let of_kind = |narrow| {
            let subtrees = spans.iter().copied().map(Subtree::from);
            subtrees.filter(move |tree| is_narrow(tree.size) == narrow)
        };
        let narrow = fronts.masks(of_kind(true), n_narrow)?;
        let wide = fronts.masks(of_kind(false), n_wide)?;
        Some(Self {
            narrow,
            wide,
            tails: fronts.into_tails()?,
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
        scratch.bits.clear();
        for (index, row) in rows.clone().enumerate() {
            let lines = &mut scratch.lines[index * n_fours..][..n_fours];
            scratch.bits.push(self.codes.lines_of(row, lines));
        }
        let lines = &scratch.lines;
        self.narrow.add_leaves(lines, sums);
        if self.tails.is_empty() {
            self.wide.add_leaves(lines, sums);
            return;
        }
        let rights = &mut scratch.rights;
        rights.resize(self.codes.n_names() + 1, 0);
        let rows = rows.zip(&scratch.bits);
        if rows.len() > 1 && self.tails.are_small() && self.roots.is_empty() {
            let of_rows = &mut scratch.rows;
            of_rows.clear();
            of_rows.extend(
                rows.map(|(row, bits)| RowSum::new(self.answer(conditions, row, *bits, rights))),
            );
            self.wide.add_leaves_and_tails(lines, of_rows, &self.tails);
            for (sum, row) in sums.iter_mut().zip(of_rows) {
                *sum += row.sum;
            }
            return;
        }
        let waiting = &mut scratch.waiting;
        // One tail a tree, and room to fill up.
        waiting.most = self.roots.len() + self.wide.n_lanes() + SIDE_BY_SIDE;
        waiting.tails.resize(rows.len() * waiting.most, 0);
        waiting.n_tails.clear();
        waiting.n_tails.resize(rows.len(), 0);
        self.wide.add_leaves_or_wait(lines, sums, waiting);
        let tails = waiting.tails.chunks_exact_mut(waiting.most);
        let tails = tails.zip(&waiting.n_tails);
        for (((row, bits), sum), (tails, n_tails)) in rows.zip(sums).zip(tails) {
            let end = *n_tails + self.roots.len();
            tails[*n_tails..end].copy_from_slice(&self.roots);
            let full = end.next_multiple_of(SIDE_BY_SIDE);
            tails[end..full].fill(0);
            let bits = self.answer(conditions, row, *bits, rights);
            *sum += if self.tails.are_small() {
                self.tails.sum_by_bits(bits, &mut tails[..full])
            } else {
                self.tails.sum_by_answers(rights, &mut tails[..full])
            };
        }
    }

    /// A row's answers as bits, if they fit in a word, else written as a table. What it has of `bits` it need not ask.
    fn answer(
        &self,
        conditions: &ConditionMasks,
        row: &[f32],
        bits: u64,
        rights: &mut [u32],
    ) -> u64 {
        let n_names = rights.len() - 1;
        if !self.codes.has_bits() {
            conditions.evaluate(row, &mut rights[..n_names]);
            let rights = rights.iter().take(64).rev();
            return rights.fold(0, |bits, right| bits << 1 | u64::from(right & 1));
        }
        if !self.tails.are_small() {
            for (bit, right) in rights[..n_names].iter_mut().enumerate() {
                *right = ((bits >> bit) as u32 & 1).wrapping_neg();
            }
        }
        bits
    }
}

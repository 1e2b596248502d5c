//! The prepared trees of a model, and how rows go through them.

use picket_kernels::{NarrowMasks, SIDE_BY_SIDE, Tails, Waiting, WideMasks};
use picket_schema::artifact::{ModelColumns, TreeLayout, Trees};

use super::fronts::Fronts;
use super::row_codes::RowCodes;
use super::walk::Subtree;
use crate::condition_masks::ConditionMasks;

/// Tables beyond this many bytes leave the fast caches: then trees are tails from their roots.
const MAX_TABLE_BYTES: usize = 1 << 20;
/// Rows of a batch that go through a tile one after another, while it is in the fastest cache.
pub(crate) const CHUNK_ROWS: usize = 64;

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
    /// A row's answers to all conditions, then all ones. Shape: `(n_answers,)`.
    rights: Vec<u32>,
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
        let mut fronts = Fronts::new(trees, layout)?;
        if codes.n_lines().saturating_mul(8 * n_words) > MAX_TABLE_BYTES {
            let roots = spans.iter().map(|span| fronts.push_tail((*span).into()));
            return Some(Self {
                roots: roots.collect::<Option<_>>()?,
                tails: fronts.into_tails(),
                codes: RowCodes::default(),
                narrow: NarrowMasks::default(),
                wide: WideMasks::default(),
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
            self.narrow.add_leaves(lines, sums);
            self.wide.add_leaves(lines, sums);
            return;
        }
        let (waiting, rights) = (&mut scratch.waiting, &mut scratch.rights);
        // One tail a tree, and room to fill up.
        waiting.most =
            self.roots.len() + self.narrow.n_lanes() + self.wide.n_lanes() + SIDE_BY_SIDE;
        waiting.tails.resize(rows.len() * waiting.most, 0);
        waiting.n_tails.clear();
        waiting.n_tails.resize(rows.len(), 0);
        rights.resize(self.tails.n_answers(), u32::MAX);
        self.narrow.add_leaves_or_wait(lines, sums, waiting);
        self.wide.add_leaves_or_wait(lines, sums, waiting);
        let tails = waiting.tails.chunks_exact_mut(waiting.most);
        let tails = tails.zip(&waiting.n_tails);
        for ((row, sum), (tails, n_tails)) in rows.zip(sums).zip(tails) {
            conditions.evaluate(row, &mut rights[..conditions.len()]);
            let end = *n_tails + self.roots.len();
            tails[*n_tails..end].copy_from_slice(&self.roots);
            let full = end.next_multiple_of(SIDE_BY_SIDE);
            tails[end..full].fill(0);
            *sum += self.tails.sum_of_leaves(rights, &mut tails[..full]);
        }
    }
}

//! Sums of gradients by feature and bin.

use std::ops::Range;

use rayon::prelude::*;

use super::gradient::Packed;

/// Fewer additions than this are not worth a second thread.
const ADDITIONS_PER_THREAD: usize = 1 << 15;

/// Where each feature's cells begin, and where the last feature's end. Cells lie close: equally
/// spaced features would compete for the same lines of the cache.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    offsets: Vec<u32>,
}

impl Layout {
    /// For features with so many bins each, the missing bin included.
    pub(crate) fn new(n_bins: impl Iterator<Item = usize>) -> Self {
        let mut offsets = vec![0];
        let mut end = 0;
        for n_bins in n_bins {
            end += n_bins as u32;
            offsets.push(end);
        }
        Self { offsets }
    }

    fn n_features(&self) -> usize {
        self.offsets.len() - 1
    }

    pub(crate) fn n_cells(&self) -> usize {
        self.offsets[self.n_features()] as usize
    }

    /// Where the cells of one feature are.
    pub(crate) fn feature(&self, feature: usize) -> Range<usize> {
        self.offsets[feature] as usize..self.offsets[feature + 1] as usize
    }
}

/// The cells of all features.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    cells: Vec<Packed>,
}

/// The rows of a node and their packed gradients.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NodeRows<'a> {
    pub(crate) rows: &'a [u32],
    pub(crate) gradients: &'a [Packed],
}

impl Histogram {
    pub(crate) fn zero(layout: &Layout) -> Self {
        Self {
            cells: vec![0; layout.n_cells()],
        }
    }

    /// Replaces the contents by the sums over `node`, whose bins are rows of `bins`,
    /// `(n_groups, n_features)`.
    pub(crate) fn fill(&mut self, layout: &Layout, bins: &[u8], node: NodeRows<'_>) {
        self.cells.fill(0);
        let n_parts = (node.rows.len() * layout.n_features() / ADDITIONS_PER_THREAD)
            .min(rayon::current_num_threads());
        if n_parts < 2 {
            self.add(layout, bins, node);
            return;
        }
        let part = node.rows.len().div_ceil(n_parts);
        let parts: Vec<Self> = node
            .rows
            .par_chunks(part)
            .zip(node.gradients.par_chunks(part))
            .map(|(rows, gradients)| {
                let mut of_part = Self::zero(layout);
                of_part.add(layout, bins, NodeRows { rows, gradients });
                of_part
            })
            .collect();
        for part in parts {
            for (sum, cell) in self.cells.iter_mut().zip(part.cells) {
                *sum = sum.wrapping_add(cell);
            }
        }
    }

    fn add(&mut self, layout: &Layout, bins: &[u8], node: NodeRows<'_>) {
        let n_features = layout.n_features();
        let offsets = &layout.offsets[..n_features];
        let cells = &mut self.cells[..];
        for (&row, &gradient) in node.rows.iter().zip(node.gradients) {
            let bins = &bins[row as usize * n_features..][..n_features];
            for (&offset, &bin) in offsets.iter().zip(bins) {
                let cell = &mut cells[offset as usize + usize::from(bin)];
                *cell = cell.wrapping_add(gradient);
            }
        }
    }

    /// Turns a parent's histogram into that of one child, given the other's.
    pub(crate) fn subtract(&mut self, sibling: &Self) {
        for (cell, sibling) in self.cells.iter_mut().zip(&sibling.cells) {
            *cell = cell.wrapping_sub(*sibling);
        }
    }

    /// The cells at a feature's place in the layout, by bin.
    pub(crate) fn cells(&self, place: Range<usize>) -> &[Packed] {
        &self.cells[place]
    }
}

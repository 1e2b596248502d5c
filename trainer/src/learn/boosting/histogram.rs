//! Sums of gradients by feature and bin.

use rayon::prelude::*;

use super::gradient::Packed;

/// Fewer additions than this are not worth a second thread.
const ADDITIONS_PER_THREAD: usize = 1 << 15;

/// The cells of all features, each with `width` of them, a power of two: then an index masked to
/// the width is in range without a check.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    cells: Vec<Packed>,
    width: usize,
}

/// The rows of a node and their packed gradients.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NodeRows<'a> {
    pub(crate) rows: &'a [u32],
    pub(crate) gradients: &'a [Packed],
}

impl Histogram {
    /// All zero, for features with at most `max_bins` bins, the missing bin included.
    pub(crate) fn zero(n_features: usize, max_bins: usize) -> Self {
        let width = max_bins.next_power_of_two().max(4);
        Self {
            cells: vec![0; n_features * width],
            width,
        }
    }

    /// Replaces the contents by the sums over `node`, whose bins are rows of `bins`,
    /// `(n_groups, n_features)`.
    pub(crate) fn fill(&mut self, bins: &[u8], node: NodeRows<'_>) {
        self.cells.fill(0);
        let n_features = self.cells.len() / self.width;
        let n_parts =
            (node.rows.len() * n_features / ADDITIONS_PER_THREAD).min(rayon::current_num_threads());
        if n_parts < 2 {
            self.add(bins, node);
            return;
        }
        let part = node.rows.len().div_ceil(n_parts);
        let parts: Vec<Self> = node
            .rows
            .par_chunks(part)
            .zip(node.gradients.par_chunks(part))
            .map(|(rows, gradients)| {
                let mut cells = Self {
                    cells: vec![0; self.cells.len()],
                    width: self.width,
                };
                cells.add(bins, NodeRows { rows, gradients });
                cells
            })
            .collect();
        for part in parts {
            for (sum, cell) in self.cells.iter_mut().zip(part.cells) {
                *sum = sum.wrapping_add(cell);
            }
        }
    }

    fn add(&mut self, bins: &[u8], node: NodeRows<'_>) {
        match self.width {
            4 => add_rows::<4>(&mut self.cells, bins, node),
            8 => add_rows::<8>(&mut self.cells, bins, node),
            16 => add_rows::<16>(&mut self.cells, bins, node),
            32 => add_rows::<32>(&mut self.cells, bins, node),
            64 => add_rows::<64>(&mut self.cells, bins, node),
            128 => add_rows::<128>(&mut self.cells, bins, node),
            _ => add_rows::<256>(&mut self.cells, bins, node),
        }
    }

    /// Turns a parent's histogram into that of one child, given the other's.
    pub(crate) fn subtract(&mut self, sibling: &Self) {
        for (cell, sibling) in self.cells.iter_mut().zip(&sibling.cells) {
            *cell = cell.wrapping_sub(*sibling);
        }
    }

    /// The cells of one feature, by bin.
    pub(crate) fn feature(&self, feature: usize) -> &[Packed] {
        &self.cells[feature * self.width..][..self.width]
    }

    pub(crate) fn n_cells(&self) -> usize {
        self.cells.len()
    }
}

fn add_rows<const WIDTH: usize>(cells: &mut [Packed], bins: &[u8], node: NodeRows<'_>) {
    let (features, _) = cells.as_chunks_mut::<WIDTH>();
    let n_features = features.len();
    for (&row, &gradient) in node.rows.iter().zip(node.gradients) {
        let bins = &bins[row as usize * n_features..][..n_features];
        for (cells, &bin) in features.iter_mut().zip(bins) {
            let cell = &mut cells[usize::from(bin) & (WIDTH - 1)];
            *cell = cell.wrapping_add(gradient);
        }
    }
}

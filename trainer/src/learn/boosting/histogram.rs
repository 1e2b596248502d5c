//! Sums of gradients by feature and bin.

use std::ops::Range;

use rayon::prelude::*;

use super::bundles::{CodeSums, UsedBundles};
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

    pub(crate) fn n_cells(&self) -> usize {
        self.offsets[self.offsets.len() - 1] as usize
    }

    /// Where the cells of one feature are.
    pub(crate) fn feature(&self, feature: usize) -> Range<usize> {
        self.offsets[feature] as usize..self.offsets[feature + 1] as usize
    }
}

/// What a tree's histograms are made from.
#[derive(Debug)]
pub(crate) struct HistogramSource<'a> {
    /// The bins of all features, `(n_groups, n_features)`.
    pub(crate) bins: &'a [u8],
    pub(crate) n_features: usize,
    /// The tree's features.
    pub(crate) features: &'a [u32],
    /// Where the cells of the tree's features stand.
    pub(crate) layout: &'a Layout,
    pub(crate) bundles: Option<UsedBundles<'a>>,
}

impl HistogramSource<'_> {
    fn add(&self, cells: &mut [Packed], node: NodeRows<'_>) {
        let offsets = &self.layout.offsets[..self.features.len()];
        for (&row, &gradient) in node.rows.iter().zip(node.gradients) {
            let bins = &self.bins[row as usize * self.n_features..][..self.n_features];
            for (&offset, &feature) in offsets.iter().zip(self.features) {
                let cell = &mut cells[offset as usize + usize::from(bins[feature as usize])];
                *cell = cell.wrapping_add(gradient);
            }
        }
    }
}

/// Sums of packed numbers that are added place by place.
trait Sums: Clone + Send + Sync {
    fn add(&mut self, other: &Self);
}

impl Sums for Packed {
    fn add(&mut self, other: &Self) {
        *self = self.wrapping_add(*other);
    }
}

impl Sums for CodeSums {
    fn add(&mut self, other: &Self) {
        for (sum, other) in self.iter_mut().zip(other) {
            *sum = sum.wrapping_add(*other);
        }
    }
}

/// Calls `add` on parts of the rows, each part on a thread of its own where that pays, with `zero`
/// to add to. A row takes `n_additions`.
fn add_in_parts<S: Sums>(
    mut zero: Vec<S>,
    node: NodeRows<'_>,
    n_additions: usize,
    add: impl Fn(&mut [S], NodeRows<'_>) + Sync,
) -> Vec<S> {
    let n_parts =
        (node.rows.len() * n_additions / ADDITIONS_PER_THREAD).min(rayon::current_num_threads());
    if n_parts < 2 {
        add(&mut zero, node);
        return zero;
    }
    let part = node.rows.len().div_ceil(n_parts);
    let parts: Vec<Vec<S>> = node
        .rows
        .par_chunks(part)
        .zip(node.gradients.par_chunks(part))
        .map(|(rows, gradients)| {
            let mut of_part = zero.clone();
            add(&mut of_part, NodeRows { rows, gradients });
            of_part
        })
        .collect();
    for part in parts {
        for (sum, of_part) in zero.iter_mut().zip(&part) {
            sum.add(of_part);
        }
    }
    zero
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

    /// Replaces the contents by the sums over `node`. Small nodes are added feature by feature, larger
    /// ones by bundle where there are bundles: the sums are the same.
    pub(crate) fn fill(&mut self, source: &HistogramSource<'_>, node: NodeRows<'_>) {
        self.cells.fill(0);
        match &source.bundles {
            Some(bundles) if bundles.is_faster(source.features.len(), node.rows.len()) => {
                let mut sums =
                    add_in_parts(bundles.no_sums(), node, bundles.n_used(), |sums, node| {
                        bundles.add(node.rows, node.gradients, sums);
                    });
                let cells = &mut self.cells;
                bundles.take_marginals(&mut sums, |place, bin, sum| {
                    cells[source.layout.offsets[place] as usize + usize::from(bin)] = sum;
                });
            }
            _ => {
                let cells = std::mem::take(&mut self.cells);
                self.cells = add_in_parts(cells, node, source.features.len(), |cells, node| {
                    source.add(cells, node);
                });
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

//! The training rows as bins, equal rows collapsed into one with a weight.

use ndarray::Axis;
use rayon::prelude::*;

use super::binning::{FeatureBins, fit_bins};
use super::matrix::Matrix;

/// The sum of all weights, in units, is kept at or below this. A bootstrap sample may weigh more
/// than the data it is drawn from; 16 times more still fits in 32 bits.
const TOTAL_UNITS: f64 = (1_u64 << 28) as f64;

/// Binned rows. Rows that fall into the same bins everywhere are one *group*: no tree can tell
/// them apart, so only their weights are kept. In phishing data half of the rows go away so.
///
/// Weights are whole numbers of units, `2^-unit_log2` each: sums of integers do not depend on
/// their order, and a weight of 2 is exactly the row given twice.
#[derive(Debug)]
pub(crate) struct Table {
    /// Bins by group, `(n_groups, n_features)`.
    pub(crate) bins: Vec<u8>,
    pub(crate) n_features: usize,
    pub(crate) features: Vec<FeatureBins>,
    /// Weight of each group's negative and positive rows, in units.
    pub(crate) classes: Vec<Classes>,
    /// A unit of weight is `2^-unit_log2`.
    pub(crate) unit_log2: i32,
    /// The group of each row of the matrix.
    pub(crate) group_of_row: Vec<u32>,
}

/// Weight of the negative and of the positive rows, in units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Classes {
    pub(crate) negative: u32,
    pub(crate) positive: u32,
}

impl Classes {
    pub(crate) fn total(self) -> u64 {
        u64::from(self.negative) + u64::from(self.positive)
    }

    /// Both weights in one word, so that one addition adds both.
    pub(crate) fn packed(self) -> u64 {
        u64::from(self.positive) << 32 | u64::from(self.negative)
    }

    pub(crate) fn from_packed(packed: u64) -> Self {
        Self {
            negative: packed as u32,
            positive: (packed >> 32) as u32,
        }
    }
}

impl Table {
    /// Bins the matrix and collapses equal rows.
    pub(crate) fn new(matrix: &Matrix<'_>) -> Self {
        Self::with_features(matrix, fit_bins(matrix.features(), matrix.columns()))
    }

    /// Bins the matrix by given bins, such as those of another part of the data.
    pub(crate) fn with_features(matrix: &Matrix<'_>, features: Vec<FeatureBins>) -> Self {
        let n_features = features.len();
        let by_row = bin_rows(matrix, &features);
        let (group_of_row, first_rows) = group_rows(&by_row, n_features);
        let bins = if first_rows.len() == matrix.n_rows() {
            by_row
        } else {
            let row = |&row: &u32| &by_row[row as usize * n_features..][..n_features];
            first_rows.iter().flat_map(row).copied().collect()
        };

        let unit_log2 = unit_log2((0..matrix.n_rows()).map(|row| matrix.weight(row)).sum());
        let classes = vec![Classes::default(); first_rows.len()];
        let mut table = Self {
            bins,
            n_features,
            features,
            classes,
            unit_log2,
            group_of_row,
        };
        for row in 0..matrix.n_rows() {
            let of_row = table.row_classes(matrix, row);
            let of_group = &mut table.classes[table.group_of_row[row] as usize];
            of_group.negative += of_row.negative;
            of_group.positive += of_row.positive;
        }
        table
    }

    /// The weight of one row of the matrix.
    pub(crate) fn row_classes(&self, matrix: &Matrix<'_>, row: usize) -> Classes {
        let units = (matrix.weight(row) * 2f64.powi(self.unit_log2)).round() as u32;
        if matrix.labels()[row] {
            Classes {
                negative: 0,
                positive: units,
            }
        } else {
            Classes {
                negative: units,
                positive: 0,
            }
        }
    }

    pub(crate) fn n_groups(&self) -> usize {
        self.classes.len()
    }

    /// The bins of one group, `(n_features)`.
    pub(crate) fn group(&self, group: usize) -> &[u8] {
        &self.bins[group * self.n_features..][..self.n_features]
    }

    /// The most bins a feature has, the missing bin included.
    pub(crate) fn max_bins(&self) -> usize {
        self.features
            .iter()
            .map(FeatureBins::n_bins)
            .max()
            .unwrap_or(0)
            + 1
    }

    /// The size of one unit of weight.
    pub(crate) fn unit(&self) -> f64 {
        2f64.powi(-self.unit_log2)
    }
}

/// The largest power of two that keeps `total` within [`TOTAL_UNITS`].
fn unit_log2(total: f64) -> i32 {
    if total > 0.0 {
        (TOTAL_UNITS / total).log2().floor() as i32
    } else {
        0
    }
}

/// The bins of every row, `(n_rows, n_features)`.
fn bin_rows(matrix: &Matrix<'_>, features: &[FeatureBins]) -> Vec<u8> {
    const CHUNK: usize = 1024;
    let n_features = features.len();
    let mut bins = vec![0_u8; matrix.n_rows() * n_features];
    bins.par_chunks_mut(CHUNK * n_features)
        .enumerate()
        .for_each(|(chunk, bins)| {
            let start = chunk * CHUNK;
            let n_rows = bins.len() / n_features;
            for (feature, of_feature) in features.iter().enumerate() {
                let column = matrix.features();
                let column = column.index_axis(Axis(1), feature);
                for row in 0..n_rows {
                    bins[row * n_features + feature] = of_feature.bin(column[start + row]);
                }
            }
        });
    bins
}

/// The group of each row and the first row of each group; groups are numbered as they appear.
fn group_rows(bins: &[u8], n_features: usize) -> (Vec<u32>, Vec<u32>) {
    const EMPTY: u32 = u32::MAX;
    let rows = || bins.chunks_exact(n_features);
    let n_rows = bins.len() / n_features;
    let digests: Vec<u64> = bins
        .par_chunks_exact(n_features)
        .with_min_len(1024)
        .map(digest)
        .collect();
    let bits = (2 * n_rows).next_power_of_two().trailing_zeros();
    let mask = (1_usize << bits) - 1;
    let mut slots = vec![EMPTY; mask + 1];
    let mut group_of_row = Vec::with_capacity(n_rows);
    let mut first_rows: Vec<u32> = Vec::new();
    for (row, of_row) in rows().enumerate() {
        let mut slot = (digests[row] >> (64 - bits.max(1))) as usize & mask;
        let group = loop {
            let group = slots[slot];
            if group == EMPTY {
                slots[slot] = first_rows.len() as u32;
                first_rows.push(row as u32);
                break slots[slot];
            }
            let first = first_rows[group as usize] as usize;
            if digests[first] == digests[row] && bins[first * n_features..][..n_features] == *of_row
            {
                break group;
            }
            slot = (slot + 1) & mask;
        };
        group_of_row.push(group);
    }
    (group_of_row, first_rows)
}

/// Spreads a row over 64 bits: it only finds candidates, equality decides.
fn digest(row: &[u8]) -> u64 {
    let fold = |state: u64, word: u64| {
        let product = u128::from(state ^ word) * 0x9E37_79B9_7F4A_7C15;
        (product >> 64) as u64 ^ product as u64
    };
    let (words, rest) = row.as_chunks::<8>();
    let state = words
        .iter()
        .fold(row.len() as u64 ^ 0x243F_6A88_85A3_08D3, |state, word| {
            fold(state, u64::from_le_bytes(*word))
        });
    rest.iter()
        .fold(state, |state, &byte| fold(state, u64::from(byte) + 1))
}

//! By how much rows that repeat each other make shares vary more than independent rows would.
//!
//! Data collected in the wild repeats itself: a page that was seen twice gives two equal rows, and two samples
//! that divide such groups of rows between them differ more than samples of independent rows.
//! Equal rows may also be equal by chance, and then nothing is wrong with them. The two are told apart by where the
//! rows of a group stand: by chance they fall on both samples in proportion, copies fall on one.
//!
//! With z the difference of a group's shares in the two samples, independent rows give Σ z² =
//! 1/n + 1/m on average, and copies more. The ratio, taken within the values of the column at hand so
//! that the column's own drift does not hide itself, is the mean design effect of Rao and Scott
//! (1981).

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

use super::binned::Bins;

/// With fewer distinct rows nothing can be said about them.
const MIN_GROUPS: usize = 100;

/// How often one row stands in each sample, and where it stands first.
#[derive(Clone, Copy, Debug)]
struct Group {
    n_reference: f64,
    n_live: f64,
    /// The row, counted through the reference and on through the live rows.
    row: usize,
}

/// The distinct rows of two samples.
#[derive(Clone, Debug)]
pub(super) struct CopiedRows {
    groups: Vec<Group>,
    n_reference: usize,
    n_live: usize,
}

impl CopiedRows {
    /// Finds equal rows in both samples. Both are row-major with `n_features` columns.
    pub(super) fn of(reference: &[f32], live: &[f32], n_features: usize) -> Self {
        let (n_reference, n_live) = (reference.len() / n_features, live.len() / n_features);
        let mut numbers: HashMap<Vec<u32>, usize, BuildHasherDefault<DefaultHasher>> =
            HashMap::default();
        let mut groups: Vec<Group> = Vec::new();
        let mut key = Vec::with_capacity(n_features);
        let rows = reference
            .chunks_exact(n_features)
            .chain(live.chunks_exact(n_features));
        for (row, values) in rows.enumerate() {
            key.clear();
            key.extend(values.iter().map(|value| value.to_bits()));
            let number = match numbers.get(&key) {
                Some(number) => *number,
                None => {
                    numbers.insert(key.clone(), groups.len());
                    groups.push(Group {
                        n_reference: 0.0,
                        n_live: 0.0,
                        row,
                    });
                    groups.len() - 1
                }
            };
            if row < n_reference {
                groups[number].n_reference += 1.0;
            } else {
                groups[number].n_live += 1.0;
            }
        }
        Self {
            groups,
            n_reference,
            n_live,
        }
    }

    /// The design effect of a column's shares, at least 1. Both samples have shape `(n_rows,)`.
    pub(super) fn design_effect(&self, bins: &Bins, reference: &[f32], live: &[f32]) -> f64 {
        if self.groups.len() < MIN_GROUPS {
            return 1.0;
        }
        let (n, m) = (self.n_reference as f64, self.n_live as f64);
        let (total, unit) = (n + m, 1.0 / n + 1.0 / m);
        let n_bins = bins.n_bins();
        let bin_of = |group: &Group| {
            let value = match group.row.checked_sub(self.n_reference) {
                Some(row) => live[row],
                None => reference[group.row],
            };
            bins.bin_of(value)
        };
        // By bin: its share, its difference, and the sum of its groups' squared shares.
        let (mut share, mut difference, mut squares) =
            (vec![0.0; n_bins], vec![0.0; n_bins], vec![0.0; n_bins]);
        for group in &self.groups {
            let bin = bin_of(group);
            let of_all = (group.n_reference + group.n_live) / total;
            share[bin] += of_all;
            difference[bin] += group.n_reference / n - group.n_live / m;
            squares[bin] += of_all * of_all;
        }
        let mut spread = vec![0.0; n_bins];
        for group in &self.groups {
            let bin = bin_of(group);
            let of_all = (group.n_reference + group.n_live) / total;
            let z = group.n_reference / n - group.n_live / m;
            // What is left when the drift of the bin itself is taken off.
            let rest = z - difference[bin] * of_all / share[bin];
            spread[bin] += rest * rest;
        }
        let (mut effect, mut n_used) = (0.0, 0.0);
        for bin in 0..n_bins {
            if share[bin] == 0.0 {
                continue;
            }
            n_used += 1.0;
            // The fit of one difference a bin has taken this part of the spread.
            let left = 1.0 - squares[bin] / (share[bin] * share[bin]);
            let expected = unit * share[bin];
            let found = if left > 0.5 {
                spread[bin] / left
            } else {
                expected
            };
            effect += found * (1.0 / share[bin] - 1.0);
        }
        if n_used < 2.0 {
            return 1.0;
        }
        (effect / (unit * (n_used - 1.0))).max(1.0)
    }
}

/// Kish's design effect of one sample alone, where the other is known by its histograms only:
/// copies count as copies, whether they are equal by chance or not.
pub(super) fn alone(rows: &[f32], n_features: usize) -> f64 {
    let copies = CopiedRows::of(rows, &[], n_features);
    if copies.groups.len() < MIN_GROUPS {
        return 1.0;
    }
    let squares: f64 = copies
        .groups
        .iter()
        .map(|group| group.n_reference * group.n_reference)
        .sum();
    squares / copies.n_reference as f64
}

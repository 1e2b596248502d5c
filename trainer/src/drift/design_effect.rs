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

/// With fewer distinct rows nothing can be said about them.
const MIN_GROUPS: usize = 100;

/// By how much copies widen the variance of a column's shares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct DesignEffect {
    /// The mean of the generalised design effects, at least 1.
    pub(super) mean: f64,
    /// One plus their squared coefficient of variation.
    pub(super) spread: f64,
    /// How many rows the estimate rests on, by their weight in it; `None` for rows that are
    /// independent.
    pub(super) n_copies: Option<f64>,
}

impl DesignEffect {
    /// That of independent rows.
    pub(super) const NONE: Self = Self {
        mean: 1.0,
        spread: 1.0,
        n_copies: None,
    };
}

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
            let number = numbers.get(&key).copied().unwrap_or_else(|| {
                numbers.insert(key.clone(), groups.len());
                groups.push(Group {
                    n_reference: 0.0,
                    n_live: 0.0,
                    row,
                });
                groups.len() - 1
            });
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

    /// The design effect of all rows alike: the ratio of Σ z² to that of independent rows.
    pub(super) fn overall(&self) -> f64 {
        if self.groups.len() < MIN_GROUPS {
            return 1.0;
        }
        let (n, m) = (self.n_reference as f64, self.n_live as f64);
        let squares: f64 = self
            .groups
            .iter()
            .map(|group| (group.n_reference / n - group.n_live / m).powi(2))
            .sum();
        (squares / (1.0 / n + 1.0 / m)).max(1.0)
    }

    /// The design effect of a column's shares. Both samples have shape `(n_rows,)`; `cell_of` tells
    /// which of `n_cells` cells a value belongs to.
    pub(super) fn design_effect(
        &self,
        (reference, live): (&[f32], &[f32]),
        n_cells: usize,
        cell_of: impl Fn(f32) -> usize,
    ) -> DesignEffect {
        if self.groups.len() < MIN_GROUPS || n_cells < 2 {
            return DesignEffect::NONE;
        }
        let (n, m) = (self.n_reference as f64, self.n_live as f64);
        let (total, unit) = (n + m, 1.0 / n + 1.0 / m);
        let parts: Vec<(usize, f64, f64)> = self
            .groups
            .iter()
            .map(|group| {
                let value = match group.row.checked_sub(self.n_reference) {
                    Some(row) => live[row],
                    None => reference[group.row],
                };
                let share = (group.n_reference + group.n_live) / total;
                let z = group.n_reference / n - group.n_live / m;
                (cell_of(value), share, z)
            })
            .collect();
        // By cell: its share, its difference, and the sum of its groups' squared shares.
        let (mut share, mut difference, mut squares) =
            (vec![0.0; n_cells], vec![0.0; n_cells], vec![0.0; n_cells]);
        for (cell, of_all, z) in &parts {
            share[*cell] += of_all;
            difference[*cell] += z;
            squares[*cell] += of_all * of_all;
        }
        // What is left of z when the drift of the cell itself is taken off, squared and summed.
        let (mut spread, mut weight, mut weight_squares) = (vec![0.0; n_cells], 0.0, 0.0);
        for (cell, of_all, z) in &parts {
            let rest = z - difference[*cell] * of_all / share[*cell];
            spread[*cell] += rest * rest;
            let part = rest * rest * (1.0 / share[*cell] - 1.0);
            weight += part;
            weight_squares += part * part;
        }
        for cell in 0..n_cells {
            // The fit of one difference a cell has taken this part of the spread.
            let left = 1.0 - squares[cell] / (share[cell] * share[cell]);
            spread[cell] = if left > 0.5 {
                spread[cell] / left
            } else {
                unit * share[cell]
            };
        }
        // The variance of the shares' differences, against that of independent rows: its trace
        // and the trace of its square.
        let all: f64 = spread.iter().sum();
        let (mut trace, mut trace_of_square) = (0.0, 0.0);
        for k in 0..n_cells {
            for l in 0..n_cells {
                let own = if k == l { spread[k] } else { 0.0 };
                let covariance =
                    own - spread[k] * share[l] - spread[l] * share[k] + all * share[k] * share[l];
                if k == l {
                    trace += covariance / (unit * share[k]);
                }
                trace_of_square += covariance * covariance / (unit * unit * share[k] * share[l]);
            }
        }
        let dof = n_cells as f64 - 1.0;
        let mean = trace / dof;
        if mean <= 1.0 {
            return DesignEffect::NONE;
        }
        DesignEffect {
            mean,
            spread: (dof * trace_of_square / (trace * trace)).max(1.0),
            n_copies: Some((weight * weight / weight_squares.max(f64::MIN_POSITIVE)).max(1.0)),
        }
    }
}

/// Kish's design effect of one sample alone, where the other is known by its histograms only:
/// copies count as copies, whether they are equal by chance or not.
pub(super) fn alone(rows: &[f32], n_features: usize) -> DesignEffect {
    let copies = CopiedRows::of(rows, &[], n_features);
    if copies.groups.len() < MIN_GROUPS {
        return DesignEffect::NONE;
    }
    let squares = |power: i32| -> f64 {
        let groups = copies.groups.iter();
        groups.map(|group| group.n_reference.powi(power)).sum()
    };
    let mean = squares(2) / copies.n_reference as f64;
    if mean <= 1.0 {
        return DesignEffect::NONE;
    }
    DesignEffect {
        mean,
        spread: 1.0,
        n_copies: Some(squares(2) * squares(2) / squares(4)),
    }
}

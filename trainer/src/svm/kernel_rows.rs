//! Rows of the kernel matrix, computed when they are asked for.

use ndarray::Array2;
use picket_schema::artifact::{ColumnKind, ModelColumns};
use rayon::prelude::*;

use crate::distinct_rows::DistinctRows;

/// Points of a row that one thread computes at a time.
const PART: usize = 512;

/// Gives the kernel between points.
pub(super) trait KernelRows: Sync {
    /// How many points there are.
    fn len(&self) -> usize;

    /// The kernel of two points.
    fn value(&self, a: usize, b: usize) -> f64;

    /// Writes the kernel of a point with all points. Shape of `row`: `(len,)`.
    fn write_row(&self, of: usize, row: &mut [f64]) {
        row.par_chunks_mut(PART)
            .enumerate()
            .for_each(|(part, row)| {
                for (index, value) in (part * PART..).zip(row) {
                    *value = self.value(of, index);
                }
            });
    }
}

/// `exp(-gamma * squared distance)`, the distance as the scorer measures it.
pub(super) struct RadialBasis {
    gamma: f64,
    n_points: usize,
    /// Numbers over their scale. Shape: `(n_points, n_numbers)`.
    numbers: Vec<f64>,
    n_numbers: usize,
    /// Codes, one past the last for missing. Shape: `(n_points, n_codes)`.
    codes: Vec<u32>,
    /// What each categorical column adds where codes differ.
    penalties: Vec<f64>,
}

impl RadialBasis {
    /// Between the distinct rows that `groups` names.
    pub(super) fn new(
        rows: &DistinctRows,
        groups: &[usize],
        columns: &ModelColumns,
        fills: &[f32],
        scales: &[f64],
        gamma: f64,
    ) -> Self {
        let (mut numbers, mut codes) = (Vec::new(), Vec::new());
        for group in groups {
            for (index, (x, column)) in rows.row(*group).iter().zip(&columns.0).enumerate() {
                match column.kind {
                    ColumnKind::Numeric => {
                        let x = if x.is_nan() { fills[index] } else { *x };
                        numbers.push(f64::from(x) / scales[index]);
                    }
                    ColumnKind::Categorical { n_categories } => {
                        codes.push(if x.is_nan() {
                            n_categories as u32
                        } else {
                            *x as u32
                        });
                    }
                }
            }
        }
        let of_columns = columns.0.iter().zip(scales);
        let penalties: Vec<f64> = of_columns
            .filter(|(column, _)| column.kind != ColumnKind::Numeric)
            .map(|(_, scale)| 1.0 / (scale * scale))
            .collect();
        Self {
            gamma,
            n_points: groups.len(),
            numbers,
            n_numbers: columns.len() - penalties.len(),
            codes,
            penalties,
        }
    }
}

impl KernelRows for RadialBasis {
    fn len(&self) -> usize {
        self.n_points
    }

    fn value(&self, a: usize, b: usize) -> f64 {
        let numbers = |point: usize| &self.numbers[point * self.n_numbers..][..self.n_numbers];
        let n_codes = self.penalties.len();
        let codes = |point: usize| &self.codes[point * n_codes..][..n_codes];
        let pairs = numbers(a).iter().zip(numbers(b));
        let of_numbers: f64 = pairs.map(|(x, y)| (x - y) * (x - y)).sum();
        let pairs = codes(a).iter().zip(codes(b)).zip(&self.penalties);
        let of_codes: f64 = pairs
            .filter(|((x, y), _)| x != y)
            .map(|(_, penalty)| *penalty)
            .sum();
        libm::exp(-self.gamma * (of_numbers + of_codes))
    }
}

/// Dot products of encoded rows.
pub(super) struct DotProducts {
    /// Shape: `(n_points, n_columns)`.
    rows: Vec<f64>,
    n_columns: usize,
}

impl DotProducts {
    /// Between the rows of `encoded` that `of_points` names.
    pub(super) fn new(encoded: &Array2<f64>, of_points: &[usize]) -> Self {
        let rows = of_points.iter().flat_map(|row| encoded.row(*row).to_vec());
        Self {
            rows: rows.collect(),
            n_columns: encoded.ncols(),
        }
    }
}

impl KernelRows for DotProducts {
    fn len(&self) -> usize {
        self.rows.len() / self.n_columns.max(1)
    }

    fn value(&self, a: usize, b: usize) -> f64 {
        let row = |point: usize| &self.rows[point * self.n_columns..][..self.n_columns];
        row(a).iter().zip(row(b)).map(|(x, y)| x * y).sum()
    }
}

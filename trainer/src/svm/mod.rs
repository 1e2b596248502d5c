//! Support vector machines (Cortes and Vapnik, "Support-vector networks", Machine Learning 20, 1995): the linear
//! one becomes a `linear` table, the one with radial basis functions a `kernel` table.
//!
//! The solver is this project's own: linfa-svm holds the whole kernel matrix, gigabytes for the larger data sets,
//! and knows no weights of rows. Here equal rows are one row whose multiplier may be as many times as large, which is the same
//! problem, and makes both the fit and the artifact smaller.

mod kernel_cache;
mod kernel_rows;
mod smo;

use picket_schema::artifact::{ColumnKind, Kernel, Linear, PackedRows};

use crate::dataset::Dataset;
use crate::distinct_rows::{DistinctRows, RowsError, f32_table, f64_table, means_and_scales};
use crate::logistic::encoded_rows;
use kernel_rows::{DotProducts, RadialBasis};
use smo::{Point, Solution};

/// Two categories that differ are as far apart as two of their one-hot columns: the squared distance is 2.
const CATEGORY_SCALE: f64 = core::f64::consts::FRAC_1_SQRT_2;

/// Why a machine could not be fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SvmError {
    /// A parameter is not a positive number.
    #[error("{name} is {found}; expected a number from 1e-9 to 1e9")]
    Parameter {
        /// The parameter.
        name: &'static str,
        /// Its value.
        found: f64,
    },
    /// There are too many rows.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// The solver did not come to an end.
    #[error(
        "the support vector machine has not converged in {n_steps} steps; a smaller c takes fewer"
    )]
    NotConverged {
        /// How many steps it took.
        n_steps: usize,
    },
}

fn check(name: &'static str, found: f64) -> Result<(), SvmError> {
    if (1e-9..=1e9).contains(&found) {
        Ok(())
    } else {
        Err(SvmError::Parameter { name, found })
    }
}

/// The rows of each class among the distinct ones, in pairs of group and point. `c` is what a misplaced row costs.
fn points(rows: &DistinctRows, c: f64, positive_weight: f64) -> Vec<(usize, Point)> {
    let mut points = Vec::new();
    for group in 0..rows.len() {
        let positive = f64::from(rows.positives[group]);
        let negative = f64::from(rows.counts[group]) - positive;
        for (sign, bound) in [(1.0, c * positive_weight * positive), (-1.0, c * negative)] {
            if bound > 0.0 {
                points.push((group, Point { sign, bound }));
            }
        }
    }
    points
}

/// Fits a machine with radial basis functions. `gamma` is what squared distances are multiplied by; `None` is one
/// over the number of columns. Numbers are measured in standard deviations; missing ones are the mean.
///
/// # Errors
/// An [`SvmError`] for parameters out of range, too many rows, and a solver that does not end.
pub(crate) fn fit_rbf(
    data: &Dataset,
    c: f64,
    gamma: Option<f64>,
    positive_weight: f64,
) -> Result<Kernel<'static>, SvmError> {
    let rows = DistinctRows::of(data);
    rows.check_size()?;
    let gamma = gamma.unwrap_or(1.0 / rows.n_columns as f64);
    check("c", c)?;
    check("gamma", gamma)?;
    check("positive_weight", positive_weight)?;
    let mut fills = Vec::with_capacity(rows.n_columns);
    let mut scales = Vec::with_capacity(rows.n_columns);
    let mut baseline = Vec::with_capacity(rows.n_columns);
    let columns = data.columns().0.iter().zip(means_and_scales(data));
    for (index, (column, (mean, scale))) in columns.enumerate() {
        let (fill, scale, base) = match column.kind {
            ColumnKind::Numeric => (mean as f32, scale, mean as f32),
            ColumnKind::Categorical { n_categories } => {
                let base = most_frequent(data, index, n_categories);
                (0.0, CATEGORY_SCALE, base)
            }
        };
        fills.push(fill);
        scales.push(scale.clamp(1e-15, 1e15));
        baseline.push(base);
    }
    let points = points(&rows, c, positive_weight);
    let groups: Vec<usize> = points.iter().map(|(group, _)| *group).collect();
    let kernel = RadialBasis::new(&rows, &groups, data.columns(), &fills, &scales, gamma);
    let solution = smo::solve(&kernel, points.iter().map(|(_, point)| *point).collect())?;
    let coefficients = of_groups(&rows, &points, &solution);
    let mut stored = Vec::new();
    let mut kept = Vec::new();
    for (group, coefficient) in coefficients.iter().enumerate() {
        if *coefficient != 0.0 {
            stored.extend_from_slice(rows.row(group));
            kept.push(*coefficient);
        }
    }
    Ok(Kernel {
        gamma,
        bias: solution.bias,
        fills: f32_table(fills),
        scales: f64_table(scales),
        rows: PackedRows::pack(rows.n_columns, &stored),
        coefficients: f64_table(kept),
        baseline: f32_table(baseline),
    })
}

/// Fits a linear machine to standardised numbers and one-hot categories.
///
/// # Errors
/// As [`fit_rbf`].
pub(crate) fn fit_linear(
    data: &Dataset,
    c: f64,
    positive_weight: f64,
) -> Result<Linear<'static>, SvmError> {
    let rows = DistinctRows::of(data);
    rows.check_size()?;
    check("c", c)?;
    check("positive_weight", positive_weight)?;
    let (encodings, encoded) = encoded_rows(data);
    let points = points(&rows, c, positive_weight);
    let groups: Vec<usize> = points
        .iter()
        .map(|(group, _)| rows.first_rows[*group])
        .collect();
    let kernel = DotProducts::new(&encoded, &groups);
    let solution = smo::solve(&kernel, points.iter().map(|(_, point)| *point).collect())?;
    let mut weights = vec![0.0; encoded.ncols()];
    for (row, multiplier) in groups.iter().zip(&solution.signed_multipliers) {
        if *multiplier != 0.0 {
            for (weight, x) in weights.iter_mut().zip(encoded.row(*row)) {
                *weight += multiplier * x;
            }
        }
    }
    Ok(encodings.linear(data, solution.bias, &weights))
}

/// The coefficient of each distinct row: its points' together.
fn of_groups(rows: &DistinctRows, points: &[(usize, Point)], solution: &Solution) -> Vec<f64> {
    let mut coefficients = vec![0.0; rows.len()];
    for ((group, _), multiplier) in points.iter().zip(&solution.signed_multipliers) {
        coefficients[*group] += multiplier;
    }
    coefficients
}

/// The most frequent category, the first of equally frequent ones.
fn most_frequent(data: &Dataset, column: usize, n_categories: usize) -> f32 {
    let mut counts = vec![0_usize; n_categories];
    for x in data.features().column(column) {
        if let Some(code) = picket_schema::Feature::category_code(n_categories, *x) {
            counts[code] += 1;
        }
    }
    let most = counts.iter().max().copied().unwrap_or(0);
    counts.iter().position(|count| *count == most).unwrap_or(0) as f32
}

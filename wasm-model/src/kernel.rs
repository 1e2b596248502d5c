//! The machine with radial basis functions: a weighted sum of closenesses to stored rows.

use picket_schema::artifact::{Kernel, ModelColumns};

use crate::row_distances::{ColumnMetric, Missing, RowDistances, metric};

/// The metric of a model.
pub(crate) fn metric_of(table: &Kernel<'_>, columns: &ModelColumns) -> Vec<ColumnMetric> {
    let missing = table.iter_fills().map(Missing::Filled);
    metric(columns, table.iter_scales(), missing)
}

/// How close a stored row is, 0 to 1.
pub(crate) fn closeness(table: &Kernel<'_>, squared_distance: f64) -> f64 {
    libm::exp(-(table.gamma * squared_distance))
}

/// Adds the terms of one model.
#[derive(Debug)]
pub(crate) struct KernelScorer<'m, 'a> {
    table: &'m Kernel<'a>,
    distances: RowDistances<'m>,
    /// Shape: `(n_rows,)`.
    coefficients: Vec<f64>,
}

impl<'m, 'a> KernelScorer<'m, 'a> {
    pub(crate) fn new(table: &'m Kernel<'a>, columns: &ModelColumns) -> Self {
        Self {
            table,
            distances: RowDistances::new(&table.rows, metric_of(table, columns)),
            coefficients: table.iter_coefficients().collect(),
        }
    }

    pub(crate) fn margin(&mut self, row: &[f32]) -> f64 {
        let Self {
            table,
            distances,
            coefficients,
        } = self;
        let mut margin = table.bias;
        distances.visit(row, |index, squared_distance| {
            margin += coefficients[index] * closeness(table, squared_distance);
            f64::INFINITY
        });
        margin
    }
}

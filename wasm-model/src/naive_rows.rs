//! The obvious way to ask stored rows: every distance is measured column by column.

use picket_schema::artifact::{IntTable, Kernel, ModelColumns, Neighbours, PackedRows};

use crate::neighbours::Ring;
use crate::row_distances::{ColumnMetric, squared_distance};
use crate::{kernel, neighbours};

/// The squared distance of a row to each stored row. Shape: `(n_rows,)`.
fn squared_distances(rows: &PackedRows<'_>, metric: &[ColumnMetric], row: &[f32]) -> Vec<f64> {
    let decoder = rows.decoder();
    let mut stored = vec![0.0; decoder.n_columns()];
    let distance = |index| {
        decoder.decode(rows, index, &mut stored);
        let (mut sum, mut n_present) = (0.0, 0);
        for ((column, x), stored) in metric.iter().zip(row).zip(&stored) {
            let term = column.term(*x, *stored);
            if !term.is_nan() {
                sum += term;
                n_present += 1;
            }
        }
        squared_distance(sum, n_present, row.len())
    };
    (0..rows.n_rows as usize).map(distance).collect()
}

/// The margin of a row. Shape of `row`: `(n_columns,)`.
pub(crate) fn neighbours_margin(
    table: &Neighbours<'_>,
    columns: &ModelColumns,
    row: &[f32],
) -> f64 {
    let distances = squared_distances(&table.rows, &neighbours::metric_of(table, columns), row);
    let mut order: Vec<usize> = (0..distances.len()).collect();
    order.sort_by(|a, b| distances[*a].total_cmp(&distances[*b]));
    let rings = order.chunk_by(|a, b| distances[*a] == distances[*b]);
    let rings = rings.map(|rows| {
        let sum = |table: &IntTable<'_>| {
            let numbers = rows.iter().map(|row| table.get(*row).unwrap_or(0));
            numbers.map(u64::from).sum()
        };
        Ring {
            squared_distance: distances[rows[0]],
            count: sum(&table.counts),
            positive: sum(&table.positives),
        }
    });
    let rings: Vec<Ring> = rings.collect();
    neighbours::share(table, &rings)
}

/// The margin of a row. Shape of `row`: `(n_columns,)`.
pub(crate) fn kernel_margin(table: &Kernel<'_>, columns: &ModelColumns, row: &[f32]) -> f64 {
    let distances = squared_distances(&table.rows, &kernel::metric_of(table, columns), row);
    let terms = table.iter_coefficients().zip(distances);
    terms.fold(table.bias, |sum, (coefficient, squared_distance)| {
        sum + coefficient * kernel::closeness(table, squared_distance)
    })
}

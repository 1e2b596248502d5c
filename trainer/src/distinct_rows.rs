//! The distinct rows of a data set, for models that keep rows.

use std::borrow::Cow;

use picket_schema::Feature;
use picket_schema::artifact::{ColumnKind, PackedRows};

use picket_schema::limits;

use crate::dataset::Dataset;
use crate::row_groups::RowGroups;

/// Why rows cannot be kept in a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowsError {
    /// There are more distinct rows and columns than a model may hold.
    #[error(
        "{n_rows} distinct rows of {n_columns} columns; a model holds at most {} rows and {} values",
        limits::MAX_PACKED_ROWS,
        limits::MAX_PACKED_VALUES
    )]
    TooLarge {
        /// How many distinct rows there are.
        n_rows: usize,
        /// How many columns they have.
        n_columns: usize,
    },
}

/// Rows with equal features taken together. Groups are in ascending order of their values, column by column, so
/// the order of the rows in a file makes no difference.
#[derive(Debug)]
pub(crate) struct DistinctRows {
    /// Row-major. Shape: `(n_groups, n_columns)`.
    pub(crate) values: Vec<f32>,
    pub(crate) n_columns: usize,
    /// The first row of each group. Shape: `(n_groups,)`.
    pub(crate) first_rows: Vec<usize>,
    /// How many rows there are in each group. Shape: `(n_groups,)`.
    pub(crate) counts: Vec<u32>,
    /// How many of them are positive. Shape: `(n_groups,)`.
    pub(crate) positives: Vec<u32>,
}

impl DistinctRows {
    /// Of all rows. Infinite numbers become the largest of their sign, and what is no category becomes missing: so
    /// scorers take them, and packed rows hold neither.
    pub(crate) fn of(data: &Dataset) -> Self {
        let columns = &data.columns().0;
        let groups = RowGroups::of(data);
        let mut rows: Vec<(Vec<f32>, &Vec<usize>)> = groups
            .rows()
            .iter()
            .map(|rows| {
                let values = data.row(rows[0]).iter().zip(columns);
                let values = values.map(|(x, column)| match column.kind {
                    ColumnKind::Categorical { n_categories } => {
                        Feature::category_code(n_categories, *x)
                            .map_or(f32::NAN, |code| code as f32)
                    }
                    ColumnKind::Numeric => x.clamp(f32::MIN, f32::MAX),
                });
                (values.collect(), rows)
            })
            .collect();
        rows.sort_by(|(a, _), (b, _)| {
            let order = a.iter().zip(b).map(|(x, y)| x.total_cmp(y));
            order.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
        });
        let positive = |rows: &[usize]| {
            let positive = rows.iter().filter(|row| data.labels()[**row]);
            positive.count() as u32
        };
        Self {
            n_columns: columns.len(),
            first_rows: rows.iter().map(|(_, rows)| rows[0]).collect(),
            counts: rows.iter().map(|(_, rows)| rows.len() as u32).collect(),
            positives: rows.iter().map(|(_, rows)| positive(rows)).collect(),
            values: rows.into_iter().flat_map(|(values, _)| values).collect(),
        }
    }

    /// How many distinct rows there are.
    pub(crate) fn len(&self) -> usize {
        self.counts.len()
    }

    /// Refuses more rows than a model may hold.
    pub(crate) fn check_size(&self) -> Result<(), RowsError> {
        let (n_rows, n_columns) = (self.len(), self.n_columns);
        let n_values = n_rows.saturating_mul(n_columns);
        if n_rows > limits::MAX_PACKED_ROWS || n_values > limits::MAX_PACKED_VALUES {
            return Err(RowsError::TooLarge { n_rows, n_columns });
        }
        Ok(())
    }

    /// One distinct row. Shape: `(n_columns,)`.
    pub(crate) fn row(&self, group: usize) -> &[f32] {
        &self.values[group * self.n_columns..][..self.n_columns]
    }

    /// The rows, packed.
    pub(crate) fn packed(&self) -> PackedRows<'static> {
        PackedRows::pack(self.n_columns, &self.values)
    }
}

/// For each column the mean of its numbers and their standard deviation, 1 where that is 0 and for categories.
/// Missing values do not count, infinite ones as the largest. Shape: `(n_columns,)`.
pub(crate) fn means_and_scales(data: &Dataset) -> Vec<(f64, f64)> {
    let columns = data.columns().0.iter().enumerate();
    let of_column = |(index, column): (usize, &picket_schema::artifact::ModelColumn)| {
        if column.kind != ColumnKind::Numeric {
            return (0.0, 1.0);
        }
        let values = data.features().column(index);
        let present: Vec<f64> = values
            .iter()
            .filter(|x| !x.is_nan())
            .map(|x| f64::from(x.clamp(f32::MIN, f32::MAX)))
            .collect();
        let n = present.len().max(1) as f64;
        let mean = present.iter().sum::<f64>() / n;
        let variance = present.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
        let scale = variance.sqrt();
        // What hardly differs is a constant that rounding moved.
        let is_constant = scale <= 1e-12 * mean.abs().max(1e-3);
        (mean, if is_constant { 1.0 } else { scale })
    };
    columns.map(of_column).collect()
}

/// Numbers as the format's tables hold them.
pub(crate) fn f64_table(numbers: impl IntoIterator<Item = f64>) -> Cow<'static, [u8]> {
    numbers.into_iter().flat_map(f64::to_le_bytes).collect()
}

/// As [`f64_table`].
pub(crate) fn f32_table(numbers: impl IntoIterator<Item = f32>) -> Cow<'static, [u8]> {
    numbers.into_iter().flat_map(f32::to_le_bytes).collect()
}

//! The `kernel` model: a support vector machine with the radial basis function for its kernel.

use std::borrow::Cow;

use serde::Serialize;

use super::error::ArtifactError;
use super::metric::{check_f32s, check_length, validate_scales};
use super::model_columns::ModelColumns;
use super::packed_rows::PackedRows;
use super::reader::Reader;
use crate::limits;

/// The `kernel` model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Kernel<'a> {
    /// What squared distances are multiplied by; positive.
    pub gamma: f64,
    /// What the margin starts from.
    pub bias: f64,
    /// What stands for a missing number, f32. Of a categorical column it means nothing. Shape: `(n_columns,)`.
    #[serde(with = "serde_bytes")]
    pub fills: Cow<'a, [u8]>,
    /// What a column's difference is divided by, f64. Shape: `(n_columns,)`.
    #[serde(with = "serde_bytes")]
    pub scales: Cow<'a, [u8]>,
    /// The support vectors. Shape: `(n_rows, n_columns)`.
    pub rows: PackedRows<'a>,
    /// The weight of each support vector, f64. Shape: `(n_rows,)`.
    #[serde(with = "serde_bytes")]
    pub coefficients: Cow<'a, [u8]>,
    /// The row that explanations are relative to, f32. Shape: `(n_columns,)`.
    #[serde(with = "serde_bytes")]
    pub baseline: Cow<'a, [u8]>,
}

impl<'a> Kernel<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Self {
        reader.map(7);
        Self {
            gamma: reader.key("gamma").f64(),
            bias: reader.key("bias").f64(),
            fills: reader.key("fills").table(),
            scales: reader.key("scales").table(),
            rows: PackedRows::read(reader.key("rows")),
            coefficients: reader.key("coefficients").table(),
            baseline: reader.key("baseline").table(),
        }
    }
}

impl Kernel<'_> {
    /// What stands for missing numbers. Shape: `(n_columns,)`.
    #[must_use]
    pub fn iter_fills(&self) -> impl ExactSizeIterator<Item = f32> + '_ {
        let fills = self.fills.as_chunks().0.iter();
        fills.map(|fill| f32::from_le_bytes(*fill))
    }

    /// What the differences of the columns are divided by. Shape: `(n_columns,)`.
    #[must_use]
    pub fn iter_scales(&self) -> impl ExactSizeIterator<Item = f64> + '_ {
        let scales = self.scales.as_chunks().0.iter();
        scales.map(|scale| f64::from_le_bytes(*scale))
    }

    /// The weights of the support vectors. Shape: `(n_rows,)`.
    #[must_use]
    pub fn iter_coefficients(&self) -> impl ExactSizeIterator<Item = f64> + '_ {
        let coefficients = self.coefficients.as_chunks().0.iter();
        coefficients.map(|coefficient| f64::from_le_bytes(*coefficient))
    }

    /// The row that explanations are relative to. Shape: `(n_columns,)`.
    #[must_use]
    pub fn iter_baseline(&self) -> impl ExactSizeIterator<Item = f32> + '_ {
        let baseline = self.baseline.as_chunks().0.iter();
        baseline.map(|x| f32::from_le_bytes(*x))
    }

    pub(super) fn validate(&self, columns: &ModelColumns) -> Result<(), ArtifactError> {
        let (n_columns, max) = (columns.len(), limits::MAX_COEFFICIENT);
        ArtifactError::check_range(format_args!("gamma"), self.gamma, max.recip(), max)?;
        ArtifactError::check_range(format_args!("bias"), self.bias, -max, max)?;
        validate_scales(&self.scales, n_columns)?;
        for (table, numbers) in [("fills", &self.fills), ("baseline", &self.baseline)] {
            check_length(table, numbers, 4, n_columns)?;
            check_f32s(table, numbers)?;
        }
        self.rows.validate(n_columns)?;
        check_length(
            "coefficients",
            &self.coefficients,
            8,
            self.rows.n_rows as usize,
        )?;
        for (row, coefficient) in self.iter_coefficients().enumerate() {
            let field = format_args!("coefficient of row {row}");
            ArtifactError::check_range(field, coefficient, -max, max)?;
        }
        Ok(())
    }
}

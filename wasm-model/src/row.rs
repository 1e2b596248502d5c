//! The shape check that every scoring entry makes.

use crate::model::Model;

/// Why rows cannot be scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// One row has the wrong number of values.
    #[error("the row has {found} values; the model expects {expected}")]
    RowLength {
        /// How many values there are.
        found: usize,
        /// The model's number of features.
        expected: usize,
    },
    /// A batch is not a whole number of rows.
    #[error(
        "the batch has {found} values; expected a multiple of the model's {n_features} features"
    )]
    BatchLength {
        /// How many values there are.
        found: usize,
        /// The model's number of features.
        n_features: usize,
    },
    /// The tables for explanations would take too much memory.
    #[error("the model's trees are too large to explain; scores are not affected")]
    Unexplainable,
}

pub(crate) fn check_row(model: &Model<'_>, row: &[f32]) -> Result<(), RowError> {
    let expected = model.n_features();
    if row.len() == expected {
        return Ok(());
    }
    Err(RowError::RowLength {
        found: row.len(),
        expected,
    })
}

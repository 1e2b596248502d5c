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
    /// The model's scores cannot be told apart into contributions.
    #[error("{0}; scores are not affected")]
    Unexplainable(Unexplainable),
}

/// Why a model has no exact explanations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unexplainable {
    /// The tables for explanations would take too much memory.
    #[error("the model's trees are too large to explain")]
    Trees,
    /// The quadrature would take too long.
    #[error("the model's machine has too many support vectors and columns to explain")]
    Kernel,
    /// Which rows are nearest depends on all columns at once.
    #[error(
        "the model asks the nearest training rows, and no fast method splits their answer exactly into contributions"
    )]
    Neighbours,
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

//! Why a transform cannot be fitted.

use picket_schema::limits;

/// Why a transform cannot be fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TransformError {
    /// Too many or no neighbours are asked.
    #[error("the imputer asks {found} neighbours; expected 1 to {max}", max = limits::MAX_NEIGHBOURS)]
    Neighbours {
        /// How many.
        found: u32,
    },
    /// The constant for missing values is not a number of the row's width.
    #[error("missing values are filled with {found}; expected a finite 32-bit number")]
    Constant {
        /// The constant.
        found: f64,
    },
    /// The target encoder's smoothing is no weight.
    #[error("the target encoder's smoothing is {found}; expected a finite number from 0 on")]
    Smoothing {
        /// The smoothing.
        found: f64,
    },
    /// The imputer's rows do not fit into an artifact.
    #[error(
        "the neighbours imputer would keep {found} distinct rows of {n_columns} columns; expected at most {max}"
    )]
    Rows {
        /// How many distinct rows there are.
        found: usize,
        /// Their columns.
        n_columns: usize,
        /// How many rows of so many columns fit.
        max: usize,
    },
    /// The encoded rows have too many columns.
    #[error("the transform would make {found} columns; expected at most {max}", max = limits::MAX_COLUMNS)]
    Columns {
        /// How many columns it would make.
        found: usize,
    },
}

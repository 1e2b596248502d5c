//! Labels of two classes, as linfa's data sets spell them.

use super::error::LearnError;

/// A label that says whether a row is of the positive class.
pub trait BinaryLabel: Copy {
    /// Whether the label of `row` is the positive class.
    ///
    /// # Errors
    /// When the label is of neither class.
    fn is_positive(self, row: usize) -> Result<bool, LearnError>;

    /// The label of a class.
    fn of_class(positive: bool) -> Self;
}

impl BinaryLabel for bool {
    fn is_positive(self, _row: usize) -> Result<bool, LearnError> {
        Ok(self)
    }

    fn of_class(positive: bool) -> Self {
        positive
    }
}

/// 1 is the positive class, 0 the negative one.
impl BinaryLabel for usize {
    fn is_positive(self, row: usize) -> Result<bool, LearnError> {
        match self {
            0 => Ok(false),
            1 => Ok(true),
            found => Err(LearnError::NotBinary { row, found }),
        }
    }

    fn of_class(positive: bool) -> Self {
        usize::from(positive)
    }
}

//! What can be wrong with a record.

/// Why bytes are no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// They are no JSON object, or a key is missing, unknown or there twice.
    #[error("no record: {reason}")]
    Malformed {
        /// What is wrong.
        reason: String,
    },
    /// A value is not as it should be.
    #[error("{field}: found {found:?}; expected {expected}")]
    Field {
        /// The key.
        field: &'static str,
        /// What was expected.
        expected: &'static str,
        /// What was found, in short.
        found: String,
    },
}

impl RecordError {
    /// What is wrong, in a word that can be counted by: the field's name, or `malformed`.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed",
            Self::Field { field, .. } => field,
        }
    }
}

//! Why records could not be read or changed. No message holds a password.

/// Why records could not be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordsError {
    /// An address that names no store.
    #[error("{found:?}: expected {expected}")]
    Address {
        /// What was given, without any secret in it.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
    /// The store did not do what it was asked.
    #[error("{place}: {operation} failed: {reason}")]
    Store {
        /// The folder, file or collection.
        place: String,
        /// What was tried.
        operation: &'static str,
        /// What the store said.
        reason: String,
    },
}

impl RecordsError {
    /// Whether the user can mend it.
    #[must_use]
    pub fn is_input_error(&self) -> bool {
        // A store that is down or refuses is for the user to mend too.
        matches!(self, Self::Address { .. } | Self::Store { .. })
    }
}

//! Why alerts cannot be kept or told. No message holds a secret.

/// Why alerts cannot be kept or told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AlertError {
    /// The rules' file is wrong.
    #[error("{file}: {reason}")]
    Rules {
        /// The file.
        file: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// The state's file is not one.
    #[error(
        "{file}: found {reason}; expected the state that this program wrote. Without the file alerts are raised anew"
    )]
    State {
        /// The file.
        file: String,
        /// What was found.
        reason: String,
    },
    /// A webhook that cannot be used.
    #[error("the webhook: {reason}")]
    Webhook {
        /// What is wrong.
        reason: String,
    },
}

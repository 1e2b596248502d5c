//! Where records go.

/// What became of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server has it, now or since an earlier try.
    Delivered,
    /// The server will never take it, for this reason.
    Rejected(String),
    /// It may be taken later.
    Later(String),
}

/// Why a whole batch was not taken. All but [`SinkError::TooLarge`] are tried again as they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// The server does not answer, or not in time, or breaks off.
    #[error("cannot reach the server: {reason}")]
    Unreachable {
        /// What happened.
        reason: String,
    },
    /// The server refuses to talk: a wrong token or certificate. Only people can mend it.
    #[error("the server does not let this device in: {reason}")]
    Unauthorized {
        /// What the server says.
        reason: String,
    },
    /// The batch is more than the server takes at a time.
    #[error("the server takes no batch so large: {reason}")]
    TooLarge {
        /// What the server says.
        reason: String,
    },
}

/// Takes records. A record comes again where its first try broke off: its id makes the second one the same.
pub trait RecordSink: Send {
    /// Delivers records, JSON objects with an `id`, and says what became of each.
    ///
    /// # Errors
    /// [`SinkError`], where nothing is known of any.
    fn deliver(&mut self, records: &[&[u8]]) -> Result<Vec<Outcome>, SinkError>;
}

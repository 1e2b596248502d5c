//! Why a poll did not bring the edge up to date.

use picket_schema::release::{LogError, ReleaseError};

use super::source::SourceError;
use super::state::StateError;

/// Why a poll did not bring the edge up to date. What was served goes on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// The source gave nothing.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// What the source gave is not to be trusted.
    #[error(transparent)]
    Refused(#[from] ReleaseError),
    /// The store's log is not to be trusted, or says otherwise.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The pointer is not what it should be.
    #[error("channels/champion.json: {reason}")]
    Pointer {
        /// What is wrong.
        reason: String,
    },
    /// The state cannot be kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// The models do not load or do not score.
    #[error("the release does not load: {reason}")]
    Load {
        /// What the scorer says.
        reason: String,
    },
}

impl SyncError {
    /// The cause as a short fixed name, for counters and logs.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Source(SourceError::TooLarge { .. }) => "too_large",
            Self::Source(SourceError::Absent { .. }) => "file_absent",
            Self::Source(_) => "source_failed",
            Self::Refused(error) => error.cause(),
            Self::Log(error) => error.cause(),
            Self::Pointer { .. } => "pointer_malformed",
            Self::State(_) => "state_failed",
            Self::Load { .. } => "load_failed",
        }
    }

    /// Whether the source is to blame and not the network: what it gave was refused.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Log(_) | Self::Pointer { .. } | Self::Load { .. } => true,
            Self::Source(error) => matches!(error, SourceError::TooLarge { .. }),
            Self::State(_) => false,
        }
    }
}

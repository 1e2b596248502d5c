//! That a node lives, and how full its spool is.

use serde::{Deserialize, Serialize};

use super::error::RecordError;
use super::prediction::ModelName;
use super::text::expect_count;

/// What a node's spool held when it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpoolState {
    /// Records that waited.
    pub pending: u64,
    /// Records that were dropped since the spool was made, for any reason.
    pub dropped: u64,
    /// Bytes that it took.
    pub bytes: u64,
    /// Bytes that it may take.
    pub max_bytes: u64,
}

/// That a node lives, written once a window whether or not anything was scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusRecord {
    /// This record's id: 32 hexadecimal digits.
    pub id: String,
    /// When, in milliseconds since 1970.
    pub time_ms: u64,
    /// The node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The model that answered last, where one has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelName>,
    /// The spool.
    pub spool: SpoolState,
}

impl StatusRecord {
    pub(super) fn check(&self) -> Result<(), RecordError> {
        if let Some(model) = &self.model {
            model.check()?;
        }
        expect_count(self.spool.pending, "spool.pending")?;
        expect_count(self.spool.dropped, "spool.dropped")?;
        expect_count(self.spool.bytes, "spool.bytes")?;
        expect_count(self.spool.max_bytes, "spool.max_bytes")
    }
}

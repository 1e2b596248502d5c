//! Which release is in use.

use serde::{Deserialize, Serialize};

use crate::publish::error::PublishError;

/// Where the champion's channel lies.
pub(super) const CHAMPION: &str = "channels/champion.json";

/// A name that points to a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// The release.
    pub release: u64,
    /// The digest of its artifact.
    pub artifact_digest: String,
    /// The digest of its manifest.
    pub manifest_digest: String,
    /// Since when (RFC 3339, UTC).
    pub since: String,
}

impl Channel {
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, PublishError> {
        serde_json::from_slice(bytes).map_err(|error| PublishError::Damaged {
            place: CHAMPION.to_owned(),
            found: error.to_string(),
            expected: "a channel".to_owned(),
        })
    }
}

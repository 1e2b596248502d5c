//! What must not be served any more.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::caps::{MAX_INTEGER, MAX_REVOKED};
use super::error::ReleaseError;
use super::hex::sha256_text;
use crate::digest::ArtifactDigest;

/// Artifacts by digest and releases by number that are withdrawn for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocations {
    artifacts: BTreeSet<Revoked>,
    releases: BTreeSet<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
struct Revoked(#[serde(with = "sha256_text")] ArtifactDigest);

impl Revocations {
    /// Withdraws an artifact, in whichever release it stands.
    pub fn revoke_artifact(&mut self, digest: ArtifactDigest) {
        self.artifacts.insert(Revoked(digest));
    }

    /// Withdraws a release.
    pub fn revoke_release(&mut self, number: u64) {
        self.releases.insert(number);
    }

    /// Whether nothing is withdrawn.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.artifacts.is_empty() && self.releases.is_empty()
    }

    /// Takes the revocations of another list in too.
    pub fn extend(&mut self, other: &Self) {
        self.artifacts.extend(&other.artifacts);
        self.releases.extend(&other.releases);
    }

    /// Whether a release with an artifact may be served.
    ///
    /// # Errors
    /// [`ReleaseError::Revoked`] names what is withdrawn.
    pub fn check(&self, number: u64, artifact: ArtifactDigest) -> Result<(), ReleaseError> {
        let found = if self.releases.contains(&number) {
            format!("release {number}")
        } else if self.artifacts.contains(&Revoked(artifact)) {
            format!("artifact {artifact}")
        } else {
            return Ok(());
        };
        Err(ReleaseError::Revoked { found })
    }

    pub(super) fn validate(&self, number: u64) -> Result<(), ReleaseError> {
        let n_revoked = self.artifacts.len().max(self.releases.len());
        if n_revoked > MAX_REVOKED {
            return Err(ReleaseError::OutOfRange {
                field: "revoked",
                expected: format!("at most {MAX_REVOKED} of a kind"),
                found: n_revoked.to_string(),
            });
        }
        let last = self.releases.last().copied().unwrap_or_default();
        if last >= number.min(MAX_INTEGER) && last > 0 {
            return Err(ReleaseError::OutOfRange {
                field: "revoked.releases",
                expected: format!("releases before {number}"),
                found: last.to_string(),
            });
        }
        Ok(())
    }
}

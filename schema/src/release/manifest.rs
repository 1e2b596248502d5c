//! What a release is.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::canonical;
use super::caps::{MAX_GOLDEN_ROWS, MAX_INTEGER, MAX_RUN_ID_BYTES, MAX_SCORER_BYTES};
use super::envelope::Envelope;
use super::error::{ReleaseError, out_of_range};
use super::golden_row::GoldenRow;
use super::hex::sha256_text;
use super::key::SigningKey;
use super::revocations::Revocations;
use crate::digest::{ArtifactDigest, SchemaDigest, sha256};
use crate::limits::{MAX_ARTIFACT_BYTES, MAX_FEATURES};

/// Identifies a manifest by the bytes that were signed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PayloadDigest(#[serde(with = "sha256_text")] pub [u8; 32]);

impl PayloadDigest {
    /// The digest of a payload.
    #[must_use]
    pub fn of(payload: &[u8]) -> Self {
        Self(sha256(payload))
    }
}

impl fmt::Display for PayloadDigest {
    /// Writes `sha256:` and 64 lower-case hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&sha256_text::text(self))
    }
}

impl fmt::Debug for PayloadDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Names an artifact's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArtifactRef {
    /// The digest of the file.
    #[serde(with = "sha256_text")]
    pub digest: ArtifactDigest,
    /// The digest of its schema.
    #[serde(with = "sha256_text")]
    pub schema_digest: SchemaDigest,
    /// Its size in bytes.
    pub size: u64,
}

/// A model that scores beside the champion and never answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenger {
    /// The file.
    pub artifact: ArtifactRef,
    /// Rows with the margins that it must give.
    pub golden: Vec<GoldenRow>,
    /// How many of a thousand rows it scores, 1 to 1000.
    pub traffic_per_mille: u64,
}

/// Names a scorer component's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScorerRef {
    /// The digest of the file.
    #[serde(with = "sha256_text")]
    pub digest: ArtifactDigest,
    /// Its size in bytes.
    pub size: u64,
}

/// What a release is: which files, in which order of releases, for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    // In the order of the keys of the canonical JSON.
    /// The champion's file: the model that answers.
    pub artifact: ArtifactRef,
    /// The model that scores a share of the traffic beside it.
    pub challenger: Option<Challenger>,
    /// The first second after its validity, since 1970.
    pub expires: u64,
    /// Rows with the margins that the champion must give.
    pub golden: Vec<GoldenRow>,
    /// The artifact format that a scorer must read.
    pub min_format: u64,
    /// The first second of its validity, since 1970.
    pub not_before: u64,
    /// The release that this one takes the place of.
    pub parent: Option<u64>,
    /// The release's number, from 1. A later release has a higher one, and a rollback is a later release.
    pub release: u64,
    /// What must not be served any more.
    pub revoked: Revocations,
    /// The training run that the champion comes from.
    pub run_id: Option<String>,
    /// The scorer component that goes with the models; without it the edge keeps its own.
    pub scorer: Option<ScorerRef>,
}

impl Manifest {
    /// The payload's type of a signed manifest.
    pub const PAYLOAD_TYPE: &str = "application/vnd.picket.release.v1+json";

    /// Reads a manifest in canonical form, without any trust in it.
    ///
    /// # Errors
    /// [`ReleaseError::PayloadMalformed`], [`ReleaseError::NotCanonical`] or [`ReleaseError::OutOfRange`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, ReleaseError> {
        let manifest: Self = canonical::read(bytes)?;
        manifest.validate()?;
        Ok(manifest)
    }

    /// The manifest in canonical form: what is signed.
    ///
    /// # Errors
    /// [`ReleaseError::OutOfRange`] for a field that no edge would take.
    pub fn to_json(&self) -> Result<Vec<u8>, ReleaseError> {
        self.validate()?;
        canonical::write(self)
    }

    /// Signs the manifest: the envelope's JSON.
    ///
    /// # Errors
    /// As [`Manifest::to_json`] and [`Envelope::to_json`].
    pub fn sign(&self, keys: &[&SigningKey]) -> Result<Vec<u8>, ReleaseError> {
        Envelope::signed(Self::PAYLOAD_TYPE, self.to_json()?, keys)
    }

    fn validate(&self) -> Result<(), ReleaseError> {
        let in_range = |field, found: u64, low: u64, high: u64| {
            if (low..=high).contains(&found) {
                return Ok(());
            }
            let expected = format!("{low} to {high}");
            Err(out_of_range(field, expected, found.to_string()))
        };
        let artifact = |field, artifact: &ArtifactRef| {
            in_range(field, artifact.size, 1, MAX_ARTIFACT_BYTES as u64)
        };
        let golden = |field, rows: &[GoldenRow]| {
            // Without a row nothing would tell that this edge scores as the signer's did.
            in_range(field, rows.len() as u64, 1, MAX_GOLDEN_ROWS as u64)?;
            let widest = rows.iter().map(|row| row.row.len() as u64).max();
            in_range(field, widest.unwrap_or_default(), 1, MAX_FEATURES as u64)
        };
        in_range("release", self.release, 1, MAX_INTEGER)?;
        in_range("not_before", self.not_before, 0, MAX_INTEGER - 1)?;
        in_range("expires", self.expires, self.not_before + 1, MAX_INTEGER)?;
        in_range("min_format", self.min_format, 1, 255)?;
        in_range(
            "parent",
            self.parent.unwrap_or_default(),
            0,
            self.release - 1,
        )?;
        artifact("artifact.size", &self.artifact)?;
        golden("golden", &self.golden)?;
        if let Some(challenger) = &self.challenger {
            artifact("challenger.artifact.size", &challenger.artifact)?;
            golden("challenger.golden", &challenger.golden)?;
            let share = challenger.traffic_per_mille;
            in_range("challenger.traffic_per_mille", share, 1, 1000)?;
            // Both score the same rows.
            if challenger.artifact.schema_digest != self.artifact.schema_digest {
                return Err(ReleaseError::Schema {
                    expected: self.artifact.schema_digest,
                    found: challenger.artifact.schema_digest,
                });
            }
        }
        if let Some(scorer) = &self.scorer {
            in_range("scorer.size", scorer.size, 1, MAX_SCORER_BYTES)?;
        }
        if let Some(run_id) = &self.run_id {
            let n_bytes = run_id.len() as u64;
            in_range("run_id", n_bytes, 1, MAX_RUN_ID_BYTES as u64)?;
            if !run_id.bytes().all(|byte| byte.is_ascii_graphic()) {
                let expected = "printable ASCII without spaces".to_owned();
                let found = format!("{run_id:?}");
                return Err(out_of_range("run_id", expected, found));
            }
        }
        self.revoked.validate(self.release)?;
        self.revoked.check(self.release, self.artifact.digest)?;
        match &self.challenger {
            Some(challenger) => self.revoked.check(self.release, challenger.artifact.digest),
            None => Ok(()),
        }
    }
}

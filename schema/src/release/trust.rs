//! Whether a release may be served: a pure function of what is offered and what is known.

use serde::{Deserialize, Serialize};

use super::envelope::Envelope;
use super::error::ReleaseError;
use super::golden_row::GoldenRow;
use super::key_set::KeySet;
use super::manifest::{ArtifactRef, Manifest, PayloadDigest};
use super::revocations::Revocations;
use crate::artifact::{Artifact, VERSION};
use crate::digest::{ArtifactDigest, SchemaDigest};

/// The newest release that was seen. It only ever rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HighWater {
    /// Its number.
    pub release: u64,
    /// Its manifest.
    pub payload: PayloadDigest,
}

/// What an edge knows when a release is offered to it.
#[derive(Clone, Copy, Debug)]
pub struct Trust<'k> {
    /// The keys that it trusts.
    pub keys: &'k KeySet,
    /// The time in seconds since 1970, or the latest time known to have been, where a clock went back.
    pub now: u64,
    /// The newest release that it has seen.
    pub high_water: Option<HighWater>,
    /// What it knows to be revoked.
    pub revoked: &'k Revocations,
    /// The schema that it must keep to; `None` takes the release's.
    pub schema: Option<SchemaDigest>,
}

/// A manifest that trusted keys have signed, that is valid now and no older than any seen before. Made
/// by [`Trust::manifest`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedManifest {
    manifest: Manifest,
    payload: PayloadDigest,
}

/// A verified manifest with its champion's bytes, which it fits. Made by [`VerifiedManifest::with_artifact`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRelease<'b> {
    manifest: VerifiedManifest,
    artifact: &'b [u8],
}

impl Trust<'_> {
    /// Verifies a release: envelope and champion. `number` is the one it was asked for by, if any.
    ///
    /// # Errors
    /// As [`Trust::manifest`] and [`VerifiedManifest::with_artifact`].
    pub fn release<'b>(
        &self,
        envelope: &[u8],
        number: Option<u64>,
        artifact: &'b [u8],
    ) -> Result<VerifiedRelease<'b>, ReleaseError> {
        self.manifest(envelope, number)?.with_artifact(artifact)
    }

    /// Verifies a release's envelope. `number` is the one it was asked for by, if any.
    ///
    /// Signatures come first: of a payload that nobody trusted has signed nothing else is read.
    ///
    /// # Errors
    /// The first [`ReleaseError`] that is found.
    pub fn manifest(
        &self,
        envelope: &[u8],
        number: Option<u64>,
    ) -> Result<VerifiedManifest, ReleaseError> {
        let envelope = Envelope::from_json(envelope)?;
        let payload = envelope.verify(Manifest::PAYLOAD_TYPE, self.keys)?;
        let digest = PayloadDigest::of(payload);
        let manifest = Manifest::from_json(payload)?;
        let found = manifest.release;
        if let Some(expected) = number.filter(|expected| *expected != found) {
            return Err(ReleaseError::WrongRelease { expected, found });
        }
        if let Some(seen) = self.high_water {
            if found < seen.release {
                let expected = seen.release;
                return Err(ReleaseError::RolledBack { expected, found });
            }
            if found == seen.release && digest != seen.payload {
                return Err(ReleaseError::Equivocation {
                    release: found,
                    expected: seen.payload,
                    found: digest,
                });
            }
        }
        if self.now < manifest.not_before {
            return Err(ReleaseError::NotYetValid {
                expected: manifest.not_before,
                found: self.now,
            });
        }
        if self.now >= manifest.expires {
            return Err(ReleaseError::Expired {
                expected: manifest.expires,
                found: self.now,
            });
        }
        if manifest.min_format > u64::from(VERSION) {
            return Err(ReleaseError::FormatTooNew {
                expected: u64::from(VERSION),
                found: manifest.min_format,
            });
        }
        self.revoked.check(found, manifest.artifact.digest)?;
        if let Some(challenger) = &manifest.challenger {
            self.revoked.check(found, challenger.artifact.digest)?;
        }
        let schema = manifest.artifact.schema_digest;
        if let Some(expected) = self.schema.filter(|expected| *expected != schema) {
            return Err(ReleaseError::Schema {
                expected,
                found: schema,
            });
        }
        Ok(VerifiedManifest {
            manifest,
            payload: digest,
        })
    }
}

impl VerifiedManifest {
    /// What was signed.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The mark that this release leaves.
    #[must_use]
    pub fn high_water(&self) -> HighWater {
        HighWater {
            release: self.manifest.release,
            payload: self.payload,
        }
    }

    /// Holds the champion's bytes against the manifest.
    ///
    /// # Errors
    /// [`ReleaseError::Size`], [`ReleaseError::Digest`], [`ReleaseError::Artifact`],
    /// [`ReleaseError::Schema`] or [`ReleaseError::GoldenShape`].
    pub fn with_artifact(self, bytes: &[u8]) -> Result<VerifiedRelease<'_>, ReleaseError> {
        check_artifact(
            "the champion",
            &self.manifest.artifact,
            &self.manifest.golden,
            bytes,
        )?;
        Ok(VerifiedRelease {
            manifest: self,
            artifact: bytes,
        })
    }

    /// Holds the challenger's bytes against the manifest, where it names one.
    ///
    /// # Errors
    /// As [`VerifiedManifest::with_artifact`].
    pub fn check_challenger(&self, bytes: &[u8]) -> Result<(), ReleaseError> {
        let challenger = self.manifest.challenger.as_ref();
        challenger.map_or(Ok(()), |challenger| {
            let file = "the challenger";
            check_artifact(file, &challenger.artifact, &challenger.golden, bytes)
        })
    }

    /// Holds the scorer component's bytes against the manifest, where it names one.
    ///
    /// # Errors
    /// [`ReleaseError::Size`] or [`ReleaseError::Digest`].
    pub fn check_scorer(&self, bytes: &[u8]) -> Result<(), ReleaseError> {
        let scorer = self.manifest.scorer.as_ref();
        scorer.map_or(Ok(()), |scorer| {
            check_file("the scorer", scorer.size, scorer.digest, bytes)
        })
    }
}

impl<'b> VerifiedRelease<'b> {
    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &VerifiedManifest {
        &self.manifest
    }

    /// The champion's bytes: a valid artifact.
    #[must_use]
    pub fn artifact(&self) -> &'b [u8] {
        self.artifact
    }
}

fn check_artifact(
    file: &'static str,
    expected: &ArtifactRef,
    golden: &[GoldenRow],
    bytes: &[u8],
) -> Result<(), ReleaseError> {
    check_file(file, expected.size, expected.digest, bytes)?;
    let artifact = Artifact::decode(bytes).map_err(|source| ReleaseError::Artifact { source })?;
    let schema_digest = artifact.schema.digest();
    if schema_digest != expected.schema_digest {
        return Err(ReleaseError::Schema {
            expected: expected.schema_digest,
            found: schema_digest,
        });
    }
    let n_features = artifact.schema.n_features();
    for (row_idx, row) in golden.iter().enumerate() {
        if row.row.len() != n_features {
            return Err(ReleaseError::GoldenShape {
                row_idx,
                expected: n_features,
                found: row.row.len(),
            });
        }
    }
    Ok(())
}

/// The size first: it costs nothing.
fn check_file(
    file: &'static str,
    size: u64,
    digest: ArtifactDigest,
    bytes: &[u8],
) -> Result<(), ReleaseError> {
    if bytes.len() as u64 != size {
        return Err(ReleaseError::Size {
            file,
            expected: size,
            found: bytes.len() as u64,
        });
    }
    let found = ArtifactDigest::of(bytes);
    if found != digest {
        return Err(ReleaseError::Digest {
            file,
            expected: digest,
            found,
        });
    }
    Ok(())
}

//! From models to a manifest.

use picket_schema::release::{ArtifactRef, Challenger, Envelope, Manifest, Revocations, ScorerRef};
use picket_schema::{ArtifactDigest, artifact};
use picket_wasm_model::OwnedModel;

use super::error::SigningError;
use super::golden::golden_rows;
use crate::error::TrainerError;

/// What a release is to be.
#[derive(Debug)]
pub struct ReleasePlan<'p> {
    /// The model that answers.
    pub champion: &'p OwnedModel,
    /// The model that scores beside it, with its share in rows of a thousand.
    pub challenger: Option<(&'p OwnedModel, u64)>,
    /// The scorer component that goes with them.
    pub scorer: Option<&'p [u8]>,
    /// The release's number; without it the one after the parent's, or 1.
    pub release: Option<u64>,
    /// The envelope of the release before: its revocations are carried on.
    pub parent: Option<&'p [u8]>,
    /// What is withdrawn from now on.
    pub revoked: Revocations,
    /// The first second of its validity, since 1970.
    pub not_before: u64,
    /// The first second after its validity, since 1970.
    pub expires: u64,
    /// The training run.
    pub run_id: Option<String>,
}

/// The manifest of a release.
///
/// # Errors
/// [`SigningError::Release`] where the parent cannot be read or no edge would take the manifest.
pub fn plan_release(plan: &ReleasePlan<'_>) -> Result<Manifest, TrainerError> {
    let parent = plan.parent.map(parent_manifest).transpose()?;
    let mut revoked = plan.revoked.clone();
    if let Some(parent) = &parent {
        revoked.extend(&parent.revoked);
    }
    let before = parent.as_ref().map(|parent| parent.release);
    let challenger = match plan.challenger {
        Some((model, traffic_per_mille)) => Some(Challenger {
            artifact: artifact_ref(model),
            golden: golden_rows(model.model())?,
            traffic_per_mille,
        }),
        None => None,
    };
    let manifest = Manifest {
        artifact: artifact_ref(plan.champion),
        challenger,
        expires: plan.expires,
        golden: golden_rows(plan.champion.model())?,
        min_format: u64::from(artifact::VERSION),
        not_before: plan.not_before,
        parent: before,
        release: plan
            .release
            .unwrap_or_else(|| before.unwrap_or_default() + 1),
        revoked,
        run_id: plan.run_id.clone(),
        scorer: plan.scorer.map(|bytes| ScorerRef {
            digest: ArtifactDigest::of(bytes),
            size: bytes.len() as u64,
        }),
    };
    // What no edge would take is not signed.
    manifest
        .to_json()
        .map_err(SigningError::of("the release"))?;
    Ok(manifest)
}

/// The parent is the signer's own file, so its content counts and its signatures do not.
fn parent_manifest(envelope: &[u8]) -> Result<Manifest, SigningError> {
    let envelope = Envelope::from_json(envelope).map_err(SigningError::of("the parent"))?;
    Manifest::from_json(envelope.unverified_payload()).map_err(SigningError::of("the parent"))
}

fn artifact_ref(model: &OwnedModel) -> ArtifactRef {
    ArtifactRef {
        digest: ArtifactDigest::of(model.bytes()),
        schema_digest: model.model().artifact().schema.digest(),
        size: model.bytes().len() as u64,
    }
}

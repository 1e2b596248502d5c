//! Releases that were read before: one never changes, so whoever looks again and again reads each once.

use std::collections::BTreeMap;
use std::sync::Arc;

use picket_schema::ArtifactDigest;
use picket_schema::limits::MAX_ARTIFACT_BYTES;
use picket_wasm_model::OwnedModel;

use crate::error::TrainerError;
use crate::monitor::known_models::load;
use crate::publish::{KnownManifests, Listed, ReleaseStore, Releases};

/// No signed release is larger.
const MAX_ENVELOPE_BYTES: u64 = picket_schema::release::caps::MAX_ENVELOPE_BYTES as u64;

/// Manifests and models of releases that were read before.
#[derive(Default)]
pub struct ReadReleases {
    manifests: KnownManifests,
    models: BTreeMap<u64, ReadRelease>,
}

/// The models of a release.
#[derive(Default)]
struct ReadRelease {
    /// The digest in its manifest.
    artifact_digest: String,
    champion: Option<Arc<OwnedModel>>,
    challenger: Option<(String, Arc<OwnedModel>)>,
    /// Whether it has been signed: a challenger comes with the signature or not at all.
    is_signed: bool,
}

impl std::fmt::Debug for ReadReleases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadReleases")
            .field("releases", &self.models.keys())
            .finish_non_exhaustive()
    }
}

impl ReadReleases {
    /// The releases of a store, ascending.
    pub(super) fn list(&mut self, store: &dyn ReleaseStore) -> Result<Vec<Listed>, TrainerError> {
        let listed = Releases::new(store).list_knowing(&mut self.manifests)?;
        let digests: BTreeMap<u64, &str> = listed
            .iter()
            .map(|it| (it.manifest.release, it.manifest.artifact.digest.as_str()))
            .collect();
        // Of a store that was made anew in the same place nothing is known.
        self.models
            .retain(|release, it| digests.get(release) == Some(&it.artifact_digest.as_str()));
        for (release, digest) in digests {
            let release = self.models.entry(release).or_default();
            digest.clone_into(&mut release.artifact_digest);
        }
        Ok(listed)
    }

    /// The models of chosen releases, each with its release and digest, a challenger before the model beside it. Those of
    /// other releases are forgotten.
    pub(super) fn models(
        &mut self,
        store: &dyn ReleaseStore,
        chosen: &[u64],
    ) -> Result<Vec<(u64, String, Arc<OwnedModel>)>, TrainerError> {
        self.models.retain(|release, _| chosen.contains(release));
        let mut models = Vec::new();
        for (number, release) in &mut self.models {
            release.read(store, *number)?;
            if let Some((digest, model)) = &release.challenger {
                models.push((*number, digest.clone(), Arc::clone(model)));
            }
            if let Some(model) = &release.champion {
                let digest = release.artifact_digest.clone();
                models.push((*number, digest, Arc::clone(model)));
            }
        }
        Ok(models)
    }
}

impl ReadRelease {
    /// Reads what has not been read yet.
    fn read(&mut self, store: &dyn ReleaseStore, number: u64) -> Result<(), TrainerError> {
        let name = |file: &str| format!("releases/{number}/{file}");
        let model = |file: &str| -> Result<Option<(String, Arc<OwnedModel>)>, TrainerError> {
            let name = name(file);
            let Some((bytes, _)) = store.read(&name, MAX_ARTIFACT_BYTES as u64)? else {
                return Ok(None);
            };
            let digest = ArtifactDigest::of(&bytes).to_string();
            Ok(Some((digest, Arc::new(load(bytes, &name)?))))
        };
        if !self.is_signed && self.challenger.is_none() {
            // Asked first: what comes between the two is found with the next look.
            let envelope = store.read(&name("release.dsse.json"), MAX_ENVELOPE_BYTES)?;
            self.challenger = model("challenger.picket")?;
            self.is_signed = envelope.is_some();
        }
        if self.champion.is_none() {
            // What is not as its manifest says is nobody's model.
            let found = model("model.picket")?;
            let found = found.filter(|(digest, _)| *digest == self.artifact_digest);
            self.champion = found.map(|(_, model)| model);
        }
        Ok(())
    }
}

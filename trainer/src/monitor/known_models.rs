//! Models whose files are at hand: their classes and references.

use std::collections::BTreeMap;
use std::sync::Arc;

use picket_schema::ArtifactDigest;
use picket_wasm_model::OwnedModel;

use crate::error::TrainerError;
use crate::monitor::read_releases::ReadReleases;
use crate::publish::ReleaseStore;

/// A model whose file is at hand.
pub struct KnownModel {
    /// The model.
    pub model: Arc<OwnedModel>,
    /// The newest release that holds it.
    pub release: Option<u64>,
    /// Whether that is the champion.
    pub is_champion: bool,
}

impl std::fmt::Debug for KnownModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KnownModel")
            .field("release", &self.release)
            .field("is_champion", &self.is_champion)
            .finish_non_exhaustive()
    }
}

/// Models by digest.
#[derive(Debug, Default)]
pub struct KnownModels {
    models: BTreeMap<String, KnownModel>,
    newest: Option<String>,
}

impl KnownModels {
    /// Takes a model from a file's bytes.
    ///
    /// # Errors
    /// [`TrainerError::Model`] for what is none.
    pub fn add(&mut self, bytes: Vec<u8>, file: &str) -> Result<(), TrainerError> {
        let digest = ArtifactDigest::of(&bytes).to_string();
        self.insert(digest, Arc::new(load(bytes, file)?), None, false);
        Ok(())
    }

    fn insert(
        &mut self,
        digest: String,
        model: Arc<OwnedModel>,
        release: Option<u64>,
        is_champion: bool,
    ) {
        let known = KnownModel {
            model,
            release,
            is_champion,
        };
        self.models.insert(digest.clone(), known);
        self.newest = Some(digest);
    }

    /// Takes the models of the newest `n_releases` of a store, and the challengers beside them.
    ///
    /// # Errors
    /// What the store says, and [`TrainerError::Model`] for an artifact that is none.
    pub fn add_releases(
        &mut self,
        store: &dyn ReleaseStore,
        n_releases: usize,
    ) -> Result<(), TrainerError> {
        self.add_releases_knowing(store, n_releases, &mut ReadReleases::default())
    }

    /// As [`Self::add_releases`], reading nothing that was read before.
    ///
    /// # Errors
    /// As [`Self::add_releases`].
    pub fn add_releases_knowing(
        &mut self,
        store: &dyn ReleaseStore,
        n_releases: usize,
        read: &mut ReadReleases,
    ) -> Result<(), TrainerError> {
        let listed = read.list(store)?;
        let start = listed.len().saturating_sub(n_releases);
        let champion = listed.iter().find(|it| it.is_champion);
        let champion_digest = champion.map(|it| it.manifest.artifact.digest.clone());
        // A champion that is older than those counts too.
        let older = listed[..start].iter().filter(|it| it.is_champion);
        let chosen: Vec<u64> = older
            .chain(&listed[start..])
            .map(|it| it.manifest.release)
            .collect();
        for (release, digest, model) in read.models(store, &chosen)? {
            let is_champion = champion_digest.as_ref() == Some(&digest);
            self.insert(digest, model, Some(release), is_champion);
        }
        if let Some(digest) = champion_digest.filter(|it| self.models.contains_key(it)) {
            self.newest = Some(digest);
        }
        Ok(())
    }

    /// The model of a digest.
    #[must_use]
    pub fn get(&self, digest: &str) -> Option<&KnownModel> {
        self.models.get(digest)
    }

    /// The champion, or else the model that was added last.
    #[must_use]
    pub fn newest(&self) -> Option<&KnownModel> {
        self.models.get(self.newest.as_ref()?)
    }

    /// The class names of a model: positive and negative; of the newest known one for a model that is not known.
    #[must_use]
    pub fn classes(&self, digest: &str) -> Option<(&str, &str)> {
        let known = self.get(digest).or_else(|| self.newest())?;
        let label = &known.model.model().artifact().schema.label;
        Some((&label.positive.name, &label.negative.name))
    }
}

/// Loads a model from a file's bytes.
pub(super) fn load(bytes: Vec<u8>, file: &str) -> Result<OwnedModel, TrainerError> {
    OwnedModel::load(bytes).map_err(|source| TrainerError::Model {
        file: file.to_owned(),
        source,
    })
}

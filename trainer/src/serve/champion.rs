//! The champion of the releases, loaded to score with.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use picket_service::{Assets, Limits, NoClock, Scoring, ScoringError, ServedModel, Service};
use picket_wasm_model::{Explanation, OwnedModel, Scored};

use crate::error::TrainerError;
use crate::publish::{Channel, KnownManifests, Listed, Package, Releases, open_store};
use crate::signing::{SignedStore, Signers};

/// How often the channel is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where releases are, and the champion as it was loaded last.
#[derive(Debug)]
pub struct Champion {
    releases: Option<String>,
    signers: Option<Signers>,
    loaded: Mutex<Loaded>,
    manifests: Mutex<KnownManifests>,
}

#[derive(Debug, Default)]
struct Loaded {
    digest: Option<String>,
    service: Option<Arc<Service>>,
    looked: Option<Instant>,
}

impl Champion {
    /// The champion of these releases: a directory, or `s3://bucket/prefix`.
    #[must_use]
    pub fn new(releases: Option<String>) -> Self {
        Self {
            releases,
            signers: None,
            loaded: Mutex::default(),
            manifests: Mutex::default(),
        }
    }

    /// The same, with keys that sign promotions and rollbacks.
    #[must_use]
    pub fn signing_with(self, signers: Option<Signers>) -> Self {
        Self { signers, ..self }
    }

    /// Who signs promotions and rollbacks, where somebody does.
    #[must_use]
    pub fn signers(&self) -> Option<&Signers> {
        self.signers.as_ref()
    }

    /// Makes a release the champion, as `trainer promote` does; `None` where there is no place for releases.
    ///
    /// # Errors
    /// As [`Signers::keys_for`] and [`SignedStore::promote`].
    pub fn promote(&self, release: u64) -> Result<Option<Channel>, TrainerError> {
        let Some(to) = &self.releases else {
            return Ok(None);
        };
        let store = SignedStore::open(to)?;
        let keys = self.signers.as_ref().map(|it| it.keys_for(store.store()));
        let channel = store.promote(release, &keys.transpose()?.unwrap_or_default())?;
        self.forget();
        Ok(Some(channel))
    }

    /// Goes back to a release, as `trainer rollback` does; `None` where there is no place for releases.
    ///
    /// # Errors
    /// As [`Signers::keys_for`] and [`SignedStore::rollback`].
    pub fn rollback(&self, release: u64, by: &Package) -> Result<Option<Channel>, TrainerError> {
        let Some(to) = &self.releases else {
            return Ok(None);
        };
        let store = SignedStore::open(to)?;
        let keys = self.signers.as_ref().map(|it| it.keys_for(store.store()));
        let keys = keys.transpose()?.unwrap_or_default();
        let days = self.signers.as_ref().map_or(1, Signers::valid_days);
        let (_, channel) = store.rollback(Some(release), by, &keys, days)?;
        self.forget();
        Ok(Some(channel))
    }

    /// Where releases are.
    #[must_use]
    pub fn releases(&self) -> Option<&str> {
        self.releases.as_deref()
    }

    /// All releases, ascending. Reads from the store what was not read before.
    ///
    /// # Errors
    /// A [`TrainerError`] where they cannot be read.
    pub fn list(&self) -> Result<Vec<Listed>, TrainerError> {
        let Some(to) = &self.releases else {
            return Ok(Vec::new());
        };
        let store = open_store(to)?;
        let known = self.manifests.lock();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        Ok(Releases::new(store.as_ref()).list_knowing(&mut known)?)
    }

    /// What answers with the champion; `None` where there is none. Reads from the store when it has not looked for a
    /// second.
    ///
    /// # Errors
    /// A [`TrainerError`] where the champion cannot be read.
    pub fn service(&self) -> Result<Option<Arc<Service>>, TrainerError> {
        let Some(to) = &self.releases else {
            return Ok(None);
        };
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return Ok(loaded.service.clone());
        }
        let store = open_store(to)?;
        let releases = Releases::new(store.as_ref());
        let digest = releases
            .champion()?
            .map(|(channel, _)| channel.artifact_digest);
        if digest != loaded.digest {
            let bytes = releases.champion_artifact()?;
            loaded.service = bytes.map(|bytes| serve(bytes, to)).transpose()?;
            loaded.digest = digest;
        }
        loaded.looked = Some(Instant::now());
        Ok(loaded.service.clone())
    }

    /// Looks again with the next request: the channel has changed.
    pub fn forget(&self) {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.looked = None;
    }
}

fn serve(bytes: Vec<u8>, to: &str) -> Result<Arc<Service>, TrainerError> {
    let wrong = |source| TrainerError::Model {
        file: format!("the champion of {to}"),
        source,
    };
    let model = ServedModel::decode(&Bytes::from(bytes.clone())).map_err(wrong)?;
    let scorer = Native(OwnedModel::load(bytes).map_err(wrong)?);
    let (assets, clock) = (Assets::new(), Box::new(NoClock));
    let service = Service::new(model, Box::new(scorer), assets, clock, Limits::default());
    Ok(Arc::new(service))
}

/// The scorer itself, in this process.
#[derive(Debug)]
struct Native(OwnedModel);

impl Scoring for Native {
    fn score(&self, rows: &[f32]) -> Result<Vec<Scored>, ScoringError> {
        self.0.model().score(rows)
    }

    fn explain(&self, row: &[f32]) -> Result<Explanation, ScoringError> {
        Scoring::explain(self.0.model(), row)
    }
}

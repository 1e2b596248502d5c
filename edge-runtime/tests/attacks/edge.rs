//! An edge and a release store to attack: real files, the real sync, and the native scorer.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use picket_edge_runtime::sync::{
    DirectorySource, LoadedModels, Outcome, ReleaseFiles, ReleaseHost, ReleaseSource, ReleaseSync,
    StateDir, SyncConfig, SyncError, SyncMetrics, check_golden,
};
use picket_schema::release::{
    ArtifactRef, Envelope, GoldenRow, KeySet, LogAction, LogEntry, Manifest, PayloadDigest,
    Revocations, SigningKey, Tombstones,
};
use picket_schema::{Artifact, ArtifactDigest};
use picket_wasm_model::{OwnedModel, Scorer};

use crate::fixture;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The time of every test, in seconds since 1970.
pub(crate) const NOW: u64 = 1_800_000_000;
/// How long a release is valid here.
pub(crate) const VALID: u64 = 30 * 86_400;
/// How long the edge serves what is not confirmed.
pub(crate) const STALE: u64 = 7 * 86_400;

/// The key of a seed.
pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

pub(crate) fn key_set(version: u64, threshold: usize, seeds: &[u8]) -> Result<KeySet> {
    let keys = seeds.iter().map(|seed| key(*seed).public()).collect();
    Ok(KeySet::new(version, threshold, keys)?)
}

/// The fixture's model with another name, so that releases differ.
pub(crate) fn model(schema: &str, name: &str) -> Result<Vec<u8>> {
    let bytes = fixture::artifact(schema)?;
    let mut artifact = Artifact::decode(&bytes)?;
    name.clone_into(&mut artifact.card.name);
    Ok(artifact.encode()?)
}

/// What a signer who means well writes for a model.
pub(crate) fn manifest(release: u64, model: &[u8]) -> Result<Manifest> {
    let owned = OwnedModel::load(model.to_vec())?;
    let n_features = owned.model().n_features();
    let row: Vec<f32> = (0..n_features).map(|idx| (idx % 3) as f32 - 1.0).collect();
    let scored = Scorer::new(owned.model()).score_batch(&row)?;
    Ok(Manifest {
        artifact: ArtifactRef {
            digest: ArtifactDigest::of(model),
            schema_digest: Artifact::schema_digest(model)?,
            size: model.len() as u64,
        },
        challenger: None,
        expires: NOW + VALID,
        golden: vec![GoldenRow::new(&row, scored[0].margin.0)],
        min_format: 1,
        not_before: NOW - 3600,
        parent: None,
        release,
        revoked: Revocations::default(),
        run_id: None,
        scorer: None,
    })
}

/// A release store in a directory.
pub(crate) struct Store {
    pub(crate) folder: PathBuf,
}

impl Store {
    pub(crate) fn put(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let place = self.folder.join(path);
        fs::create_dir_all(place.parent().ok_or("a folder")?)?;
        Ok(fs::write(place, bytes)?)
    }

    pub(crate) fn point_at(&self, release: u64) -> Result<()> {
        let pointer = format!("{{\"release\":{release}}}");
        self.put("channels/champion.json", pointer.as_bytes())
    }

    /// A release as it should be.
    pub(crate) fn publish(&self, release: u64) -> Result<Vec<u8>> {
        let model = model(fixture::PHISHING, &format!("model {release}"))?;
        self.publish_as(&manifest(release, &model)?, &model, &[&key(1)])?;
        Ok(model)
    }

    pub(crate) fn publish_as(
        &self,
        manifest: &Manifest,
        model: &[u8],
        keys: &[&SigningKey],
    ) -> Result<()> {
        let release = manifest.release;
        self.put(&format!("releases/{release}/model.picket"), model)?;
        self.put_envelope(release, &manifest.sign(keys)?)?;
        self.point_at(release)
    }

    /// The head of a log that was signed, entry `number`: `release` was promoted, as it lies in the store.
    pub(crate) fn log_head(
        &self,
        number: u64,
        release: u64,
        keys: &[&SigningKey],
    ) -> Result<Vec<u8>> {
        let place = self
            .folder
            .join(format!("releases/{release}/release.dsse.json"));
        let envelope = Envelope::from_json(&fs::read(place)?)?;
        let entry = LogEntry {
            action: LogAction::Promote,
            digest: ArtifactDigest([3; 32]),
            host: None,
            number,
            payload: Some(PayloadDigest::of(envelope.unverified_payload())),
            previous: (number > 1).then_some(PayloadDigest([4; 32])),
            release,
            time: "2026-01-01T00:00:00Z".to_owned(),
            user: None,
        };
        Ok(entry.sign(keys)?)
    }

    pub(crate) fn put_head(&self, head: &[u8]) -> Result<()> {
        self.put("log/head.dsse.json", head)
    }

    pub(crate) fn put_envelope(&self, release: u64, envelope: &[u8]) -> Result<()> {
        self.put(&format!("releases/{release}/release.dsse.json"), envelope)
    }

    pub(crate) fn source(&self) -> Box<dyn ReleaseSource> {
        Box::new(DirectorySource::new(self.folder.clone()))
    }
}

/// What the host does, for a test to look at.
#[derive(Default)]
pub(crate) struct Seen {
    /// The name of the model being served.
    pub(crate) served: Option<String>,
    pub(crate) withheld: Option<String>,
    /// The numbers of the lists of tombstones that were carried out.
    pub(crate) erased: Vec<u64>,
}

struct Host(Arc<Mutex<Seen>>);

struct Loaded(Arc<Mutex<Seen>>, String);

impl ReleaseHost for Host {
    fn load(&self, files: &ReleaseFiles) -> std::result::Result<Box<dyn LoadedModels>, SyncError> {
        let failed = |reason: String| SyncError::Load { reason };
        let model = OwnedModel::load(files.champion.clone());
        let model = model.map_err(|error| failed(error.to_string()))?;
        check_golden(model.model(), &files.manifest.golden)?;
        let name = model.model().artifact().card.name.clone();
        Ok(Box::new(Loaded(Arc::clone(&self.0), name)))
    }

    fn withhold(&self, reason: Option<&str>) {
        self.0.lock().expect("no test panics with it").withheld = reason.map(str::to_owned);
    }

    fn erase(&self, tombstones: &Tombstones) -> Option<std::result::Result<u64, String>> {
        let mut seen = self.0.lock().expect("no test panics with it");
        seen.erased.push(tombstones.version());
        Some(Ok(0))
    }
}

impl LoadedModels for Loaded {
    fn swap_in(self: Box<Self>) {
        self.0.lock().expect("no test panics with it").served = Some(self.1);
    }
}

/// A store and an edge that follows it.
pub(crate) struct Scene {
    pub(crate) store: Store,
    pub(crate) state: PathBuf,
    pub(crate) keys: KeySet,
    /// Whether the edge asks for a log from the start; counts from the next start on.
    pub(crate) require_log: bool,
    sync: Option<ReleaseSync>,
    seen: Arc<Mutex<Seen>>,
    _folder: tempfile::TempDir,
}

impl Scene {
    /// An edge that trusts key 1 and serves nothing yet.
    pub(crate) fn empty() -> Result<Self> {
        Self::trusting(key_set(1, 1, &[1])?)
    }

    pub(crate) fn trusting(keys: KeySet) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let state = folder.path().join("state");
        Self::with(folder, keys, state)
    }

    pub(crate) fn with(folder: tempfile::TempDir, keys: KeySet, state: PathBuf) -> Result<Self> {
        let store = Store {
            folder: folder.path().join("store"),
        };
        let mut scene = Self {
            store,
            state,
            keys,
            require_log: false,
            sync: None,
            seen: Arc::default(),
            _folder: folder,
        };
        scene.start(scene.store.source())?;
        Ok(scene)
    }

    /// An edge that serves a release.
    pub(crate) fn serving(release: u64) -> Result<Self> {
        let mut scene = Self::empty()?;
        scene.store.publish(release)?;
        assert_eq!(scene.poll(NOW)?, Outcome::Activated { release });
        scene.assert_serves(release);
        Ok(scene)
    }

    fn start(&mut self, source: Box<dyn ReleaseSource>) -> Result<()> {
        self.sync = None;
        let config = SyncConfig {
            keys: self.keys.clone(),
            max_staleness: Duration::from_secs(STALE),
            allow_schema_change: false,
            require_log: self.require_log,
        };
        let host = Box::new(Host(Arc::clone(&self.seen)));
        let folder = StateDir::open(&self.state)?;
        let metrics = Arc::new(SyncMetrics::default());
        self.sync = Some(ReleaseSync::new(config, source, host, folder, metrics)?);
        Ok(())
    }

    /// The process ends and another begins.
    pub(crate) fn restart(&mut self, now: u64) -> Result<Option<u64>> {
        self.restart_with(self.store.source(), now)
    }

    pub(crate) fn restart_with(
        &mut self,
        source: Box<dyn ReleaseSource>,
        now: u64,
    ) -> Result<Option<u64>> {
        *self.seen.lock().map_err(|_| "poisoned")? = Seen::default();
        self.start(source)?;
        Ok(self.sync()?.resume(now)?)
    }

    pub(crate) fn sync(&mut self) -> Result<&mut ReleaseSync> {
        self.sync.as_mut().ok_or_else(|| "not started".into())
    }

    pub(crate) fn poll(&mut self, now: u64) -> std::result::Result<Outcome, SyncError> {
        self.sync.as_mut().expect("started").poll(now)
    }

    /// Polls, and expects a refusal or failure with a cause; its words are given back.
    pub(crate) fn refuses(&mut self, cause: &str) -> String {
        self.refuses_at(NOW, cause)
    }

    pub(crate) fn refuses_at(&mut self, now: u64, cause: &str) -> String {
        match self.poll(now) {
            Ok(outcome) => panic!("expected {cause}, found {outcome:?}"),
            Err(error) => {
                assert_eq!(error.cause(), cause, "{error}");
                error.to_string()
            }
        }
    }

    pub(crate) fn assert_serves(&self, release: u64) {
        let seen = self.seen.lock().expect("no test panics with it");
        let expected = Some(format!("model {release}"));
        assert_eq!(seen.served, expected);
        assert_eq!(seen.withheld, None);
    }

    /// The lists of tombstones that were carried out since the start.
    pub(crate) fn erased(&self) -> Vec<u64> {
        let seen = self.seen.lock().expect("no test panics with it");
        seen.erased.clone()
    }

    pub(crate) fn assert_withholds(&self, reason: &str) {
        let seen = self.seen.lock().expect("no test panics with it");
        let found = seen.withheld.clone().unwrap_or_default();
        assert!(found.contains(reason), "{found:?}");
    }

    pub(crate) fn store_path(&self, path: &str) -> PathBuf {
        self.store.folder.join(path)
    }
}

/// The files below a folder, by name.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

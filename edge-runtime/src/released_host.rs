//! The host on releases: what the sync has verified is loaded into the component and served.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use picket_schema::limits::MAX_ARTIFACT_BYTES;
use picket_schema::record::ModelName;
use picket_schema::release::{KeySet, Tombstones};
use picket_service::{
    Assets, HostMetrics, IdSource, Limits, Recorder, Scoring, ServedModel, Service,
};

use crate::error::StartError;
use crate::gated_scoring::{Gate, GatedScoring};
use crate::host::{HostConfig, ModelLoader, decode_file, log_loaded, page_of, read_model};
use crate::live_service::LiveService;
use crate::monotonic::Monotonic;
use crate::record::RandomIds;
use crate::recording::{Recording, RecordingLink};
use crate::shadow::{Shadow, ShadowMetrics, ShadowScoring, ShadowShare};
use crate::sync::{
    LoadedModels, Poller, ReleaseFiles, ReleaseHost, ReleaseSource, ReleaseSync, StateDir,
    SyncConfig, SyncError, SyncMetrics, check_golden, unix_time,
};

/// The champion and the challenger of the moment, and of the moment before, while one takes the other's place.
const MODELS_AT_A_TIME: u32 = 4;

/// Where releases come from and how they are held.
#[derive(Clone, Debug)]
pub struct SyncOptions {
    /// The file with the key set that is trusted from the start.
    pub trusted_keys: PathBuf,
    /// Where marks and the last good release are kept.
    pub state_dir: PathBuf,
    /// How often the source is asked.
    pub interval: Duration,
    /// How long a release is served that the source does not confirm.
    pub max_staleness: Duration,
    /// Whether a release may have another schema than the one before.
    pub allow_schema_change: bool,
    /// Whether the source must have a signed log of promotions from the start.
    pub require_log: bool,
    /// A model to serve until there is a release. It is trusted as every file of the device is.
    pub fallback: Option<PathBuf>,
}

/// A host that follows releases for as long as this lives.
#[derive(Debug)]
pub struct Released {
    /// Answers, with whichever release is the one of the moment.
    pub service: LiveService,
    /// Asks the source.
    pub poller: Poller,
}

/// Serves the last good release or the source's newest, and follows the source. The model of `config` is not
/// looked at.
///
/// # Errors
/// A [`StartError`]; [`StartError::NoRelease`] where there is none and no fallback either.
pub fn start_released(
    config: &HostConfig,
    source: Box<dyn ReleaseSource>,
    options: &SyncOptions,
) -> Result<Released, StartError> {
    start_released_with(config, source, options, None)
}

/// As [`start_released`], with answers that are recorded where there is a recording.
///
/// # Errors
/// As [`start_released`], and where the system has no random numbers.
pub fn start_released_with(
    config: &HostConfig,
    source: Box<dyn ReleaseSource>,
    options: &SyncOptions,
    recording: Option<&Recording>,
) -> Result<Released, StartError> {
    let keys = read_keys(options)?;
    let host = Arc::new(Host {
        loader: ModelLoader::new(config, MAX_ARTIFACT_BYTES, MODELS_AT_A_TIME)?,
        assets: page_of(config)?,
        limits: config.limits,
        gate: Gate::default(),
        metrics: Arc::default(),
        ids: Arc::new(RandomIds::new().map_err(StartError::random)?),
        recorder: recording.map(Recording::recorder),
        link: recording.map(Recording::link),
        live: Mutex::default(),
    });
    let sync_config = SyncConfig {
        keys,
        max_staleness: options.max_staleness,
        allow_schema_change: options.allow_schema_change,
        require_log: options.require_log,
    };
    let folder = StateDir::open(&options.state_dir).map_err(SyncError::from);
    let folder = folder.map_err(StartError::ReleaseState)?;
    let counted = Arc::clone(&host.metrics.sync);
    let hosted = Box::new(Hosted(Arc::clone(&host)));
    let mut sync = ReleaseSync::new(sync_config, source, hosted, folder, counted)
        .map_err(StartError::ReleaseState)?;
    let resumed = sync.resume(unix_time());
    if let Err(error) = &resumed {
        let fields = [("reason", serde_json::json!(error.to_string()))];
        picket_telemetry::log("error", "release_not_resumed", &fields);
    }
    // Even where a release is served already: a revocation must not wait for the first interval.
    let polled = sync.poll(unix_time());
    if host.live().is_none() {
        match (&options.fallback, polled) {
            (Some(fallback), _) => {
                let bytes = read_model(fallback)?;
                let model = decode_file(fallback, &bytes)?;
                host.serve(model, Box::new(host.loader.pool(bytes, None)?));
            }
            (None, Err(error)) => return Err(StartError::NoRelease(error)),
            (None, Ok(_)) => {}
        }
    }
    let service = host.live().ok_or_else(|| {
        let reason = "nothing was loaded".to_owned();
        StartError::Load { reason }
    })?;
    log_loaded(service.current().model(), config, &host.assets);
    let poller =
        Poller::start(sync, options.interval).map_err(|source| StartError::Thread { source })?;
    Ok(Released { service, poller })
}

fn read_keys(options: &SyncOptions) -> Result<KeySet, StartError> {
    let wrong = |reason: String| StartError::TrustedKeys {
        path: options.trusted_keys.clone(),
        reason,
    };
    let bytes = std::fs::read(&options.trusted_keys).map_err(|error| wrong(error.to_string()))?;
    KeySet::from_trusted_json(&bytes).map_err(|error| wrong(error.to_string()))
}

/// What the host counts.
#[derive(Debug, Default)]
struct Metrics {
    sync: Arc<SyncMetrics>,
    shadow: Arc<ShadowMetrics>,
}

impl HostMetrics for Metrics {
    fn write(&self, page: &mut String) {
        self.sync.write(page);
        self.shadow.write(page);
    }
}

struct Host {
    loader: ModelLoader,
    assets: Assets,
    limits: Limits,
    gate: Gate,
    metrics: Arc<Metrics>,
    ids: Arc<RandomIds>,
    recorder: Option<Arc<dyn Recorder>>,
    link: Option<RecordingLink>,
    /// There is none before the first model.
    live: Mutex<Option<LiveService>>,
}

impl Host {
    fn live(&self) -> Option<LiveService> {
        self.live
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn serve(&self, model: ServedModel, scoring: Box<dyn Scoring>) {
        let gate = self.gate.clone();
        let scoring = Box::new(GatedScoring { gate, scoring });
        let mut place = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(live) = &*place {
            let service = live.current().with_model(model, scoring);
            live.replace(Arc::new(service));
            return;
        }
        let clock = Box::new(Monotonic::new());
        let assets = self.assets.clone();
        let metrics: Arc<dyn HostMetrics> = Arc::clone(&self.metrics) as _;
        let ids: Arc<dyn IdSource> = Arc::clone(&self.ids) as _;
        let mut service = Service::new(model, scoring, assets, clock, self.limits)
            .with_host_metrics(metrics)
            .with_ids(ids);
        if let Some(recorder) = &self.recorder {
            service = service.with_recorder(Arc::clone(recorder));
        }
        *place = Some(Arc::new(service).into());
    }
}

/// The host as the sync sees it.
struct Hosted(Arc<Host>);

/// Models whose golden rows are right.
struct Loaded {
    host: Arc<Host>,
    model: ServedModel,
    scoring: Box<dyn Scoring>,
    challenger: Option<String>,
    /// Looks at recorded answers, with the digest of the model whose they are.
    shadow: Option<(String, Shadow)>,
}

fn name_of(model: &ServedModel) -> ModelName {
    ModelName {
        version: model.version().to_owned(),
        digest: model.digest().to_owned(),
    }
}

impl ReleaseHost for Hosted {
    fn load(&self, files: &ReleaseFiles) -> Result<Box<dyn LoadedModels>, SyncError> {
        let host = &self.0;
        let failed = |reason: String| SyncError::Load { reason };
        let load = |bytes: &[u8]| {
            let bytes = Bytes::copy_from_slice(bytes);
            let model = ServedModel::decode(&bytes).map_err(|error| failed(error.to_string()))?;
            let pool = host
                .loader
                .pool(bytes, files.scorer.as_deref())
                .map_err(|error| failed(error.to_string()))?;
            Ok::<_, SyncError>((model, pool))
        };
        let (model, champion) = load(&files.champion)?;
        let envelope = Bytes::copy_from_slice(&files.envelope);
        let model = model.of_release(files.manifest.release, envelope);
        check_golden(&champion, &files.manifest.golden)?;
        let named = files.manifest.challenger.as_ref();
        let mut recorded = None;
        let (scoring, challenger): (Box<dyn Scoring>, _) = match (named, &files.challenger) {
            (Some(named), Some(bytes)) => {
                let (challenger, pool) = load(bytes)?;
                check_golden(&pool, &named.golden)?;
                let share = ShadowShare::new(files.shadow_key, named.traffic_per_mille);
                let metrics = Arc::clone(&host.metrics.shadow);
                let n_features = model.schema().n_features();
                let version = challenger.version();
                let beside: (Box<dyn Scoring>, _) = (Box::new(pool), version);
                let no_thread = |error: std::io::Error| failed(error.to_string());
                // Where answers are recorded, the challenger's are too, under the ids of the predictions.
                let link = host.link.as_ref().filter(|it| it.records_answers());
                let scoring: Box<dyn Scoring> = if let Some(link) = link {
                    let told = link.told(name_of(&model), name_of(&challenger));
                    let shadow = Shadow::start(beside, n_features, share, metrics, Some(told))
                        .map_err(no_thread)?;
                    recorded = Some((model.digest().to_owned(), shadow));
                    Box::new(champion)
                } else {
                    let shadow = ShadowScoring::new(champion, beside, n_features, share, metrics);
                    Box::new(shadow.map_err(no_thread)?)
                };
                (scoring, Some(version.to_owned()))
            }
            _ => (Box::new(champion), None),
        };
        Ok(Box::new(Loaded {
            host: Arc::clone(host),
            model,
            scoring,
            challenger,
            shadow: recorded,
        }))
    }

    fn withhold(&self, reason: Option<&str>) {
        self.0.gate.set(reason);
    }

    fn erase(&self, tombstones: &Tombstones) -> Option<Result<u64, String>> {
        let erased = self.0.link.as_ref()?.erase(tombstones)?;
        Some(erased.map_err(|error| error.to_string()))
    }
}

impl LoadedModels for Loaded {
    fn swap_in(self: Box<Self>) {
        self.host.metrics.shadow.start(self.challenger.as_deref());
        if let Some(link) = &self.host.link {
            link.set_shadow(self.shadow);
        }
        self.host.serve(self.model, self.scoring);
    }
}

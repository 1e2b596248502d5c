//! Putting the host together.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use picket_access::Outcome;
use picket_service::{Assets, Limits, ServedModel, Service};
use serde_json::json;

use crate::audit_trail::audit;
use crate::error::StartError;
use crate::monotonic::Monotonic;
use crate::page;
use crate::record::RandomIds;
use crate::recording::Recording;
use crate::scorer_engine::{EngineConfig, ScorerEngine};
use crate::scorer_instance::guest_memory;
use crate::scorer_pool::{PoolConfig, ScorerPool};
use picket_telemetry::log;

/// What the host serves, and with what.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// The model's file.
    pub model: PathBuf,
    /// The scorer component's file.
    pub component: PathBuf,
    /// The page's folder; without it the root lists the routes.
    pub www: Option<PathBuf>,
    /// Where compiled code is kept between runs; nowhere without it.
    pub cache_dir: Option<PathBuf>,
    /// What a request may cost.
    pub limits: Limits,
    /// The instances of the scorer.
    pub pool: PoolConfig,
}

/// Loads model, component and page.
///
/// # Errors
/// A [`StartError`] that names the file at fault.
pub fn start(config: &HostConfig) -> Result<Arc<Service>, StartError> {
    Ok(Arc::new(load(config)?))
}

/// As [`start`], with ids in all answers, which are recorded where there is a recording.
///
/// # Errors
/// As [`start`], and where the system has no random numbers.
pub fn start_with(
    config: &HostConfig,
    recording: Option<&Recording>,
) -> Result<Arc<Service>, StartError> {
    let ids = RandomIds::new().map_err(StartError::random)?;
    let service = load(config)?.with_ids(Arc::new(ids));
    Ok(Arc::new(match recording {
        Some(recording) => service.with_recorder(recording.recorder()),
        None => service,
    }))
}

fn load(config: &HostConfig) -> Result<Service, StartError> {
    let bytes = read_model(&config.model)?;
    // Before the component is looked for: the model's own faults come first.
    let model = decode_file(&config.model, &bytes)?;
    let pool = ModelLoader::new(config, bytes.len(), 1)?.pool(bytes, None)?;
    let assets = page_of(config)?;
    log_loaded(&model, config, &assets);
    let clock = Box::new(Monotonic::new());
    Ok(Service::new(
        model,
        Box::new(pool),
        assets,
        clock,
        config.limits,
    ))
}

pub(crate) fn page_of(config: &HostConfig) -> Result<Assets, StartError> {
    match &config.www {
        Some(folder) => page::read(folder),
        None => Ok(Assets::new()),
    }
}

pub(crate) fn log_loaded(model: &ServedModel, config: &HostConfig, assets: &Assets) {
    let details = [
        ("version", model.version().to_owned()),
        ("artifact", model.digest().to_string()),
    ];
    // Where it cannot be written down, the log says so.
    let _ = audit("server", "model.load", Outcome::Done, &details);
    log(
        "info",
        "loaded",
        &[
            ("model_version", json!(model.version())),
            ("artifact_digest", json!(model.digest())),
            ("n_instances", json!(config.pool.n_instances)),
            ("n_page_files", json!(assets.len())),
        ],
    );
}

pub(crate) fn read_model(path: &Path) -> Result<Bytes, StartError> {
    let bytes = std::fs::read(path).map_err(|source| StartError::ModelUnreadable {
        path: path.to_owned(),
        source,
    })?;
    Ok(Bytes::from(bytes))
}

/// Decodes a model that was read from a file.
pub(crate) fn decode_file(path: &Path, bytes: &Bytes) -> Result<ServedModel, StartError> {
    ServedModel::decode(bytes).map_err(|source| StartError::ModelInvalid {
        path: path.to_owned(),
        source,
    })
}

/// Loads models into instances of the scorer component.
#[derive(Debug)]
pub(crate) struct ModelLoader {
    engine: Arc<ScorerEngine>,
    engine_config: EngineConfig,
    pool: PoolConfig,
}

impl ModelLoader {
    /// Compiles the component, with room for models of so many bytes, so many of them at a time.
    pub(crate) fn new(
        config: &HostConfig,
        artifact_bytes: usize,
        n_models: u32,
    ) -> Result<Self, StartError> {
        let component =
            std::fs::read(&config.component).map_err(|source| StartError::ComponentUnreadable {
                path: config.component.clone(),
                source,
            })?;
        let n_instances = config.pool.n_instances.max(1) as u32;
        let engine_config = EngineConfig {
            max_instances: n_instances.saturating_mul(n_models),
            max_memory: guest_memory(artifact_bytes),
            cache_dir: config.cache_dir.clone(),
        };
        let engine = Arc::new(ScorerEngine::new(&component, &engine_config)?);
        Ok(Self {
            engine,
            engine_config,
            pool: config.pool,
        })
    }

    /// Instances with a model loaded, of the component given or the host's own.
    pub(crate) fn pool(
        &self,
        artifact: Bytes,
        component: Option<&[u8]>,
    ) -> Result<ScorerPool, StartError> {
        let engine = match component {
            Some(component) => Arc::new(ScorerEngine::new(component, &self.engine_config)?),
            None => Arc::clone(&self.engine),
        };
        ScorerPool::new(engine, artifact, self.pool)
    }
}

/// Where compiled code is kept by default: a folder of the user's own.
#[must_use]
pub fn default_cache_dir() -> Option<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(caches.join("picket"))
}

/// Where the scorer component is by default: beside the program, else where the build leaves it.
#[must_use]
pub fn default_component() -> PathBuf {
    const NAME: &str = "picket-scorer.wasm";
    let program = std::env::current_exe().ok();
    let folder = program.as_deref().and_then(Path::parent);
    // `target/release/edge-runtime` and `target/wasm/picket-scorer.wasm`.
    let places = [
        folder.map(|folder| folder.join(NAME)),
        folder.map(|folder| folder.join("../wasm").join(NAME)),
    ];
    let built = Path::new("target/wasm").join(NAME);
    places
        .into_iter()
        .flatten()
        .find(|path| path.is_file())
        .unwrap_or(built)
}

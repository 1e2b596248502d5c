//! The scorer component, compiled once and kept.

use std::path::PathBuf;
use std::time::Duration;

use wasmtime::component::{Component, Linker};
use wasmtime::{
    Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig,
};

use crate::error::StartError;
use crate::scorer_instance::Guest;
use crate::scorer_instance::bindings::ScorerComponentPre;

/// How often the clock that stops runaway calls ticks.
pub(crate) const TICK: Duration = Duration::from_millis(20);

/// What an engine makes room for.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// The most instances at a time.
    pub max_instances: u32,
    /// The most memory of an instance in bytes.
    pub max_memory: usize,
    /// Where compiled code is kept between runs; nowhere without it.
    pub cache_dir: Option<PathBuf>,
}

/// The compiled scorer component.
pub struct ScorerEngine {
    pub(crate) engine: Engine,
    pub(crate) pre: ScorerComponentPre<Guest>,
    pub(crate) max_memory: usize,
}

impl std::fmt::Debug for ScorerEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScorerEngine")
            .field("max_memory", &self.max_memory)
            .finish_non_exhaustive()
    }
}

impl ScorerEngine {
    /// Compiles a component, or takes what an earlier run compiled.
    ///
    /// # Errors
    /// [`StartError::Engine`] where wasmtime does not run, [`StartError::ComponentInvalid`] for
    /// bytes that are not a scorer component, or one that imports anything.
    pub fn new(component: &[u8], config: &EngineConfig) -> Result<Self, StartError> {
        let engine_error = |error: wasmtime::Error| StartError::Engine {
            reason: format!("{error:#}"),
        };
        let mut settings = Config::new();
        settings
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(config)))
            .epoch_interruption(true)
            // The scorer never waits: calls need not be able to.
            .concurrency_support(false)
            .cache(cache(config)?);
        let engine = Engine::new(&settings).map_err(engine_error)?;
        tick(&engine).map_err(|error| StartError::Engine {
            reason: error.to_string(),
        })?;
        let invalid = |error: wasmtime::Error| StartError::ComponentInvalid {
            reason: format!("{error:#}"),
        };
        let component = Component::from_binary(&engine, component).map_err(invalid)?;
        // An empty linker: a component that asks for anything is not the scorer.
        let linker = Linker::new(&engine);
        let pre = linker.instantiate_pre(&component).map_err(invalid)?;
        let pre = ScorerComponentPre::new(pre).map_err(invalid)?;
        Ok(Self {
            engine,
            pre,
            max_memory: config.max_memory,
        })
    }
}

fn pool(config: &EngineConfig) -> PoolingAllocationConfig {
    // One more: a new instance may be made while the one it replaces is being dropped.
    let count = config.max_instances.saturating_add(1);
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(count)
        .total_core_instances(count.saturating_mul(4))
        .total_memories(count)
        .total_tables(count.saturating_mul(4))
        .max_memory_size(config.max_memory);
    pool
}

fn cache(config: &EngineConfig) -> Result<Option<Cache>, StartError> {
    let Some(folder) = &config.cache_dir else {
        return Ok(None);
    };
    let mut settings = CacheConfig::new();
    settings.with_directory(folder);
    let cache = Cache::new(settings);
    cache.map(Some).map_err(|error| StartError::Engine {
        reason: format!("{error:#}"),
    })
}

/// Lets time pass for the engine's deadlines, for as long as the engine lives.
pub(crate) fn tick(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    let ticker = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    };
    std::thread::Builder::new()
        .name("epoch".into())
        .stack_size(64 << 10)
        .spawn(ticker)
        .map(drop)
}

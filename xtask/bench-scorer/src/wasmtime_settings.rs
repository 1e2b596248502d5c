//! wasmtime as edge-runtime sets it up: pooled instances, and code that a clock can stop.

use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Result, Store,
};

/// More than any bench needs: edge-runtime's default is of the same order.
const MAX_MEMORY: usize = 256 << 20;

/// An engine with edge-runtime's settings. Its clock never ticks: nothing here runs away.
pub(crate) fn engine() -> Result<Engine> {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(2)
        .total_core_instances(8)
        .total_memories(2)
        .total_tables(8)
        .max_memory_size(MAX_MEMORY);
    let mut settings = Config::new();
    settings
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .epoch_interruption(true);
    Engine::new(&settings)
}

/// A store whose deadline never comes.
pub(crate) fn store(engine: &Engine) -> Store<()> {
    let mut store = Store::new(engine, ());
    store.set_epoch_deadline(u64::MAX / 2);
    store
}

/// The version of wasmtime, from the workspace's lock file.
pub(crate) fn version() -> String {
    let lock = include_str!("../../../Cargo.lock");
    let entry = lock.split("name = \"wasmtime\"\nversion = \"").nth(1);
    let version = entry.and_then(|rest| rest.split('"').next());
    format!("wasmtime {}", version.unwrap_or("of unknown version"))
}

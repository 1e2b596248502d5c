//! The device host: the HTTP API in front of the scorer component, which runs under wasmtime.
//!
//! A request walks through it in one direction: [`Server`] reads it, the service checks its rows,
//! the [`ScorerPool`] scores them in an instance of the component, the service writes the answer.

mod body_budget;
mod collector;
mod error;
#[cfg(test)]
#[path = "../service/tests/fixture/mod.rs"]
#[expect(dead_code, reason = "the tests here need one of its schemas")]
mod fixture;
mod host;
mod log_line;
mod monotonic;
mod page;
pub mod record;
mod recording;
mod scorer_engine;
mod scorer_instance;
mod scorer_pool;
mod server;
pub mod spool;
pub mod upload;

pub use collector::Collector;
pub use error::StartError;
pub use host::{HostConfig, default_cache_dir, default_component, start, start_with};
pub use recording::{Recording, RecordingConfig, UploadConfig, mongo_sink};
pub use scorer_engine::{EngineConfig, ScorerEngine};
pub use scorer_pool::{PoolConfig, ScorerPool};
pub use server::Server;

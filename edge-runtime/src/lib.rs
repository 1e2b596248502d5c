//! The device host: the HTTP API in front of the scorer component, which runs under wasmtime.
//!
//! A request walks through it in one direction: [`Server`] reads it, the service checks its rows,
//! the [`ScorerPool`] scores them in an instance of the component, the service writes the answer.
//! [`sync`] keeps the model on the newest release that is signed and sound.

mod address_places;
mod audit_trail;
mod body_budget;
mod collected_batch;
mod collector;
mod connections;
mod doors;
mod error;
#[cfg(test)]
mod exposition_test;
mod file_stamp;
#[cfg(test)]
#[path = "../service/tests/fixture/mod.rs"]
#[expect(dead_code, reason = "the tests here need one of its schemas")]
mod fixture;
mod gated_scoring;
mod host;
mod live_service;
mod monotonic;
mod page;
pub mod record;
mod recording;
mod released_host;
mod request_log;
mod scorer_engine;
mod scorer_instance;
mod scorer_pool;
mod server;
mod shadow;
mod spin_up;
pub mod spool;
pub mod sync;
mod tls;
mod trusted_roots;
pub mod upload;
mod write_limit;

pub use audit_trail::{audit, start_audit};
pub use collector::{Collector, CollectorOptions};
pub use connections::ConnectionLimits;
pub use doors::{AllowedOrigins, Doors};
pub use error::StartError;
pub use host::{HostConfig, default_cache_dir, default_component, start, start_with};
pub use live_service::LiveService;
pub use recording::{Recording, RecordingConfig, UploadConfig, mongo_sink};
pub use released_host::{Released, SyncOptions, start_released, start_released_with};
pub use request_log::LoggedRequests;
pub use scorer_engine::{EngineConfig, ScorerEngine};
pub use scorer_pool::{PoolConfig, ScorerPool};
pub use server::{Server, ServerOptions};
pub use shadow::{ShadowMetrics, ShadowScoring, ShadowShare};
pub use spin_up::{SpinConfig, SpinUp};
pub use tls::TlsFiles;
pub use trusted_roots::TrustedRoots;

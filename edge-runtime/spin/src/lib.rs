//! The Spin component: the HTTP API and the scorer in one.
//!
//! What it keeps is in Spin's key-value store: records until a collector has them, and signed releases. All that
//! decides is here for every target, over the trait [`KeyValue`]; what calls a host is for WebAssembly alone. Without
//! the feature `spin` it is a component that keeps nothing and runs wherever `wasi:http` does.

#[cfg(target_arch = "wasm32")]
mod bundle;
#[cfg(target_arch = "wasm32")]
mod bundled;
pub mod challenger;
#[cfg(all(target_arch = "wasm32", feature = "spin"))]
mod component;
pub mod delivery;
#[cfg(target_arch = "wasm32")]
mod exchange;
#[cfg(test)]
#[path = "../../service/tests/fixture/mod.rs"]
mod fixture;
pub mod key_sets;
pub mod key_value;
#[cfg(all(target_arch = "wasm32", feature = "spin"))]
mod live;
#[cfg(test)]
mod memory_store;
#[cfg(all(target_arch = "wasm32", not(feature = "spin")))]
mod plain;
pub mod record;
pub mod release_blob;
pub mod release_store;
pub mod settings;
#[cfg(all(target_arch = "wasm32", feature = "spin"))]
mod spin;
pub mod state_metrics;
pub mod token;
pub mod window;

pub use key_value::{KeyValue, StoreError};

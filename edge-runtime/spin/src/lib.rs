//! The Spin component: the HTTP API and the scorer in one.
//!
//! What it keeps is in Spin's key-value store: records until a collector has them, and signed releases. All that
//! decides is here for every target, over the trait [`KeyValue`]; what calls Spin is for WebAssembly alone.

#[cfg(target_arch = "wasm32")]
mod bundle;
#[cfg(target_arch = "wasm32")]
mod component;
pub mod delivery;
pub mod key_value;
#[cfg(target_arch = "wasm32")]
mod live;
#[cfg(test)]
mod memory_store;
pub mod record;
pub mod release_blob;
pub mod release_store;
pub mod settings;
#[cfg(target_arch = "wasm32")]
mod spin;
pub mod state_metrics;
pub mod token;

pub use key_value::{KeyValue, StoreError};

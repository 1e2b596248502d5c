//! What the benches time: the scorer over rows in memory. The same code natively and, as a core
//! module, in wasmtime, node and Chromium, so that a host's calls do not count into a row's time.

#[cfg(target_family = "wasm")]
mod exports;
mod runner;

pub use runner::{Mode, N_EXPLAINED, Runner};

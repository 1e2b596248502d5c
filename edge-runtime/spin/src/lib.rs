//! The Spin component: the HTTP API and the scorer in one. Empty on targets other than WebAssembly.

#[cfg(target_arch = "wasm32")]
mod bundle;
#[cfg(target_arch = "wasm32")]
mod component;

//! A host for the Spin component: what Spin gives it, without Spin.
//!
//! It serves the one HTTP component of a `spin.toml`: `wasi:http` 0.3 in and out, `spin:key-value` on this disk,
//! `spin:variables` from the environment. Instances are reused or not, as told. It is no replacement for Spin: one
//! component, one key-value backend, HTTP alone.

mod front;
mod guest;
mod instance;
mod instances;
mod key_value;
mod key_value_folder;
mod manifest;
mod outbound;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Cache, CacheConfig, Config, Engine};
use wasmtime_wasi_http::p3::bindings::ServicePre;

use crate::error::StartError;
use guest::{Given, Guest};
use instances::Workshop;
use key_value_folder::KeyValueFolder;
use manifest::SpinManifest;

/// How the host runs a component.
#[derive(Clone, Debug)]
pub struct SpinConfig {
    /// The `spin.toml`.
    pub manifest: PathBuf,
    /// Where key-value stores are kept; this host's alone.
    pub state_dir: PathBuf,
    /// Values of the application's variables, before those of the environment.
    pub variables: BTreeMap<String, String>,
    /// How many requests an instance answers before it is thrown away; 1 for a new one each time.
    pub reuse: usize,
    /// How many requests an instance answers at the same time.
    pub concurrent: usize,
    /// How many requests the host lets in at the same time; further ones wait.
    pub max_requests: usize,
    /// How long a request may take.
    pub timeout: Duration,
    /// The most memory of an instance in bytes.
    pub max_memory: usize,
    /// The most bytes in the key-value stores.
    pub max_state: u64,
    /// Where compiled code is kept between runs; nowhere without it.
    pub cache_dir: Option<PathBuf>,
}

impl Default for SpinConfig {
    /// `spin.toml` and `.spin-state` of the current folder; 10,000 requests an instance, 16 at a time, 64 in all; 30 s;
    /// 256 MiB an instance; 1 GiB on the disk.
    fn default() -> Self {
        Self {
            manifest: PathBuf::from("spin.toml"),
            state_dir: PathBuf::from(".spin-state"),
            variables: BTreeMap::new(),
            reuse: 10_000,
            concurrent: 16,
            max_requests: 64,
            timeout: Duration::from_secs(30),
            max_memory: 256 << 20,
            max_state: 1 << 30,
            cache_dir: None,
        }
    }
}

/// A component that is ready to serve.
pub struct SpinUp {
    workshop: Arc<Workshop>,
    max_requests: usize,
}

impl std::fmt::Debug for SpinUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SpinUp")
    }
}

impl SpinUp {
    /// Reads the manifest, opens the stores and compiles the component.
    ///
    /// # Errors
    /// [`StartError::Spin`] for a manifest or a component that this host does not run, or a state that is in use.
    pub fn new(config: &SpinConfig) -> Result<Self, StartError> {
        let manifest = SpinManifest::read(&config.manifest)?;
        let environment = |name: &str| std::env::var(name).ok();
        let variables = manifest.variables(&config.variables, environment)?;
        let outbound = manifest.outbound(&variables)?;
        let component = std::fs::read(manifest.source()).map_err(|error| StartError::Spin {
            reason: format!("cannot read {}: {error}", manifest.source().display()),
        })?;
        let mut stores = BTreeMap::new();
        for label in manifest.key_value_stores() {
            let folder = config.state_dir.join(label);
            let store = KeyValueFolder::open(&folder, config.max_state);
            let store = store.map_err(|error| StartError::Spin {
                reason: format!("cannot keep the store {}: {error}", folder.display()),
            })?;
            stores.insert(label.to_owned(), Arc::new(store));
        }
        let given = Arc::new(Given {
            variables: manifest.of_component(&variables)?,
            environment: manifest.environment().clone(),
            stores,
            outbound,
            max_memory: config.max_memory,
        });
        let (engine, pre) = compile(&component, config).map_err(|error| StartError::Spin {
            reason: format!("the component does not run here: {error:#}"),
        })?;
        let workshop = Workshop::new(engine, pre, given, config);
        let workshop = workshop.map_err(|error| StartError::Spin {
            reason: error.to_string(),
        })?;
        Ok(Self {
            workshop: Arc::new(workshop),
            max_requests: config.max_requests.max(1),
        })
    }

    /// Listens and serves until `stop` is ready. `listening` gets the address.
    ///
    /// # Errors
    /// [`StartError::Listen`], such as for a port that is in use.
    pub async fn serve(
        self,
        address: SocketAddr,
        listening: impl FnOnce(SocketAddr),
        stop: impl Future<Output = ()>,
    ) -> Result<(), StartError> {
        front::serve(self.workshop, self.max_requests, address, listening, stop).await
    }
}

fn compile(component: &[u8], config: &SpinConfig) -> wasmtime::Result<(Engine, ServicePre<Guest>)> {
    let mut settings = Config::new();
    settings
        .wasm_component_model_async(true)
        .epoch_interruption(true);
    if let Some(folder) = &config.cache_dir {
        let mut cache = CacheConfig::new();
        cache.with_directory(folder);
        settings.cache(Some(Cache::new(cache)?));
    }
    let engine = Engine::new(&settings)?;
    let component = Component::from_binary(&engine, component)?;
    let mut linker: Linker<Guest> = Linker::new(&engine);
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    key_value::bindings::SpinImports::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |it| it)?;
    let pre = ServicePre::new(linker.instantiate_pre(&component)?)?;
    Ok((engine, pre))
}

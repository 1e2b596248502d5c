//! What an instance's store holds: what the host gives it, and its limits.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime::{StoreLimits, StoreLimitsBuilder};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::key_value_folder::KeyValueFolder;
use super::outbound::{AllowedHosts, Outbound};

/// What every instance is given.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) variables: BTreeMap<String, String>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) stores: BTreeMap<String, Arc<KeyValueFolder>>,
    pub(super) outbound: AllowedHosts,
    pub(super) max_memory: usize,
}

/// What an instance's store holds.
pub(super) struct Guest {
    pub(super) table: ResourceTable,
    /// Key-value stores that are open.
    pub(super) n_open: usize,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Outbound,
    pub(super) limits: StoreLimits,
    pub(super) given: Arc<Given>,
}

impl Guest {
    /// No files, no sockets, no arguments: the environment and the hosts of the manifest.
    pub(super) fn new(given: &Arc<Given>) -> Self {
        let mut wasi = WasiCtxBuilder::new();
        for (name, value) in &given.environment {
            wasi.env(name, value);
        }
        Self {
            table: ResourceTable::new(),
            n_open: 0,
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            hooks: Outbound(given.outbound.clone()),
            limits: StoreLimitsBuilder::new()
                .memory_size(given.max_memory)
                .memories(8)
                .tables(16)
                .instances(64)
                .build(),
            given: Arc::clone(given),
        }
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.hooks,
        }
    }
}

//! The Spin component behind the same HTTP. Instances are kept for many requests, as Spin keeps them.
//!
//! wasmtime's own `ProxyHandler` was tried first and stands still under load: after one answer on each
//! connection no more come, with no thread busy. So requests are handed to the instances here.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::sync::{mpsc, oneshot};
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceTable, ResourceType};
use wasmtime::{
    Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p3::bindings::{Service, ServicePre};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use crate::front;

/// Requests that may stand in line before an instance.
const WAITING: usize = 64;

type Sent = Result<
    (
        Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

/// Lets no request out.
struct NoOutbound;

impl WasiHttpHooks for NoOutbound {
    fn send_request(
        &mut self,
        _request: Request<WasiBody>,
        _options: Option<RequestOptions>,
        _done: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        Box::new(async { Err(Error::HttpRequestDenied) })
    }
}

/// What an instance's store holds.
struct Guest {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: NoOutbound,
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

/// Defines Spin's interfaces as traps: a component that calls one of them ends.
fn without_spin(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let mut key_value = linker.instance("spin:key-value/key-value@3.0.0")?;
    key_value.resource("store", ResourceType::host::<()>(), |_, _| Ok(()))?;
    for name in [
        "[static]store.open",
        "[method]store.get",
        "[method]store.set",
        "[method]store.delete",
        "[method]store.exists",
        "[method]store.get-keys",
    ] {
        trap(&mut key_value, name)?;
    }
    trap(
        &mut linker.instance("spin:variables/variables@3.0.0")?,
        "get",
    )
}

fn trap(interface: &mut LinkerInstance<'_, Guest>, name: &'static str) -> wasmtime::Result<()> {
    interface.func_new_concurrent(name, move |_, _, _, _| {
        Box::pin(async move { wasmtime::bail!("{name} of Spin is called") })
    })
}

/// A request on its way to an instance, and where its answer goes.
struct Errand {
    request: Request<Bytes>,
    answer: oneshot::Sender<wasmtime::Result<Response<Bytes>>>,
}

/// An instance of the component, kept for as long as the host runs.
struct Instance {
    store: Store<Guest>,
    service: Service,
}

/// Serves until the process is ended.
///
/// # Errors
/// That the component cannot be read, does not run, or the address cannot be listened on.
pub(crate) fn run(address: SocketAddr, component: &Path) -> Result<()> {
    let bytes = std::fs::read(component).with_context(|| component.display().to_string())?;
    front::run(async {
        let instances = instances(&bytes)
            .await
            .map_err(|error| anyhow::anyhow!("{error:#}"))?;
        let next = Arc::new(AtomicUsize::new(0));
        let service = service_fn(move |request: Request<Incoming>| {
            let instance_idx = next.fetch_add(1, Ordering::Relaxed) % instances.len();
            let instance = instances[instance_idx].clone();
            async move { Ok::<_, Infallible>(answer(&instance, request).await) }
        });
        front::serve(address, service).await
    })
}

/// As many instances as there are threads, each in a task of its own: the scorer never waits, so a second
/// request in the same instance would only stand in line.
async fn instances(component: &[u8]) -> wasmtime::Result<Arc<[mpsc::Sender<Errand>]>> {
    let n_instances = front::n_threads() as u32;
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(n_instances)
        .total_core_instances(4 * n_instances)
        .total_memories(n_instances)
        .total_tables(4 * n_instances)
        .total_stacks(4 * n_instances)
        .max_memory_size(64 << 20);
    let mut config = Config::new();
    config
        .wasm_component_model_async(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .cache(Some(Cache::new(CacheConfig::new())?));
    let engine = Engine::new(&config)?;
    let component = Component::from_binary(&engine, component)?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    // Without Spin the component calls none of its interfaces.
    without_spin(&mut linker)?;
    let pre = ServicePre::new(linker.instantiate_pre(&component)?)?;
    let mut senders = Vec::new();
    for _ in 0..n_instances {
        let guest = Guest {
            table: ResourceTable::new(),
            wasi: WasiCtx::builder().build(),
            http: WasiHttpCtx::new(),
            hooks: NoOutbound,
        };
        let mut store = Store::new(&engine, guest);
        let service = pre.instantiate_async(&mut store).await?;
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(Instance { store, service }.run(receiver));
        senders.push(sender);
    }
    Ok(senders.into())
}

impl Instance {
    async fn run(mut self, mut errands: mpsc::Receiver<Errand>) {
        while let Some(Errand { request, answer }) = errands.recv().await {
            let answered = self.handle(request).await;
            // After an error the instance's state is unknown; a bench has no use for going on.
            let failed = answered.is_err();
            let _ = answer.send(answered);
            if failed {
                return;
            }
        }
    }

    async fn handle(&mut self, request: Request<Bytes>) -> wasmtime::Result<Response<Bytes>> {
        let request = request.map(Full::new);
        let (request, sending) =
            wasmtime_wasi_http::p3::Request::from_http(&mut self.store.data_mut().hooks, request);
        let service = &self.service;
        self.store
            .run_concurrent(async |store| {
                let response = service.handle(store, request).await??;
                let response = store.with(|store| response.into_http(store, sending))?;
                let (head, body) = response.into_parts();
                let body = body.collect().await?;
                wasmtime::error::Ok(Response::from_parts(head, body.to_bytes()))
            })
            .await?
    }
}

async fn answer(
    instance: &mpsc::Sender<Errand>,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    handed_on(instance, request).await.unwrap_or_else(|error| {
        eprintln!("a request failed: {error:#}");
        let mut response = Response::new(Full::from("the component failed\n"));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

async fn handed_on(
    instance: &mpsc::Sender<Errand>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let request = Request::from_parts(head, body);
    let (answer, answered) = oneshot::channel();
    instance.send(Errand { request, answer }).await?;
    let response = answered
        .await?
        .map_err(|error| anyhow::anyhow!("{error:#}"))?;
    Ok(response.map(Full::new))
}

//! The Spin component behind the same HTTP: wasmtime's own handler for such components, which keeps
//! instances for many requests as Spin does.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task;
use std::time::Instant;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::sync::Semaphore;
use wasmtime::component::{Component, GuestTaskId, Linker, ResourceTable};
use wasmtime::{
    Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
    StoreContextMut,
};
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, ProxyHandler, ProxyPre, ShouldAccept, WorkerExpiration, WorkerState,
    WorkerStatus,
};
use wasmtime_wasi_http::p3::bindings::ServicePre;
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use crate::front::{self, Answer};

/// Instances at a time, as many as the device host keeps.
const N_INSTANCES: u32 = 2;

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
    http: WasiHttpCtx,
    hooks: NoOutbound,
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

/// Makes instances.
struct Maker {
    engine: Engine,
    pre: ServicePre<Guest>,
}

/// An instance is kept for as long as the host runs.
struct Forever;

impl WorkerExpiration for Forever {
    fn poll(
        self: Pin<&mut Self>,
        _context: &mut task::Context<'_>,
        _status: WorkerStatus,
        _start: Instant,
    ) -> task::Poll<()> {
        task::Poll::Pending
    }
}

impl WorkerState for Forever {
    type StoreData = Guest;
    type RequestData = ();

    fn should_accept_request(&self, concurrent: usize, _total: usize) -> ShouldAccept {
        // The scorer never waits: a second request in the same instance would only stand in line.
        if concurrent == 0 {
            ShouldAccept::Yes
        } else {
            ShouldAccept::No
        }
    }

    fn on_request_start(
        &self,
        _store: StoreContextMut<'_, Guest>,
        (): (),
        _task: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        Box::pin(pending())
    }

    fn drop(&self, _store: Store<Guest>, result: Result<(), wasmtime::Error>) {
        if let Err(error) = result {
            eprintln!("an instance ended: {error:#}");
        }
    }
}

impl HandlerState for Maker {
    type StoreData = Guest;
    type WorkerExpiration = Forever;
    type WorkerState = Forever;

    async fn instantiate(&self) -> wasmtime::Result<Instance<Guest, Forever, Forever>> {
        let guest = Guest {
            table: ResourceTable::new(),
            http: WasiHttpCtx::new(),
            hooks: NoOutbound,
        };
        let mut store = Store::new(&self.engine, guest);
        let proxy = ProxyPre::P3(self.pre.clone())
            .instantiate_async(&mut store)
            .await?;
        Ok(Instance {
            store,
            proxy,
            view: Guest::http,
            expiration: Forever,
            state: Forever,
        })
    }
}

/// Serves until the process is ended.
///
/// # Errors
/// That the component cannot be read, does not run, or the address cannot be listened on.
pub(crate) fn run(address: SocketAddr, component: &Path) -> Result<()> {
    let bytes = std::fs::read(component).with_context(|| component.display().to_string())?;
    let maker = maker(&bytes).map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let handler = ProxyHandler::new(maker);
    // More requests at a time would make more instances.
    let turns = Arc::new(Semaphore::new(N_INSTANCES as usize));
    let service = service_fn(move |request: Request<Incoming>| {
        let (handler, turns) = (handler.clone(), Arc::clone(&turns));
        async move { Ok::<_, Infallible>(answer(&handler, &turns, request).await) }
    });
    front::run(front::serve(address, service))
}

fn maker(component: &[u8]) -> wasmtime::Result<Maker> {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(N_INSTANCES)
        .total_core_instances(4 * N_INSTANCES)
        .total_memories(N_INSTANCES)
        .total_tables(4 * N_INSTANCES)
        .max_memory_size(64 << 20);
    let mut config = Config::new();
    config
        .wasm_component_model_async(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .cache(Some(Cache::new(CacheConfig::new())?));
    let engine = Engine::new(&config)?;
    let component = Component::from_binary(&engine, component)?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    let pre = ServicePre::new(linker.instantiate_pre(&component)?)?;
    Ok(Maker { engine, pre })
}

async fn answer(
    handler: &ProxyHandler<Maker>,
    turns: &Semaphore,
    request: Request<Incoming>,
) -> Answer<Error> {
    let request = request.map(|body| body.map_err(Error::from).boxed_unsync());
    let turn = turns.acquire().await;
    let answered = handler.handle((), request).await;
    drop(turn);
    answered.unwrap_or_else(|error| {
        eprintln!("a request failed: {error:#}");
        let body = Full::new(Bytes::from_static(b"the component failed\n"));
        let mut response = Response::new(body.map_err(Error::from).boxed_unsync());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

//! A component with the API under wasmtime alone, without Spin: one instance, many requests. The Spin component imports
//! Spin's interfaces and gets some whose every call is a trap; the plain one gets none.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceTable, ResourceType};
use wasmtime::error::Context as _;
use wasmtime::{Config, Engine, Result, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p3::Request;
use wasmtime_wasi_http::p3::bindings::Service;
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

type Sent = Result<
    (
        http::Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

/// Lets no request out.
struct NoOutbound;

impl WasiHttpHooks for NoOutbound {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        _options: Option<RequestOptions>,
        _done: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        panic!("the component sends a request to {}", request.uri());
    }
}

struct Host {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: NoOutbound,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Host {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.hooks,
        }
    }
}

/// Defines Spin's interfaces as traps: a component that calls one of them ends.
fn without_spin(linker: &mut Linker<Host>) -> Result<()> {
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

fn trap(interface: &mut LinkerInstance<'_, Host>, name: &'static str) -> Result<()> {
    interface.func_new_concurrent(name, move |_, _, _, _| {
        Box::pin(async move { wasmtime::bail!("{name} of Spin is called") })
    })
}

/// The interfaces that a component imports, by their names.
pub(crate) fn imports(component: &[u8]) -> Result<Vec<String>> {
    let mut config = Config::new();
    config.wasm_component_model_async(true);
    let engine = Engine::new(&config)?;
    let component = Component::from_binary(&engine, component)?;
    let kind = component.component_type();
    Ok(kind
        .imports(&engine)
        .map(|(name, _)| name.to_owned())
        .collect())
}

/// An instance of the component.
pub(crate) struct SpinHost {
    store: Store<Host>,
    service: Service,
}

impl SpinHost {
    /// Instantiates the Spin component; HTTP and WASI are all that it may call.
    pub(crate) async fn new(component: &[u8]) -> Result<Self> {
        Self::instantiate(component, without_spin).await
    }

    /// Instantiates a component with HTTP and WASI alone.
    pub(crate) async fn plain(component: &[u8]) -> Result<Self> {
        Self::instantiate(component, |_| Ok(())).await
    }

    async fn instantiate(
        component: &[u8],
        define: impl FnOnce(&mut Linker<Host>) -> Result<()>,
    ) -> Result<Self> {
        let mut config = Config::new();
        config.wasm_component_model_async(true);
        let engine = Engine::new(&config)?;
        let component = Component::from_binary(&engine, component)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p3::add_to_linker(&mut linker)?;
        wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
        define(&mut linker)?;
        let (table, http) = (ResourceTable::new(), WasiHttpCtx::new());
        let mut store = Store::new(
            &engine,
            Host {
                table,
                wasi: WasiCtx::builder().build(),
                http,
                hooks: NoOutbound,
            },
        );
        let service = Service::instantiate_async(&mut store, &component, &linker).await?;
        Ok(Self { store, service })
    }

    /// Sends a request to the instance.
    pub(crate) async fn send(
        &mut self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>> {
        let request = request.map(Full::new);
        let (request, io) = Request::from_http(&mut self.store.data_mut().hooks, request);
        let service = &self.service;
        self.store
            .run_concurrent(async |store| {
                let answering = async {
                    let response = service.handle(store, request).await??;
                    let response =
                        store.with(|store| response.into_http(store, async { Ok(()) }))?;
                    let (head, body) = response.into_parts();
                    let body = body.collect().await.context("reading the answer's body")?;
                    wasmtime::error::Ok(http::Response::from_parts(head, body.to_bytes()))
                };
                let sending = async { io.await.context("sending the request's body") };
                let (response, ()) = tokio::try_join!(answering, sending)?;
                wasmtime::error::Ok(response)
            })
            .await?
    }
}

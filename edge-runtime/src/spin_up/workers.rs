//! Instances at work: how long they live, how many requests they take, what happens to those that fail.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::{Sleep, sleep, sleep_until};
use wasmtime::component::GuestTaskId;
use wasmtime::{Engine, Store, StoreContextMut};
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, Proxy, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::p3::bindings::ServicePre;

use super::SpinConfig;
use super::guest::{Given, Guest};
use crate::scorer_engine::{TICK, tick};
use picket_telemetry::log;

/// How long an instance without work is kept.
const IDLE: Duration = Duration::from_secs(30);
/// How long an instance may go on after its last answer, such as to deliver records.
const AFTERWARDS: Duration = Duration::from_secs(30);
/// What an instance that does not let others run is given beyond the request's time.
const GRACE: Duration = Duration::from_millis(500);

/// Makes instances.
pub(super) struct Workers {
    engine: Engine,
    pre: ServicePre<Guest>,
    given: Arc<Given>,
    limits: RequestLimits,
}

/// What an instance is held to.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestLimits {
    reuse: usize,
    concurrent: usize,
    timeout: Duration,
}

impl Workers {
    pub(super) fn new(
        engine: Engine,
        pre: ServicePre<Guest>,
        given: Arc<Given>,
        config: &SpinConfig,
    ) -> std::io::Result<Self> {
        tick(&engine)?;
        Ok(Self {
            engine,
            pre,
            given,
            limits: RequestLimits {
                reuse: config.reuse.max(1),
                concurrent: config.concurrent.max(1),
                timeout: config.timeout.max(TICK),
            },
        })
    }
}

impl HandlerState for Workers {
    type StoreData = Guest;
    type WorkerExpiration = Expiration;
    type WorkerState = RequestLimits;

    async fn instantiate(&self) -> wasmtime::Result<Instance<Guest, Expiration, RequestLimits>> {
        let mut store = Store::new(&self.engine, Guest::new(&self.given));
        store.limiter(|guest| &mut guest.limits);
        // Whoever computes lets the others run at every tick; the time that a request may take is measured outside.
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let service = self.pre.instantiate_async(&mut store);
        let service = tokio::time::timeout(self.limits.timeout, service).await??;
        Ok(Instance {
            store,
            proxy: Proxy::P3(service),
            view: Guest::http,
            expiration: Expiration {
                timeout: self.limits.timeout + GRACE,
                wake: Box::pin(sleep(IDLE)),
            },
            state: self.limits,
        })
    }
}

/// Says when an instance has had its time.
pub(super) struct Expiration {
    timeout: Duration,
    wake: Pin<Box<Sleep>>,
}

impl WorkerExpiration for Expiration {
    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        status: WorkerStatus,
        start: Instant,
    ) -> Poll<()> {
        let time = match status {
            WorkerStatus::Idle => IDLE,
            WorkerStatus::Requests => self.timeout,
            WorkerStatus::PostReturn => AFTERWARDS,
        };
        let end = tokio::time::Instant::from_std(start + time);
        if self.wake.deadline() != end {
            self.wake = Box::pin(sleep_until(end));
        }
        self.wake.as_mut().poll(context)
    }
}

impl WorkerState for RequestLimits {
    type StoreData = Guest;
    type RequestData = ();

    fn should_accept_request(&self, concurrent_count: usize, total_count: usize) -> ShouldAccept {
        if total_count >= self.reuse {
            ShouldAccept::Never
        } else if concurrent_count >= self.concurrent {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, Guest>,
        (): (),
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        Box::pin(sleep(self.timeout))
    }

    fn drop(&self, store: Store<Guest>, result: wasmtime::Result<()>) {
        if let Err(error) = result {
            let fields = [("reason", json!(format!("{error:#}")))];
            log("warn", "instance_failed", &fields);
        }
        drop(store);
    }
}

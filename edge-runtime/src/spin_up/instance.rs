//! One instance at work: the requests that it answers at the same time, and when its time is over.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::json;
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};
use wasmtime::component::Accessor;
use wasmtime::{AsContextMut as _, Store};
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::handler::{Prepared, Proxy};

use super::guest::Guest;
use super::instances::{Job, Place, Workshop};
use picket_telemetry::log;

/// How long an instance without work is kept.
const IDLE: Duration = Duration::from_secs(30);
/// How long an instance may go on after its last answer, such as to deliver records.
const AFTERWARDS: Duration = Duration::from_secs(30);
/// What an instance that does not let others run is given beyond the request's time.
pub(super) const GRACE: Duration = Duration::from_millis(500);

/// What an instance is held to.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestLimits {
    /// How many requests it answers in its life.
    pub(super) reuse: usize,
    /// How many of them at the same time.
    pub(super) concurrent: usize,
    /// How long a request may take.
    pub(super) timeout: Duration,
}

/// What an instance does, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    /// Nothing.
    Idle(Instant),
    /// It answers; the last request came then.
    Requests(Instant),
    /// All is answered, but it has not come to rest.
    Afterwards(Instant),
}

impl Work {
    /// When the instance has had its time.
    fn end(self, limits: &RequestLimits) -> Instant {
        match self {
            Self::Idle(since) => since + IDLE,
            Self::Requests(since) => since + limits.timeout + GRACE,
            Self::Afterwards(since) => since + AFTERWARDS,
        }
    }
}

/// What the store's own tasks and those who watch over them tell each other.
struct Watch {
    work: Mutex<Work>,
    /// Whether the store came to rest since it was given a request: until then the request may be one that computes,
    /// and others are better off elsewhere.
    settled: AtomicBool,
}

impl Watch {
    fn work(&self) -> Work {
        *self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, work: Work) {
        *self.work.lock().unwrap_or_else(PoisonError::into_inner) = work;
    }
}

/// Makes an instance and lets it answer, `first` first, until it has had its time or failed.
pub(super) async fn run(workshop: Arc<Workshop>, mut place: Place, first: Job) {
    let limits = workshop.limits;
    let made = match timeout(limits.timeout, workshop.instantiate()).await {
        Ok(Ok(made)) => Ok(made),
        Ok(Err(error)) => Err(format!("{error:#}")),
        Err(_) => Err("it was not made in time".to_owned()),
    };
    let (mut store, service) = match made {
        Ok(made) => made,
        // The request is dropped, and with that its client told.
        Err(reason) => return log("warn", "no_instance", &[("reason", json!(reason))]),
    };
    let proxy = Proxy::P3(service);
    let ended = answer(&mut store, &proxy, &limits, &mut place, first).await;
    // Before the store, whose memory may be large: what came in this moment is given to others.
    drop(place);
    if let Err(error) = ended {
        let fields = [("reason", json!(format!("{error:#}")))];
        log("warn", "instance_failed", &fields);
    }
}

async fn answer(
    store: &mut Store<Guest>,
    proxy: &Proxy,
    limits: &RequestLimits,
    place: &mut Place,
    first: Job,
) -> wasmtime::Result<()> {
    let watch = Watch {
        work: Mutex::new(Work::Idle(Instant::now())),
        settled: AtomicBool::new(true),
    };
    let inside = async |accessor: &Accessor<Guest>| {
        serve(accessor, proxy, limits, place, &watch, first).await
    };
    let mut inside = pin!(store.run_concurrent(inside));
    let mut alarm = pin!(sleep(IDLE));
    // Who computes without end, or waits within a call of the host's, holds up everything inside of the store, its
    // clocks too. So the time is also kept out here.
    std::future::poll_fn(|context| {
        loop {
            if let Poll::Ready(ended) = inside.as_mut().poll(context) {
                return Poll::Ready(ended.flatten());
            }
            let work = watch.work();
            if over(alarm.as_mut(), work.end(limits), context) {
                return Poll::Ready(match work {
                    Work::Idle(_) => Ok(()),
                    _ => Err(wasmtime::format_err!("it took too long")),
                });
            }
            if watch.settled.swap(true, Ordering::Relaxed) {
                return Poll::Pending;
            }
        }
    })
    .await
}

/// Whether it is as late as that; wakes when it is.
fn over(mut alarm: Pin<&mut Sleep>, end: Instant, context: &mut Context<'_>) -> bool {
    if alarm.deadline() != end {
        alarm.set(sleep_until(end));
    }
    alarm.poll(context).is_ready()
}

/// Takes requests and answers them, within the store.
async fn serve(
    accessor: &Accessor<Guest>,
    proxy: &Proxy,
    limits: &RequestLimits,
    place: &mut Place,
    watch: &Watch,
    first: Job,
) -> wasmtime::Result<()> {
    let Proxy::P3(service) = proxy;
    let handle = *service.wasi_http_handler().func_handle().func();
    let mut at_work = FuturesUnordered::new();
    let mut since = std::collections::BTreeMap::<u64, Instant>::new();
    let mut n_taken = 0;
    let mut open = true;
    let mut next = Some(first);
    std::future::poll_fn(|context| {
        loop {
            if let Some(job) = next.take() {
                let (number, now) = (n_taken, Instant::now());
                n_taken += 1;
                watch.settled.store(false, Ordering::Relaxed);
                watch.set(Work::Requests(now));
                since.insert(number, now);
                let prepared = accessor.with(|mut store| {
                    let store = store.as_context_mut();
                    Prepared::new(store, proxy, job.request, Guest::http, job.answer)
                });
                at_work.push(async move {
                    let answered = prepared?.run(accessor, sleep(limits.timeout)).await?;
                    wasmtime::error::Ok((number, answered))
                });
            }
            match at_work.poll_next_unpin(context) {
                Poll::Ready(Some(ended)) => {
                    let (number, answered) = ended?;
                    // A request that is late goes on in there: whoever shares the instance may finish, no more come.
                    open &= answered;
                    since.remove(&number);
                    watch.set(match since.last_key_value() {
                        Some((_, last)) => Work::Requests(*last),
                        None => Work::Afterwards(Instant::now()),
                    });
                    // Others may have ended too, and would wake nobody.
                    continue;
                }
                Poll::Ready(None) | Poll::Pending => {}
            }
            let n_at_work = at_work.len();
            open &= n_taken < limits.reuse as u64;
            if !open {
                place.close();
            }
            let ready = accessor
                .poll_ready_for_concurrent_call(handle, context)
                .is_ready();
            let room = n_at_work < limits.concurrent
                && (n_at_work == 0 || watch.settled.load(Ordering::Relaxed));
            next = place.poll(open && ready && room, context);
            if next.is_some() {
                continue;
            }
            if n_at_work > 0 || accessor.poll_no_interesting_tasks(context).is_pending() {
                return Poll::Pending;
            }
            if !open {
                return Poll::Ready(Ok(()));
            }
            if !matches!(watch.work(), Work::Idle(_)) {
                watch.set(Work::Idle(Instant::now()));
            }
            return Poll::Pending;
        }
    })
    .await
}

//! Who answers a request: an instance that has room says so, and gets the next one. Where none has, one is made for each
//! core; beyond that the request waits a moment, for more instances than cores only take memory and caches from each
//! other, unless some of them are stuck.
//!
//! wasmtime's own handler has a queue that all instances wait at. Where one of them is woken for a request while it takes
//! no more, because another request of its was late, nobody else is woken, and the request waits until an instance
//! happens to end. So here a request is handed to one instance, which hands it back if it cannot take it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_channel::oneshot;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep};
use wasmtime::{Engine, Store};
use wasmtime_wasi_http::handler::{ExpirationError, Request, Response};
use wasmtime_wasi_http::p3::bindings::{Service, ServicePre};

use super::SpinConfig;
use super::guest::{Given, Guest};
use super::instance::{self, GRACE, RequestLimits};
use crate::scorer_engine::{TICK, tick};

/// How long a request waits for an instance before one is made for it, however many there are.
const PATIENCE: Duration = Duration::from_millis(10);

/// A request, and who waits for its answer.
pub(super) struct Job {
    pub(super) request: Request,
    pub(super) answer: oneshot::Sender<wasmtime::Result<Response>>,
}

/// What became of a request that has no response.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// It took longer than it may.
    Late,
    /// Its instance failed, with it or with another one.
    Failed,
}

/// Where instances are made, and where those with room stand.
pub(super) struct Workshop {
    engine: Engine,
    pre: ServicePre<Guest>,
    given: Arc<Given>,
    pub(super) limits: RequestLimits,
    /// As many instances as can compute at the same time.
    n_cores: usize,
    line: Mutex<Line>,
    /// How many instances there were.
    n_made: AtomicU64,
}

/// Where instances and requests meet. There are never both.
#[derive(Default)]
struct Line {
    /// Instances with room, the last that said so last. Each stands here once.
    free: Vec<(u64, UnboundedSender<Job>)>,
    /// Requests that no instance has room for, and since when.
    waiting: VecDeque<(Instant, Job)>,
    /// How many instances there are that take requests, or will.
    n_instances: usize,
    /// Whether somebody looks after those who wait.
    is_watched: bool,
}

impl Workshop {
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
            n_cores: std::thread::available_parallelism().map_or(1, usize::from),
            line: Mutex::default(),
            n_made: AtomicU64::new(0),
        })
    }

    pub(super) async fn instantiate(&self) -> wasmtime::Result<(Store<Guest>, Service)> {
        let mut store = Store::new(&self.engine, Guest::new(&self.given));
        store.limiter(|guest| &mut guest.limits);
        // Whoever computes lets the others run at every tick; the time that a request may take is measured outside.
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let service = self.pre.instantiate_async(&mut store).await?;
        Ok((store, service))
    }

    /// Answers a request.
    ///
    /// # Errors
    /// [`Unanswered`] where an instance failed or was late.
    pub(super) async fn answer(self: &Arc<Self>, request: Request) -> Result<Response, Unanswered> {
        let (answer, answered) = oneshot::channel();
        self.give(Job { request, answer });
        // The instance keeps the time. Twice that long is for one that cannot, such as one that was not even made.
        let longest = (self.limits.timeout + GRACE) * 2;
        match tokio::time::timeout(longest, answered).await {
            Err(_) => Err(Unanswered::Late),
            Ok(Ok(Ok(response))) => Ok(response),
            Ok(Ok(Err(error))) if error.is::<ExpirationError>() => Err(Unanswered::Late),
            Ok(Ok(Err(_)) | Err(_)) => Err(Unanswered::Failed),
        }
    }

    /// Gives the request to an instance with room, or to a new one, or lets it wait.
    fn give(self: &Arc<Self>, mut job: Job) {
        // Handed over before others see the line: an instance that finds itself gone from it has the request.
        let mut line = self.line();
        while let Some((_, place)) = line.free.pop() {
            match place.send(job) {
                Ok(()) => return,
                Err(refused) => job = refused.0,
            }
        }
        if line.n_instances < self.n_cores {
            line.n_instances += 1;
            drop(line);
            self.start(job);
            return;
        }
        line.waiting.push_back((Instant::now(), job));
        if !line.is_watched {
            line.is_watched = true;
            tokio::spawn(watch(Arc::clone(self)));
        }
    }

    /// Starts an instance that is counted already. Not with the line in hand: where the threads are about to end, the
    /// instance is dropped on the spot.
    fn start(self: &Arc<Self>, first: Job) {
        let place = Place::new(self);
        tokio::spawn(instance::run(Arc::clone(self), place, first));
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes instances for requests that have waited long enough, until none waits.
async fn watch(workshop: Arc<Workshop>) {
    loop {
        sleep(PATIENCE).await;
        let mut late = Vec::new();
        let mut line = workshop.line();
        while let Some((since, job)) = line.waiting.pop_front() {
            if since.elapsed() < PATIENCE {
                line.waiting.push_front((since, job));
                break;
            }
            late.push(job);
        }
        line.n_instances += late.len();
        line.is_watched = !line.waiting.is_empty();
        let done = !line.is_watched;
        drop(line);
        for job in late {
            workshop.start(job);
        }
        if done {
            return;
        }
    }
}

/// Where an instance takes its requests.
pub(super) struct Place {
    workshop: Arc<Workshop>,
    number: u64,
    sender: UnboundedSender<Job>,
    /// Holds one request at most: whoever gives one takes the instance from those with room.
    jobs: UnboundedReceiver<Job>,
    /// Whether it stands among those with room, as far as it knows.
    offered: bool,
    /// Whether it is counted among those that take requests.
    counted: bool,
}

impl Place {
    /// For an instance that is counted already.
    fn new(workshop: &Arc<Workshop>) -> Self {
        let (sender, jobs) = unbounded_channel();
        Self {
            workshop: Arc::clone(workshop),
            number: workshop.n_made.fetch_add(1, Ordering::Relaxed),
            sender,
            jobs,
            offered: false,
            counted: true,
        }
    }

    /// The next request, where there is room for one; wakes when it comes. What was given all the same is given on.
    pub(super) fn poll(&mut self, room: bool, context: &mut Context<'_>) -> Option<Job> {
        if !room {
            self.withdraw();
            return None;
        }
        if !self.offered {
            let mut line = self.workshop.line();
            if let Some((_, job)) = line.waiting.pop_front() {
                return Some(job);
            }
            self.offered = true;
            line.free.push((self.number, self.sender.clone()));
        }
        match self.jobs.poll_recv(context) {
            Poll::Ready(job) => {
                self.offered = false;
                job
            }
            Poll::Pending => None,
        }
    }

    /// The instance takes no more requests; it may go on for a while.
    pub(super) fn close(&mut self) {
        self.withdraw();
        if self.counted {
            self.counted = false;
            self.workshop.line().n_instances -= 1;
        }
    }

    fn withdraw(&mut self) {
        if !self.offered {
            return;
        }
        self.offered = false;
        let number = self.number;
        self.workshop.line().free.retain(|(it, _)| *it != number);
        // After that nothing more comes, but something may have come before.
        while let Ok(job) = self.jobs.try_recv() {
            self.workshop.give(job);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.jobs.close();
        self.close();
    }
}

//! Sends spans from a thread of its own; a collector that is down or slow costs spans, never requests.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::{Span, TelemetryError, log, otlp};

/// Spans that wait; further ones are dropped, and counted.
const QUEUE: usize = 2048;
/// The most spans of a batch.
const BATCH: usize = 512;
/// The longest that a span waits for others.
const LINGER: Duration = Duration::from_secs(1);
/// How long a try to send may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where traces go and which.
#[derive(Clone, Debug)]
pub struct TracerConfig {
    /// The collector, such as `http://localhost:4318`; the path `/v1/traces` is added.
    pub endpoint: String,
    /// Which share of the traces that begin here is kept, from 0 to 1.
    pub share: f64,
    /// The program, as `service.name`.
    pub service: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// Takes spans. Dropped, it sends what waits, for as long as one try may take.
#[derive(Debug)]
pub struct Tracer {
    queue: Mutex<Option<SyncSender<Span>>>,
    dropped: Arc<AtomicU64>,
    share_per_million: u32,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Tracer {
    /// Starts to send.
    ///
    /// # Errors
    /// [`TelemetryError::Endpoint`] for one that is no http address, [`TelemetryError::Share`], [`TelemetryError::Thread`].
    pub fn start(config: &TracerConfig) -> Result<Self, TelemetryError> {
        if !(0.0..=1.0).contains(&config.share) {
            let found = config.share;
            return Err(TelemetryError::Share { found });
        }
        let endpoint = config.endpoint.trim_end_matches('/');
        let known = ["http://", "https://"];
        if !known.iter().any(|scheme| endpoint.starts_with(scheme)) {
            return Err(TelemetryError::Endpoint {
                found: config.endpoint.clone(),
            });
        }
        let url = format!("{endpoint}/v1/traces");
        let (queue, waiting) = sync_channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&dropped);
        let (service, version) = (config.service, config.version);
        let thread = std::thread::Builder::new()
            .name("traces".to_owned())
            .spawn(move || {
                let encode = |spans: &[Span]| otlp::request(service, version, spans).to_string();
                export(&waiting, &url, &encode, &counted);
            })
            .map_err(|source| TelemetryError::Thread { source })?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            dropped,
            share_per_million: (config.share * 1e6).round() as u32,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Of a million traces that begin here so many are kept.
    #[must_use]
    pub fn share_per_million(&self) -> u32 {
        self.share_per_million
    }

    /// Sends what waits, for as long as one try may take; what comes later is dropped. For a program that ends while others
    /// still hold the tracer.
    pub fn close(&self) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        *queue = None;
        drop(queue);
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            // A thread that panicked has told it.
            let _ = thread.join();
        }
    }

    /// Takes a span; never waits.
    pub fn take(&self, span: Span) {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = queue.as_ref().is_some_and(|it| it.try_send(span).is_ok());
        if !sent {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        self.close();
    }
}

fn export(
    waiting: &Receiver<Span>,
    url: &str,
    encode: &dyn Fn(&[Span]) -> String,
    dropped: &AtomicU64,
) {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .max_redirects(0)
        .build();
    let agent = ureq::Agent::new_with_config(config);
    let mut was_well = true;
    loop {
        let (batch, ended) = batch(waiting);
        if !batch.is_empty() {
            let body = encode(&batch);
            let request = agent.post(url).content_type("application/json");
            let sent = request.send(body);
            let n_dropped = match &sent {
                Ok(_) => dropped.swap(0, Ordering::Relaxed),
                Err(_) => dropped.swap(0, Ordering::Relaxed) + batch.len() as u64,
            };
            tell(sent.err().as_ref(), n_dropped, &mut was_well);
            if ended && !was_well {
                // What still waits would each take the time limit.
                return;
            }
        } else if ended {
            return;
        }
    }
}

/// Says when it stops to work, and when it works again.
fn tell(error: Option<&ureq::Error>, n_dropped: u64, was_well: &mut bool) {
    let is_well = error.is_none();
    if n_dropped > 0 || is_well != *was_well {
        let level = if is_well && n_dropped == 0 {
            "info"
        } else {
            "warn"
        };
        let reason = error.map(ToString::to_string);
        let fields = [
            ("n_spans_dropped", json!(n_dropped)),
            ("reason", json!(reason)),
        ];
        log(level, "traces_exported", &fields);
    }
    *was_well = is_well;
}

/// The spans that came within the linger, and whether there will be no more.
fn batch(waiting: &Receiver<Span>) -> (Vec<Span>, bool) {
    let Ok(first) = waiting.recv() else {
        return (Vec::new(), true);
    };
    let mut batch = vec![first];
    let end = Instant::now() + LINGER;
    while batch.len() < BATCH {
        let left = end.saturating_duration_since(Instant::now());
        match waiting.recv_timeout(left) {
            Ok(span) => batch.push(span),
            Err(RecvTimeoutError::Timeout) => return (batch, false),
            Err(RecvTimeoutError::Disconnected) => return (batch, true),
        }
    }
    (batch, false)
}

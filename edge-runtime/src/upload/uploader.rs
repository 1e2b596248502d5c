//! The thread that takes records from the spool to the server.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::pace::{Circuit, Pace};
use super::sink::{Outcome, RecordSink, SinkError};
use crate::spool::{Batch, Fate, Spool};
use picket_telemetry::log;

/// How long to wait for records, or for the hours to come, before looking again.
const TICK: Duration = Duration::from_millis(500);

/// Uploads until it is dropped; a try that is under way ends first.
#[derive(Debug)]
pub struct Uploader {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stopped: Mutex<bool>,
    stopping: Condvar,
    n_tries: AtomicU64,
    n_failures: AtomicU64,
    is_open: AtomicBool,
}

impl Shared {
    /// Sleeps, or says that it is time to stop.
    fn sleep(&self, duration: Duration) -> bool {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .stopping
            .wait_timeout_while(stopped, duration, |stopped| !*stopped);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// What [`Uploader`] counts.
#[derive(Clone, Debug)]
pub struct UploadMetrics(Arc<Shared>);

impl UploadMetrics {
    /// Writes the counters in Prometheus' text format.
    pub fn write(&self, page: &mut String) {
        let load = |it: &AtomicU64| it.load(Ordering::Relaxed);
        for (name, kind, help, value) in [
            (
                "picket_upload_tries_total",
                "counter",
                "Batches sent.",
                load(&self.0.n_tries),
            ),
            (
                "picket_upload_failures_total",
                "counter",
                "Batches not taken.",
                load(&self.0.n_failures),
            ),
            (
                "picket_upload_circuit_open",
                "gauge",
                "1 while the server fails so often that only single records try.",
                u64::from(self.0.is_open.load(Ordering::Relaxed)),
            ),
        ] {
            let _ = write!(
                page,
                "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"
            );
        }
    }
}

impl Uploader {
    /// Starts the thread. `tick` is called now and then from it.
    ///
    /// # Errors
    /// What the system says where there can be no thread.
    pub fn start(
        spool: Arc<Spool>,
        sink: Box<dyn RecordSink>,
        pace: Pace,
        tick: impl Fn() + Send + 'static,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut work = Work {
            spool,
            sink,
            pace,
            shared: Arc::clone(&shared),
            circuit: Circuit::default(),
            batch_limit: pace.max_records.max(1),
        };
        let thread = std::thread::Builder::new()
            .name("uploader".to_owned())
            .spawn(move || work.run(&tick))?;
        let thread = Some(thread);
        Ok(Self { shared, thread })
    }

    /// What is counted.
    #[must_use]
    pub fn metrics(&self) -> UploadMetrics {
        UploadMetrics(Arc::clone(&self.shared))
    }
}

impl Drop for Uploader {
    fn drop(&mut self) {
        *self
            .shared
            .stopped
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.stopping.notify_all();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

struct Work {
    spool: Arc<Spool>,
    sink: Box<dyn RecordSink>,
    pace: Pace,
    shared: Arc<Shared>,
    circuit: Circuit,
    /// The most records a batch may have now: halved where the server takes fewer.
    batch_limit: usize,
}

impl Work {
    fn run(&mut self, tick: &dyn Fn()) {
        let mut wait = Duration::ZERO;
        while !self.shared.sleep(wait) {
            tick();
            wait = self.step();
        }
    }

    /// Tries one batch. Gives how long to wait before the next.
    fn step(&mut self) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |it| it.as_secs());
        if self.pace.hours.is_some_and(|hours| !hours.hold(now)) {
            return TICK;
        }
        // Where the server fails, one record is enough to see whether it still does.
        let limit = if self.circuit.is_open(&self.pace) {
            1
        } else {
            self.batch_limit
        };
        let batch = match self.spool.peek(limit, self.pace.max_bytes, TICK) {
            Ok(Some(batch)) => batch,
            Ok(None) => return Duration::ZERO,
            Err(error) => {
                log(
                    "error",
                    "spool_unreadable",
                    &[("reason", json!(error.to_string()))],
                );
                return self.pace.longest_wait;
            }
        };
        let start = Instant::now();
        match self.deliver(&batch) {
            Ok(()) => {
                if self.circuit.is_open(&self.pace) {
                    log("info", "upload_recovered", &[]);
                }
                self.circuit.succeeded();
                self.shared.is_open.store(false, Ordering::Relaxed);
                let spacing = self.pace.spacing(batch.records.len());
                spacing.saturating_sub(start.elapsed())
            }
            Err(reason) => self.failed(&reason),
        }
    }

    fn failed(&mut self, reason: &str) -> Duration {
        self.shared.n_failures.fetch_add(1, Ordering::Relaxed);
        let wait = self.circuit.failed(&self.pace, random());
        let is_open = self.circuit.is_open(&self.pace);
        if !self.shared.is_open.swap(is_open, Ordering::Relaxed) {
            // While the circuit is open the same line would come again and again.
            let fields = [
                ("reason", json!(reason)),
                ("n_failures", json!(self.circuit.n_failures)),
                ("circuit_open", json!(is_open)),
            ];
            log("warn", "upload_failed", &fields);
        }
        wait
    }

    fn deliver(&mut self, batch: &Batch) -> Result<(), String> {
        self.shared.n_tries.fetch_add(1, Ordering::Relaxed);
        let records: Vec<&[u8]> = batch.records.iter().map(|(_, it)| it.as_slice()).collect();
        // A batch of nothing stands for records that are damaged.
        let outcomes = if records.is_empty() {
            Ok(Vec::new())
        } else {
            self.sink.deliver(&records)
        };
        let outcomes = match outcomes {
            Ok(outcomes) => outcomes,
            Err(SinkError::TooLarge { reason }) if records.len() == 1 => {
                vec![Outcome::Rejected(reason)]
            }
            Err(SinkError::TooLarge { reason }) => {
                self.batch_limit = (records.len() / 2).max(1);
                return Err(reason);
            }
            Err(error) => return Err(error.to_string()),
        };
        let mut later = None;
        let mut fates = Vec::with_capacity(records.len());
        for (record, outcome) in records.iter().zip(outcomes) {
            fates.push(match outcome {
                Outcome::Delivered => Fate::Delivered,
                Outcome::Rejected(reason) => {
                    log("error", "record_rejected", &[("reason", json!(reason))]);
                    let record = record.to_vec();
                    Fate::Rejected { reason, record }
                }
                Outcome::Later(reason) => {
                    later = Some(reason);
                    break;
                }
            });
        }
        let n_settled = fates.len();
        self.spool
            .settle(&batch.settle(fates))
            .map_err(|error| error.to_string())?;
        match later {
            Some(reason) => Err(reason),
            None if n_settled < records.len() => Err("the server left records out".to_owned()),
            None => {
                // What was too large once may have been one record of many.
                self.batch_limit = (self.batch_limit * 2).min(self.pace.max_records.max(1));
                Ok(())
            }
        }
    }
}

/// Even over all u32; the system's, so that devices draw apart.
fn random() -> u32 {
    let mut bytes = [0xFF; 4];
    // Without random numbers the longest wait is taken.
    let _ = getrandom::fill(&mut bytes);
    u32::from_le_bytes(bytes)
}

//! The spool with its writer: a thread that makes whatever came meanwhile durable by one sync.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use super::batch::{Batch, Settled};
use super::config::{SpoolConfig, WhenFull};
use super::counters::Counters;
use super::disk::Folder;
use super::error::SpoolError;
use super::frame;
use super::group::Group;
use super::spool_log::SpoolLog;

/// The most bytes that may wait for the disk.
const MAX_WAITING: usize = 8 << 20;
/// The most bytes of room that stay reserved for a group that is to come.
const MAX_KEPT: usize = 256 << 10;
/// After so long without a record the ledger learns how many are durable.
const IDLE: Duration = Duration::from_secs(1);

/// How often the writer lets others go first.
const MAX_YIELDS: usize = 8;

/// A spool on the device's disk. Any number of threads may append; one delivers.
#[derive(Debug)]
pub struct Spool {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    config: SpoolConfig,
    queue: Mutex<Queue>,
    came: Condvar,
    log: Mutex<SpoolLog<Folder>>,
    counters: Mutex<Counters>,
    /// Says that there are new durable records.
    durable: Condvar,
    refused: Mutex<u64>,
}

#[derive(Debug, Default)]
struct Queue {
    /// Records one after another, and where each ends.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    group: Arc<Group>,
    closed: bool,
}

/// Ready once the records that it was given for are durable. A task that was woken for it polls or drops it.
#[derive(Clone, Debug)]
pub struct Ticket(Arc<Group>);

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl Ticket {
    /// Whether the records are durable, or why they are not.
    pub fn poll(&self, context: &mut Context<'_>) -> Poll<Result<(), String>> {
        self.0.poll(context)
    }

    /// Waits until the records are durable.
    ///
    /// # Errors
    /// Why they are not.
    pub fn wait(&self) -> Result<(), String> {
        self.0.wait()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Spool {
    /// Takes the folder, mends what stands there, and starts the writer.
    ///
    /// # Errors
    /// [`SpoolError::InUse`], [`SpoolError::Folder`]; damage is no error.
    pub fn open(folder: &Path, config: SpoolConfig) -> Result<Self, SpoolError> {
        let log = SpoolLog::open(Folder::take(folder)?, config)?;
        let counters = log.counters();
        let shared = Arc::new(Shared {
            config,
            queue: Mutex::default(),
            came: Condvar::new(),
            log: Mutex::new(log),
            counters: Mutex::new(counters),
            durable: Condvar::new(),
            refused: Mutex::new(0),
        });
        let writing = Arc::clone(&shared);
        let writer = std::thread::Builder::new()
            .name("spool-writer".to_owned())
            .spawn(move || writing.write())
            .map_err(|source| SpoolError::Folder {
                path: folder.to_owned(),
                source,
            })?;
        let writer = Some(writer);
        Ok(Self { shared, writer })
    }

    /// Queues records that become durable together. The ticket says when.
    ///
    /// # Errors
    /// [`SpoolError::Full`] by policy, [`SpoolError::Behind`] where the disk is too slow,
    /// [`SpoolError::RecordTooLarge`].
    pub fn append<'r>(
        &self,
        records: impl IntoIterator<Item = &'r [u8]>,
    ) -> Result<Ticket, SpoolError> {
        let appended = self.shared.append(records);
        if appended.is_err() {
            *lock(&self.shared.refused) += 1;
        }
        appended
    }

    /// What the spool holds and what became of the rest.
    #[must_use]
    pub fn counters(&self) -> Counters {
        *lock(&self.shared.counters)
    }

    /// How many times records were refused: full, behind, too large or not written.
    #[must_use]
    pub fn n_refused(&self) -> u64 {
        *lock(&self.shared.refused)
    }

    /// The next records to deliver; waits for some up to `patience`.
    ///
    /// # Errors
    /// As [`SpoolLog::peek`].
    pub fn peek(
        &self,
        max_records: usize,
        max_bytes: usize,
        patience: Duration,
    ) -> Result<Option<Batch>, SpoolError> {
        let counters = lock(&self.shared.counters);
        if counters.pending == 0 {
            drop(self.shared.durable.wait_timeout(counters, patience));
        } else {
            drop(counters);
        }
        lock(&self.shared.log).peek(max_records, max_bytes)
    }

    /// Shows every record that stands on the disk.
    ///
    /// # Errors
    /// As [`SpoolLog::for_each`].
    pub fn for_each(&self, show: &mut dyn FnMut(&[u8])) -> Result<(), SpoolError> {
        self.await_queued();
        lock(&self.shared.log).for_each(show)
    }

    /// Erases the records that match, also those that were queued before.
    ///
    /// # Errors
    /// As [`SpoolLog::erase`].
    pub fn erase(&self, matches: &dyn Fn(&[u8]) -> bool) -> Result<u64, SpoolError> {
        self.await_queued();
        let mut log = lock(&self.shared.log);
        let outcome = log.erase(matches);
        *lock(&self.shared.counters) = log.counters();
        outcome
    }

    /// Waits until what is queued now stands on the disk, or never will.
    pub(super) fn await_queued(&self) {
        let queue = lock(&self.shared.queue);
        let ticket = (!queue.ends.is_empty()).then(|| Ticket(Arc::clone(&queue.group)));
        drop(queue);
        if let Some(ticket) = ticket {
            drop(ticket.wait());
        }
    }

    /// Writes down what became of a batch.
    ///
    /// # Errors
    /// As [`SpoolLog::settle`].
    pub fn settle(&self, settled: &Settled) -> Result<(), SpoolError> {
        let mut log = lock(&self.shared.log);
        let outcome = log.settle(settled);
        *lock(&self.shared.counters) = log.counters();
        outcome
    }
}

impl Drop for Spool {
    /// Writes what is queued.
    fn drop(&mut self) {
        lock(&self.shared.queue).closed = true;
        self.shared.came.notify_all();
        if let Some(writer) = self.writer.take() {
            drop(writer.join());
        }
    }
}

impl Shared {
    fn append<'r>(
        &self,
        records: impl IntoIterator<Item = &'r [u8]>,
    ) -> Result<Ticket, SpoolError> {
        let mut queue = lock(&self.queue);
        if queue.closed {
            return Err(SpoolError::Closed);
        }
        let (start, n_before) = (queue.bytes.len(), queue.ends.len());
        let checked = records.into_iter().try_for_each(|record| {
            if record.len() > frame::MAX_RECORD {
                return Err(SpoolError::RecordTooLarge {
                    found: record.len(),
                    max: frame::MAX_RECORD,
                });
            }
            queue.bytes.extend_from_slice(record);
            let end = queue.bytes.len();
            queue.ends.push(end);
            Ok(())
        });
        let checked = checked.and_then(|()| self.check_room(&queue));
        if let Err(error) = checked {
            queue.bytes.truncate(start);
            queue.ends.truncate(n_before);
            return Err(error);
        }
        let ticket = Ticket(Arc::clone(&queue.group));
        drop(queue);
        if n_before == 0 {
            self.came.notify_one();
        }
        Ok(ticket)
    }

    /// Refuses early what the log would refuse for all who wait together.
    fn check_room(&self, queue: &Queue) -> Result<(), SpoolError> {
        let waiting = queue.bytes.len() + frame::HEADER * queue.ends.len();
        if waiting > MAX_WAITING {
            return Err(SpoolError::Behind {
                waiting,
                max: MAX_WAITING,
            });
        }
        let max = self.config.max_bytes;
        if self.config.when_full == WhenFull::Refuse {
            let used = lock(&self.counters).bytes;
            if used + waiting as u64 > max {
                return Err(SpoolError::Full { used, max });
            }
        }
        Ok(())
    }

    /// The writer: takes what is queued, writes it, says so, until closed.
    fn write(&self) {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        let mut queue = lock(&self.queue);
        loop {
            if queue.ends.is_empty() {
                let closed = queue.closed;
                if !closed {
                    let waited = self.came.wait_timeout(queue, IDLE);
                    let (again, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                    queue = again;
                    if !timeout.timed_out() || !queue.ends.is_empty() {
                        continue;
                    }
                }
                drop(queue);
                // Where this fails, damage to the end would look like a cut writing: nothing else.
                if closed {
                    drop(lock(&self.log).close());
                    return;
                }
                drop(lock(&self.log).checkpoint());
                queue = lock(&self.queue);
                continue;
            }
            queue = self.gather(queue);
            std::mem::swap(&mut queue.bytes, &mut bytes);
            std::mem::swap(&mut queue.ends, &mut ends);
            let group = std::mem::take(&mut queue.group);
            drop(queue);
            let written = self.write_group(&bytes, &ends);
            if written.is_err() {
                *lock(&self.refused) += 1;
            }
            group.finish(written.map_err(|error| error.to_string()));
            // The next group but one finds its room here; after a large one it is given back.
            if bytes.capacity() > MAX_KEPT {
                bytes = Vec::new();
            }
            bytes.clear();
            ends.clear();
            queue = lock(&self.queue);
        }
    }

    /// Lets threads that are ready to run go first, as long as they bring more: where the server shares a core with this
    /// thread, the first request of many would otherwise have a sync of its own.
    fn gather<'q>(&'q self, mut queue: MutexGuard<'q, Queue>) -> MutexGuard<'q, Queue> {
        for _ in 0..MAX_YIELDS {
            let n_before = queue.ends.len();
            drop(queue);
            std::thread::yield_now();
            queue = lock(&self.queue);
            if queue.ends.len() == n_before {
                break;
            }
        }
        queue
    }

    fn write_group(&self, bytes: &[u8], ends: &[usize]) -> Result<(), SpoolError> {
        let mut start = 0;
        let records = ends.iter().map(|end| {
            let record = &bytes[start..*end];
            start = *end;
            record
        });
        let mut log = lock(&self.log);
        let written = log.append(records);
        *lock(&self.counters) = log.counters();
        drop(log);
        self.durable.notify_all();
        written
    }
}

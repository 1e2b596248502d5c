//! Ready instances of the scorer, handed out one call at a time.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use picket_service::{Scoring, ScoringError, only};
use picket_wasm_model::{Explanation, Scored};
use serde_json::json;

use crate::error::StartError;
use crate::scorer_engine::ScorerEngine;
use crate::scorer_instance::{Called, ScorerInstance};
use picket_telemetry::log;

/// How a pool behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolConfig {
    /// How many instances stand ready; at most the engine's.
    pub n_instances: usize,
    /// How long one call into the scorer may take.
    pub deadline: Duration,
    /// How long a call may wait for an instance.
    pub patience: Duration,
}

impl Default for PoolConfig {
    /// Two instances, two seconds for a call, five for waiting.
    fn default() -> Self {
        let (deadline, patience) = (Duration::from_secs(2), Duration::from_secs(5));
        Self {
            n_instances: 2,
            deadline,
            patience,
        }
    }
}

/// Ready instances of the scorer component, each with the model loaded. An instance whose call
/// trapped is thrown away, never used again.
pub struct ScorerPool {
    engine: Arc<ScorerEngine>,
    artifact: Bytes,
    config: PoolConfig,
    shelf: Mutex<Shelf>,
    returned: Condvar,
}

/// What is not lent at the moment.
struct Shelf {
    /// Idle instances; an empty slot stands for one that has to be made.
    idle: Vec<Option<ScorerInstance>>,
    /// How many calls wait for one. Waking is a system call: not without need.
    n_waiting: usize,
}

impl std::fmt::Debug for ScorerPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScorerPool")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl ScorerPool {
    /// Makes the instances and loads the model in each.
    ///
    /// # Errors
    /// [`StartError::Load`] where the component does not start, or refuses the model.
    pub fn new(
        engine: impl Into<Arc<ScorerEngine>>,
        artifact: Bytes,
        config: PoolConfig,
    ) -> Result<Self, StartError> {
        let engine = engine.into();
        let n_instances = config.n_instances.max(1);
        let mut idle = Vec::with_capacity(n_instances);
        for _ in 0..n_instances {
            idle.push(Some(ScorerInstance::new(&engine, &artifact)?));
        }
        let n_waiting = 0;
        Ok(Self {
            engine,
            artifact,
            config,
            shelf: Mutex::new(Shelf { idle, n_waiting }),
            returned: Condvar::new(),
        })
    }

    /// Scores rows as [`Scoring::score`] does, with a deadline of its own.
    ///
    /// # Errors
    /// As [`Scoring::score`].
    pub fn score_within(
        &self,
        rows: &[f32],
        deadline: Duration,
    ) -> Result<Vec<Scored>, ScoringError> {
        self.call(|instance| instance.score(rows, deadline))
    }

    fn call<T>(
        &self,
        call: impl FnOnce(&mut ScorerInstance) -> Called<T>,
    ) -> Result<T, ScoringError> {
        self.call_with(self.lend()?, call)
    }

    fn call_with<T>(
        &self,
        mut lent: Lent<'_>,
        call: impl FnOnce(&mut ScorerInstance) -> Called<T>,
    ) -> Result<T, ScoringError> {
        let instance = match lent.instance.take() {
            Some(instance) => lent.instance.insert(instance),
            None => lent.instance.insert(self.replacement()?),
        };
        match call(instance) {
            Ok(answer) => answer,
            Err(trapped) => {
                // The slot goes back empty: the next caller makes a new instance.
                lent.instance = None;
                log(
                    "error",
                    "scorer_trapped",
                    &[("reason", json!(trapped.reason))],
                );
                Err(trapped.into())
            }
        }
    }

    fn replacement(&self) -> Result<ScorerInstance, ScoringError> {
        ScorerInstance::new(&self.engine, &self.artifact).map_err(|error| {
            log(
                "error",
                "scorer_not_replaced",
                &[("reason", json!(error.to_string()))],
            );
            ScoringError::Unavailable {
                reason: error.to_string(),
            }
        })
    }

    fn lend(&self) -> Result<Lent<'_>, ScoringError> {
        let start = Instant::now();
        let mut shelf = self.shelf();
        loop {
            if let Some(instance) = shelf.idle.pop() {
                return Ok(self.lent(instance));
            }
            let left = self.config.patience.saturating_sub(start.elapsed());
            if left.is_zero() {
                let reason = "every instance is busy".to_owned();
                return Err(ScoringError::Unavailable { reason });
            }
            shelf.n_waiting += 1;
            let waited = self.returned.wait_timeout(shelf, left);
            shelf = waited.unwrap_or_else(PoisonError::into_inner).0;
            shelf.n_waiting -= 1;
        }
    }

    /// An instance that stands ready, where there is one that nobody waits for.
    fn lend_now(&self) -> Option<Lent<'_>> {
        let mut shelf = self.shelf();
        if shelf.n_waiting > 0 {
            return None;
        }
        let ready = shelf.idle.iter().rposition(Option::is_some)?;
        let instance = shelf.idle.swap_remove(ready);
        drop(shelf);
        Some(self.lent(instance))
    }

    fn lent(&self, instance: Option<ScorerInstance>) -> Lent<'_> {
        Lent {
            pool: self,
            instance,
        }
    }

    /// The lock is held for a push or a pop only, so a panic cannot leave half a change.
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A slot out of the pool; goes back when dropped, even by a panic.
struct Lent<'p> {
    pool: &'p ScorerPool,
    instance: Option<ScorerInstance>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        // In the middle of a call its state is unknown.
        let instance = if std::thread::panicking() {
            None
        } else {
            self.instance.take()
        };
        let mut shelf = self.pool.shelf();
        shelf.idle.push(instance);
        if shelf.n_waiting > 0 {
            self.pool.returned.notify_one();
        }
    }
}

impl Scoring for ScorerPool {
    fn score(&self, rows: &[f32]) -> Result<Vec<Scored>, ScoringError> {
        self.score_within(rows, self.config.deadline)
    }

    fn score_now(&self, row: &[f32]) -> Option<Result<Scored, ScoringError>> {
        let lent = self.lend_now()?;
        let deadline = self.config.deadline;
        let scored = self.call_with(lent, |instance| instance.score(row, deadline));
        Some(scored.and_then(|scored| only(&scored)))
    }

    fn explain(&self, row: &[f32]) -> Result<Explanation, ScoringError> {
        let deadline = self.config.deadline;
        self.call(|instance| instance.explain(row, deadline))
    }
}

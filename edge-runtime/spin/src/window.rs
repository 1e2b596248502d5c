//! Aggregates: what an instance counts of a window, durable before each answer though the store has no counter.
//!
//! A counter that instances share would need a change of one key that is all or nothing, and the store has none. So
//! nothing is shared: an aggregate is a key with one writer, and readers add up as many as there are.
//!
//! - The first aggregate of an instance has the rows of one request, is written as a batch and never changed: an
//!   instance that answers only once leaves no more than that, and the next step may deliver it.
//! - An instance that answers again has shown that it is reused. It then goes on with a [`Partial`]: a key that it
//!   writes anew with each answer until the window ends. Its name says when that is.
//! - Requests at the same time each take a partial of their own, so a key has one writing under way at most.
//! - Nobody delivers a partial before [`SETTLE_MS`] after its end, and its writer answers nothing with a writing that
//!   came back later than half of that. What was delivered is therefore what the last answer counted on.

use std::sync::{Mutex, MutexGuard, PoisonError};

use picket_record::{AggregateStamp, Histograms};
use picket_service::{PredictionId, Predictions};

use crate::key_value::{KeyValue, StoreError};

/// What the key of a partial begins with.
pub const WINDOW: &str = "window-";
/// How long after its end a partial is left alone, in milliseconds.
pub const SETTLE_MS: u64 = 20_000;
/// How long after its end the last writing of a partial may come back.
const LATE_MS: u64 = SETTLE_MS / 2;
/// How often a partial is written that no answer waits for, in milliseconds.
const LAZY_MS: u64 = 1_000;

/// An aggregate that its instance goes on with.
#[derive(Debug)]
pub struct Partial {
    id: PredictionId,
    start_ms: u64,
    span_ms: u64,
    /// When it was last written.
    written_ms: u64,
    histograms: Histograms,
}

/// Where a request's rows were counted.
#[derive(Debug)]
pub enum Counted {
    /// In an aggregate of their own, which never changes.
    Once(Vec<u8>),
    /// In a partial, which must be written and then given back.
    Partial(Partial),
}

/// The aggregates of one instance.
#[derive(Debug, Default)]
pub struct Windows(Mutex<Pool>);

#[derive(Debug, Default)]
struct Pool {
    /// Empty ones for the model that answers.
    empty: Option<Histograms>,
    /// Whether this instance has answered before.
    is_reused: bool,
    /// Partials that no request has now.
    idle: Vec<Partial>,
}

/// How aggregates are made.
#[derive(Clone, Copy, Debug)]
pub struct WindowStamp<'a> {
    /// The node's name.
    pub node: Option<&'a str>,
    /// How long a window is, in milliseconds.
    pub span_ms: u64,
    /// The time in milliseconds since 1970.
    pub now_ms: u64,
    /// Names the aggregate, where a new one begins.
    pub id: PredictionId,
}

impl Windows {
    /// Counts with the bins of these, which count nothing yet. Spares looking for them in the model.
    #[must_use]
    pub fn with_bins(empty: Histograms) -> Self {
        Self(Mutex::new(Pool {
            empty: Some(empty),
            ..Pool::default()
        }))
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts what is about to be answered.
    #[must_use]
    pub fn count(&self, made: &Predictions<'_>, stamp: &WindowStamp<'_>) -> Counted {
        let mut pool = self.pool();
        let digest = made.model.digest();
        let span_ms = stamp.span_ms.max(1);
        let start_ms = stamp.now_ms / span_ms * span_ms;
        pool.idle.retain(|it| {
            it.start_ms == start_ms && it.span_ms == span_ms && it.histograms.is_of(digest)
        });
        if let Some(mut partial) = pool.idle.pop() {
            partial.histograms.add(made);
            return Counted::Partial(partial);
        }
        let known = pool.empty.take().filter(|it| it.is_of(digest));
        let empty = known.unwrap_or_else(|| Histograms::new(made.model));
        let mut histograms = empty.clone();
        pool.empty = Some(empty);
        histograms.add(made);
        if std::mem::replace(&mut pool.is_reused, true) {
            return Counted::Partial(Partial {
                id: stamp.id,
                start_ms,
                span_ms,
                written_ms: 0,
                histograms,
            });
        }
        Counted::Once(histograms.to_json(&AggregateStamp {
            id: stamp.id,
            node: stamp.node,
            time_ms: start_ms,
            span_ms,
        }))
    }

    /// Takes a partial back whose last writing went well, or that no answer waits for.
    pub fn give_back(&self, partial: Partial) {
        self.pool().idle.push(partial);
    }
}

impl Partial {
    /// Its key: when it ends, and its id, which nobody else has.
    #[must_use]
    pub fn key(&self) -> String {
        let ends_ms = self.start_ms.saturating_add(self.span_ms);
        format!("{WINDOW}{ends_ms:012x}-{}", self.id)
    }

    /// The record, as one line.
    #[must_use]
    pub fn line(&self, node: Option<&str>) -> Vec<u8> {
        let mut line = self.histograms.to_json(&AggregateStamp {
            id: self.id,
            node,
            time_ms: self.start_ms,
            span_ms: self.span_ms,
        });
        line.push(b'\n');
        line
    }

    /// Whether it has not been written for a while.
    #[must_use]
    pub fn is_overdue(&self, now_ms: u64) -> bool {
        now_ms.abs_diff(self.written_ms) >= LAZY_MS
    }

    /// Writes it, with all that it has counted so far.
    ///
    /// # Errors
    /// [`StoreError`]; also where the store took so long that somebody may have delivered the last one meanwhile. It
    /// must not be gone on with then.
    pub async fn write(
        &mut self,
        store: &impl KeyValue,
        node: Option<&str>,
        now_ms: impl Fn() -> u64,
    ) -> Result<(), StoreError> {
        store.set(&self.key(), &self.line(node)).await?;
        let written_ms = now_ms();
        if written_ms >= self.start_ms + self.span_ms + LATE_MS {
            let reason = "it took until after the window's end".to_owned();
            return Err(StoreError { reason });
        }
        self.written_ms = written_ms;
        Ok(())
    }
}

/// Whether a partial may be delivered: its writer has done with it. A name that says no time is nobody's any more.
#[must_use]
pub fn is_settled(key: &str, now_ms: u64) -> bool {
    let ends_ms = key
        .strip_prefix(WINDOW)
        .and_then(|rest| u64::from_str_radix(rest.split('-').next()?, 16).ok());
    ends_ms.is_none_or(|ends_ms| now_ms >= ends_ms.saturating_add(SETTLE_MS))
}

#[cfg(test)]
#[path = "window_test.rs"]
mod tests;

//! From the store to the collector, a bounded step a request.
//!
//! Every batch has a key of its own, so that instances never write what another one reads and writes. What they share is
//! a hint: when to try next and how many batches wait. The last writer of it wins, which costs a try too many or too
//! few, never a record: a batch is removed only after the collector has said what became of all its records, and the
//! collector knows a record that comes twice by its id.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::key_value::{KeyValue, StoreError, random_text};
use crate::record::Batches;
use crate::window::{WINDOW, is_settled};

/// The key of the hint.
const HINT: &str = "upload";
/// What a batch's key begins with.
const BATCH: &str = "batch-";
/// What the key of a batch with rejected records begins with.
const DEAD: &str = "dead-";
/// The most bytes sent at a time: below what proxies take by default, 1 MB.
const MAX_SENT: usize = 900_000;
/// The most batches sent at a time.
const MAX_BATCHES: usize = 64;
/// The most keys looked at.
const MAX_LISTED: usize = 20_000;
/// The most batches of rejected records that are kept.
const MAX_DEAD: usize = 1_000;
/// How long other instances leave the batches to the one that sends.
const LEASE_MS: u64 = 15_000;
/// How long batches gather after all were delivered.
const GATHER_MS: u64 = 500;
/// The wait after the first failure; it doubles with each.
const FIRST_WAIT_MS: u64 = 500;
/// The longest wait.
const LONGEST_WAIT_MS: u64 = 60_000;

/// What instances tell each other of the delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hint {
    /// Not before then, in milliseconds since 1970.
    pub next_ms: u64,
    /// Tries that failed since the last that did not.
    pub failures: u32,
    /// Batches that waited when somebody last looked.
    pub pending: usize,
    /// Batches of rejected records at that time.
    pub dead: usize,
}

impl Hint {
    /// Whether it is time to try. A clock that was set back must not stop the delivery for longer than the longest wait.
    #[must_use]
    pub fn is_due(&self, now_ms: u64) -> bool {
        now_ms >= self.next_ms || self.next_ms - now_ms > LONGEST_WAIT_MS
    }
}

/// Takes records.
#[allow(
    async_fn_in_trait,
    reason = "a component has one thread: no future need be sent"
)]
pub trait Collector {
    /// Posts records as NDJSON; the answer's body where the status is 200.
    ///
    /// # Errors
    /// Why there is no answer, without secrets.
    async fn post(&self, records: Vec<u8>) -> Result<Vec<u8>, String>;
}

/// What a step came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// What the others are told.
    pub hint: Hint,
    /// Records that the collector took.
    pub delivered: u64,
    /// Records that it rejected for good.
    pub rejected: u64,
}

/// What a collector says of a record.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome", content = "reason")]
enum Outcome {
    Delivered,
    Rejected(String),
    Later(#[expect(dead_code, reason = "it is tried again whatever the reason")] String),
}

#[derive(Deserialize)]
struct Answer {
    outcomes: Vec<Outcome>,
}

/// Rejected records, as they are kept.
#[derive(Serialize)]
struct DeadLetter<'a> {
    reason: &'a str,
    record: &'a RawValue,
}

/// Writes the batches of a request, each under a new key. After this they are as durable as the store makes them.
///
/// # Errors
/// [`StoreError`]: none of them counts as written. Those that were are removed again as far as the store lets us.
pub async fn write(
    store: &impl KeyValue,
    batches: &Batches,
    now_ms: u64,
    random: impl Fn() -> [u8; 16],
) -> Result<(), StoreError> {
    let mut written = Vec::with_capacity(batches.values.len());
    for value in &batches.values {
        // The time makes the oldest go first; the random part makes the key.
        let key = format!("{BATCH}{now_ms:012x}-{}", random_text(random()));
        // A value whose writing failed may still be there.
        let result = store.set(&key, value).await;
        written.push(key);
        if let Err(error) = result {
            for key in &written {
                // It failed a moment ago and may fail again: then a record stays of which no answer went out.
                let _ = store.delete(key).await;
            }
            return Err(error);
        }
    }
    Ok(())
}

/// Reads the hint; one that cannot be read is as none.
///
/// # Errors
/// [`StoreError`].
pub async fn hint(store: &impl KeyValue) -> Result<Hint, StoreError> {
    let bytes = store.get(HINT).await?.unwrap_or_default();
    Ok(serde_json::from_slice(&bytes).unwrap_or_default())
}

async fn tell(store: &impl KeyValue, hint: &Hint) -> Result<(), StoreError> {
    let bytes = serde_json::to_vec(hint).unwrap_or_default();
    store.set(HINT, &bytes).await
}

/// What lies in the store.
struct Waiting {
    /// The keys of batches and of aggregates that nobody goes on with, the oldest first.
    batches: Vec<String>,
    /// Aggregates that somebody may go on with.
    n_open: usize,
    n_dead: usize,
}

impl Waiting {
    fn n_pending(&self) -> usize {
        self.batches.len() + self.n_open
    }
}

/// Looks through the keys once: that is the dear part where many wait.
async fn waiting(store: &impl KeyValue, now_ms: u64) -> Result<Waiting, StoreError> {
    let mut waiting = Waiting {
        batches: Vec::new(),
        n_open: 0,
        n_dead: 0,
    };
    for key in store.keys("", MAX_LISTED).await?.found {
        if key.starts_with(DEAD) {
            waiting.n_dead += 1;
        } else if key.starts_with(WINDOW) && !is_settled(&key, now_ms) {
            waiting.n_open += 1;
        } else if key.starts_with(BATCH) || key.starts_with(WINDOW) {
            waiting.batches.push(key);
        }
    }
    // By the time in the name, which stands behind the first hyphen.
    waiting.batches.sort_unstable_by(|a, b| {
        a.split_once('-')
            .map(|it| it.1)
            .cmp(&b.split_once('-').map(|it| it.1))
    });
    Ok(waiting)
}

/// Counts the batches that wait, and those of rejected records.
///
/// # Errors
/// [`StoreError`].
pub async fn count(store: &impl KeyValue) -> Result<(usize, usize), StoreError> {
    let waiting = waiting(store, 0).await?;
    Ok((waiting.n_pending(), waiting.n_dead))
}

/// Delivers some batches where it is time to; `None` where it is not.
///
/// # Errors
/// [`StoreError`]; nothing is lost by it.
pub async fn step(
    store: &impl KeyValue,
    collector: &impl Collector,
    now_ms: u64,
    random: impl Fn() -> [u8; 16],
) -> Result<Option<Step>, StoreError> {
    let mut hint = hint(store).await?;
    if !hint.is_due(now_ms) {
        return Ok(None);
    }
    let mut step = Step::default();
    let waiting = waiting(store, now_ms).await?;
    (hint.pending, hint.dead) = (waiting.n_pending(), waiting.n_dead);
    let n_due = waiting.batches.len();
    if n_due == 0 {
        hint.next_ms = now_ms + GATHER_MS;
        hint.failures = 0;
        tell(store, &hint).await?;
        step.hint = hint;
        return Ok(Some(step));
    }
    hint.next_ms = now_ms + LEASE_MS;
    tell(store, &hint).await?;
    if let Ok(n_settled) = deliver(store, collector, waiting, &mut step).await? {
        hint.failures = 0;
        hint.pending = hint.pending.saturating_sub(n_settled);
        let gathers = n_settled >= n_due;
        hint.next_ms = now_ms + if gathers { GATHER_MS } else { 0 };
    } else {
        hint.failures = hint.failures.saturating_add(1);
        hint.next_ms = now_ms + wait_ms(hint.failures, random());
    }
    tell(store, &hint).await?;
    step.hint = hint;
    Ok(Some(step))
}

/// Between half of a bound and the bound, which doubles: instances that failed together do not come back together.
fn wait_ms(failures: u32, random: [u8; 16]) -> u64 {
    let doublings = failures.saturating_sub(1).min(10);
    let bound = (FIRST_WAIT_MS << doublings).min(LONGEST_WAIT_MS);
    let drawn = u64::from(u16::from_le_bytes([random[0], random[1]]));
    bound / 2 + drawn * (bound / 2) / u64::from(u16::MAX)
}

/// How many batches were settled, or why none was.
type Delivered = Result<usize, String>;

async fn deliver(
    store: &impl KeyValue,
    collector: &impl Collector,
    waiting: Waiting,
    step: &mut Step,
) -> Result<Delivered, StoreError> {
    let mut body = Vec::new();
    let mut sent = Vec::new();
    let mut n_gone = 0;
    for key in waiting.batches.into_iter().take(MAX_BATCHES) {
        // Another instance may have settled it since.
        let Some(value) = store.get(&key).await? else {
            n_gone += 1;
            continue;
        };
        if !sent.is_empty() && body.len() + value.len() > MAX_SENT {
            break;
        }
        body.extend_from_slice(&value);
        sent.push((key, value));
    }
    if sent.is_empty() {
        return Ok(Ok(n_gone));
    }
    let answer = match collector.post(body).await {
        Ok(answer) => answer,
        Err(reason) => return Ok(Err(reason)),
    };
    let Ok(answer) = serde_json::from_slice::<Answer>(&answer) else {
        return Ok(Err("no answer of a collector".to_owned()));
    };
    let n_lines = |value: &[u8]| lines(value).count();
    let n_sent: usize = sent.iter().map(|(_, value)| n_lines(value)).sum();
    if answer.outcomes.len() != n_sent {
        let n_outcomes = answer.outcomes.len();
        return Ok(Err(format!("{n_outcomes} outcomes for {n_sent} records")));
    }
    let mut outcomes = answer.outcomes.iter();
    let mut n_settled = 0;
    let mut n_dead = waiting.n_dead;
    for (key, value) in &sent {
        let of_batch: Vec<&Outcome> = outcomes.by_ref().take(n_lines(value)).collect();
        // A batch stays whole: records that the collector has already make no difference to it.
        if of_batch.iter().any(|it| matches!(it, Outcome::Later(_))) {
            continue;
        }
        let dead = dead_letters(value, &of_batch);
        let n_rejected = lines(&dead).count() as u64;
        if n_rejected > 0 && n_dead < MAX_DEAD {
            let id = key.split_once('-').map_or(key.as_str(), |it| it.1);
            store.set(&format!("{DEAD}{id}"), &dead).await?;
            n_dead += 1;
        }
        store.delete(key).await?;
        n_settled += 1;
        step.rejected += n_rejected;
        step.delivered += of_batch.len() as u64 - n_rejected;
    }
    if n_settled == 0 {
        return Ok(Err("the collector takes none of them now".to_owned()));
    }
    Ok(Ok(n_settled + n_gone))
}

fn lines(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = value.split(|byte| *byte == b'\n');
    lines.filter(|line| !line.trim_ascii().is_empty())
}

/// The rejected records of a batch with the reasons, as NDJSON. It fits the store: reasons are cut.
fn dead_letters(value: &[u8], outcomes: &[&Outcome]) -> Vec<u8> {
    let mut dead = Vec::new();
    for (line, outcome) in lines(value).zip(outcomes) {
        let Outcome::Rejected(reason) = outcome else {
            continue;
        };
        let Ok(record) = serde_json::from_slice::<&RawValue>(line) else {
            continue;
        };
        let reason: String = reason.chars().take(60).collect();
        let letter = DeadLetter {
            reason: &reason,
            record,
        };
        // Writing to memory cannot fail.
        let _ = serde_json::to_writer(&mut dead, &letter);
        dead.push(b'\n');
    }
    dead
}

#[cfg(test)]
#[path = "delivery_test.rs"]
mod tests;

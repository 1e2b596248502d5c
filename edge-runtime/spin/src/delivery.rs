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

/// Counts what waits.
///
/// # Errors
/// [`StoreError`].
pub async fn count(store: &impl KeyValue) -> Result<(usize, usize), StoreError> {
    let pending = store.keys(BATCH, MAX_LISTED).await?.found.len();
    let dead = store.keys(DEAD, MAX_DEAD).await?.found.len();
    Ok((pending, dead))
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
    (hint.pending, hint.dead) = count(store).await?;
    if hint.pending == 0 {
        hint.next_ms = now_ms + GATHER_MS;
        hint.failures = 0;
        tell(store, &hint).await?;
        step.hint = hint;
        return Ok(Some(step));
    }
    hint.next_ms = now_ms + LEASE_MS;
    tell(store, &hint).await?;
    match deliver(store, collector, hint.dead, &mut step).await? {
        Ok(n_settled) => {
            hint.failures = 0;
            hint.pending = hint.pending.saturating_sub(n_settled);
            let gathers = hint.pending == 0;
            hint.next_ms = now_ms + if gathers { GATHER_MS } else { 0 };
        }
        Err(_) => {
            hint.failures = hint.failures.saturating_add(1);
            hint.next_ms = now_ms + wait_ms(hint.failures, random());
        }
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
    n_dead: usize,
    step: &mut Step,
) -> Result<Delivered, StoreError> {
    let mut keys = store.keys(BATCH, MAX_LISTED).await?.found;
    keys.sort_unstable();
    let mut body = Vec::new();
    let mut sent = Vec::new();
    let mut n_gone = 0;
    for key in keys.into_iter().take(MAX_BATCHES) {
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
    let mut n_dead = n_dead;
    for (key, value) in &sent {
        let of_batch: Vec<&Outcome> = outcomes.by_ref().take(n_lines(value)).collect();
        // A batch stays whole: records that the collector has already make no difference to it.
        if of_batch.iter().any(|it| matches!(it, Outcome::Later(_))) {
            continue;
        }
        let dead = dead_letters(value, &of_batch);
        let n_rejected = dead.iter().filter(|byte| **byte == b'\n').count() as u64;
        if n_rejected > 0 && n_dead < MAX_DEAD {
            let id = key.strip_prefix(BATCH).unwrap_or(key);
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
mod tests {
    use super::*;
    use crate::memory_store::{MemoryStore, now};
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeMap;

    /// Keeps records by their text; rejects those with "bad", takes those with "late" later while it is told to.
    #[derive(Default)]
    struct Scripted {
        down: Cell<bool>,
        late: Cell<bool>,
        taken: RefCell<BTreeMap<String, usize>>,
    }

    impl Collector for Scripted {
        async fn post(&self, records: Vec<u8>) -> Result<Vec<u8>, String> {
            assert!(records.len() <= MAX_SENT);
            if self.down.get() {
                return Err("down".to_owned());
            }
            let outcomes: Vec<serde_json::Value> = lines(&records)
                .map(|line| {
                    let line = String::from_utf8_lossy(line).into_owned();
                    if line.contains("bad") {
                        return serde_json::json!({"outcome": "rejected", "reason": "bad"});
                    }
                    if self.late.get() && line.contains("late") {
                        return serde_json::json!({"outcome": "later", "reason": "busy"});
                    }
                    *self.taken.borrow_mut().entry(line).or_default() += 1;
                    serde_json::json!({"outcome": "delivered"})
                })
                .collect();
            Ok(
                serde_json::to_vec(&serde_json::json!({ "outcomes": outcomes }))
                    .unwrap_or_default(),
            )
        }
    }

    /// Different bits at each call.
    fn random() -> [u8; 16] {
        thread_local!(static NEXT: Cell<u64> = const { Cell::new(0) });
        let next = NEXT.get();
        NEXT.set(next + 1);
        let mut bits = [0; 16];
        bits[8..].copy_from_slice(&next.to_be_bytes());
        bits
    }

    fn record(store: &MemoryStore, texts: &[&str], now_ms: u64) {
        let mut batches = Batches::default();
        for text in texts {
            batches.push(text).expect("room");
        }
        now(write(store, &batches, now_ms, random)).expect("written");
    }

    #[test]
    fn what_waits_is_delivered_once_the_collector_is_back() {
        let (store, collector) = (MemoryStore::default(), Scripted::default());
        collector.down.set(true);
        let mut clock = 1_000_000;
        let mut tries = 0;
        for i in 0..200 {
            record(&store, &[&format!("record {i}")], clock);
            let step = now(step(&store, &collector, clock, random)).expect("a store");
            tries += usize::from(step.is_some());
            clock += 1_000;
        }
        assert!((4..40).contains(&tries), "{tries} tries in 200 s");
        assert_eq!(store.count(BATCH), 200);
        let hint_now = now(hint(&store)).expect("a store");
        assert!(
            hint_now.failures > 3 && hint_now.pending > 100,
            "{hint_now:?}"
        );
        collector.down.set(false);
        clock += LONGEST_WAIT_MS;
        let mut delivered = 0;
        while let Some(step) = now(step(&store, &collector, clock, random)).expect("a store") {
            delivered += step.delivered;
        }
        assert_eq!((delivered, store.count(BATCH)), (200, 0));
        let taken = collector.taken.borrow();
        assert!(taken.len() == 200 && taken.values().all(|count| *count == 1));
    }

    #[test]
    fn rejected_records_become_dead_letters_and_late_ones_stay() {
        let (store, collector) = (MemoryStore::default(), Scripted::default());
        collector.late.set(true);
        record(&store, &["good", "bad"], 1);
        record(&store, &["late", "also good", "also bad"], 2);
        let first = now(step(&store, &collector, 10, random));
        let first = first.expect("a store").expect("due");
        assert_eq!((first.delivered, first.rejected), (1, 1));
        assert_eq!((store.count(BATCH), store.count(DEAD)), (1, 1));
        let values = store.values.borrow().clone();
        let dead = values.iter().find(|(key, _)| key.starts_with(DEAD));
        let (_, dead) = dead.expect("a dead letter");
        assert_eq!(dead, b"{\"reason\":\"bad\",\"record\":\"bad\"}\n");
        collector.late.set(false);
        let second = now(step(&store, &collector, 10, random));
        let second = second.expect("a store").expect("due");
        assert_eq!((second.delivered, second.rejected), (2, 1));
        assert_eq!((store.count(BATCH), store.count(DEAD)), (0, 2));
    }

    /// Whichever change fails, on both sides of the delivery: no record that was taken is lost.
    #[test]
    fn a_store_that_fails_at_any_change_loses_nothing() {
        for fails_at in 0..12 {
            let (store, collector) = (MemoryStore::default(), Scripted::default());
            store.changes_left.set(Some(fails_at));
            let mut promised = Vec::new();
            for i in 0..4_u64 {
                let text = format!("record {i}");
                let mut batches = Batches::default();
                batches.push(&text).expect("room");
                if now(write(&store, &batches, i, random)).is_ok() {
                    promised.push(format!("{text:?}"));
                }
                let _ = now(step(&store, &collector, i * 100_000, random));
            }
            store.changes_left.set(None);
            for i in 10..20_u64 {
                now(step(&store, &collector, i * 100_000, random)).expect("in order again");
            }
            assert_eq!(store.count(BATCH), 0, "{fails_at}");
            for text in promised {
                assert!(
                    collector.taken.borrow().contains_key(&text),
                    "{fails_at}: {text}"
                );
            }
        }
    }

    #[test]
    fn one_instance_at_a_time_sends_and_a_dead_one_is_waited_for_a_while() {
        let (store, collector) = (MemoryStore::default(), Scripted::default());
        record(&store, &["record"], 1);
        let lease = Hint {
            next_ms: 100 + LEASE_MS,
            ..Hint::default()
        };
        now(tell(&store, &lease)).expect("a store");
        assert_eq!(now(step(&store, &collector, 101, random)), Ok(None));
        let later = now(step(&store, &collector, 100 + LEASE_MS, random));
        assert_eq!(later.expect("a store").expect("due").delivered, 1);
        // A hint from a clock that ran wild.
        let wild = Hint {
            next_ms: u64::MAX,
            ..Hint::default()
        };
        now(tell(&store, &wild)).expect("a store");
        record(&store, &["another"], 1);
        let step = now(step(&store, &collector, 200, random));
        assert_eq!(step.expect("a store").expect("due").delivered, 1);
    }

    #[test]
    fn a_damaged_hint_is_as_none() {
        let store = MemoryStore::default();
        now(store.set(HINT, b"{\"next_ms\":")).expect("a store");
        assert_eq!(now(hint(&store)), Ok(Hint::default()));
    }

    #[test]
    fn waits_double_up_to_a_bound() {
        assert_eq!(wait_ms(1, [0; 16]), FIRST_WAIT_MS / 2);
        assert_eq!(wait_ms(1, [255; 16]), FIRST_WAIT_MS);
        assert_eq!(wait_ms(3, [255; 16]), 4 * FIRST_WAIT_MS);
        assert_eq!(wait_ms(u32::MAX, [255; 16]), LONGEST_WAIT_MS);
    }
}

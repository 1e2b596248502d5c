//! The delivery over a store in memory and a collector that does as it is told.

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
        Ok(serde_json::to_vec(&serde_json::json!({ "outcomes": outcomes })).unwrap_or_default())
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

#[test]
fn a_request_that_is_written_in_part_leaves_nothing() {
    let store = MemoryStore::default();
    store.max_value.set(Some(300_000));
    let mut batches = Batches::default();
    for n_bytes in [200_000, 160_000, 230_000, 100_000] {
        batches.push(&"x".repeat(n_bytes)).expect("room");
    }
    assert_eq!(batches.values.len(), 2);
    batches.values.swap(0, 1);
    batches.values[0].truncate(1_000);
    assert!(now(write(&store, &batches, 1, random)).is_err());
    assert_eq!(store.count(BATCH), 0);
}

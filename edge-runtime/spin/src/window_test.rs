//! Aggregates of instances that come and go: every row that was answered is counted once.

use super::*;
use crate::delivery::{self, Collector};
use crate::fixture;
use crate::memory_store::{MemoryStore, now as run};
use crate::record::Batches;
use http::HeaderMap;
use picket_schema::record::Record;
use picket_schema::{Margin, Score, Verdict};
use picket_service::ServedModel;
use picket_wasm_model::Scored;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::error::Error;

type Tested = Result<(), Box<dyn Error>>;

const SPAN: u64 = 60_000;

fn bits() -> [u8; 16] {
    thread_local!(static NEXT: Cell<u128> = const { Cell::new(1) });
    let next = NEXT.get();
    NEXT.set(next + 1);
    next.to_be_bytes()
}

fn served(name: &str) -> Result<ServedModel, Box<dyn Error>> {
    let bytes = fixture::artifact(fixture::PHISHING)?;
    let mut artifact = picket_schema::Artifact::decode(&bytes)?;
    name.clone_into(&mut artifact.card.name);
    Ok(ServedModel::decode(&artifact.encode()?.into())?)
}

/// Counts a request of so many rows.
fn count(windows: &Windows, model: &ServedModel, n_rows: usize, now_ms: u64) -> Counted {
    let n_features = model.schema().n_features();
    let scored = Scored {
        margin: Margin(0.0),
        score: Score(0.25),
        verdict: Verdict::Negative,
    };
    let made = Predictions {
        model,
        ids: &vec![PredictionId(bits()); n_rows],
        rows: &vec![1.0; n_rows * n_features],
        scored: &vec![scored; n_rows],
        headers: &HeaderMap::new(),
    };
    let stamp = WindowStamp {
        node: Some("spin"),
        span_ms: SPAN,
        now_ms,
        id: PredictionId(bits()),
    };
    windows.count(&made, &stamp)
}

/// As the component does before an answer goes out.
fn answer(
    store: &MemoryStore,
    windows: &Windows,
    model: &ServedModel,
    n_rows: usize,
    now_ms: u64,
) -> Result<(), StoreError> {
    match count(windows, model, n_rows, now_ms) {
        Counted::Once(line) => {
            let mut batches = Batches::default();
            batches.values.push([&line[..], b"\n"].concat());
            run(delivery::write(store, &batches, now_ms, bits))
        }
        Counted::Partial(mut partial) => {
            run(partial.write(store, Some("spin"), || now_ms))?;
            windows.give_back(partial);
            Ok(())
        }
    }
}

/// Keeps records by id, and the first of two with one id, as a database does.
#[derive(Default)]
struct Database {
    records: RefCell<BTreeMap<String, Record>>,
}

impl Database {
    fn n_rows(&self) -> u64 {
        let records = self.records.borrow();
        let rows = records.values().map(|it| match it {
            Record::Aggregate(it) => it.n_rows,
            _ => 0,
        });
        rows.sum()
    }
}

impl Collector for Database {
    async fn post(&self, records: Vec<u8>) -> Result<Vec<u8>, String> {
        let mut outcomes = Vec::new();
        for line in records.split(|it| *it == b'\n').filter(|it| !it.is_empty()) {
            let record = Record::from_json(line).map_err(|error| error.to_string())?;
            let id = record.id().to_owned();
            self.records.borrow_mut().entry(id).or_insert(record);
            outcomes.push(serde_json::json!({"outcome": "delivered"}));
        }
        Ok(serde_json::to_vec(&serde_json::json!({ "outcomes": outcomes })).unwrap_or_default())
    }
}

fn deliver(store: &MemoryStore, database: &Database, now_ms: u64) -> Tested {
    for turn in 0..200 {
        run(delivery::step(store, database, now_ms + turn, bits))?;
    }
    Ok(())
}

#[test]
fn instances_that_answer_once_leave_a_batch_each() -> Tested {
    let (store, database) = (MemoryStore::default(), Database::default());
    let model = served("model 1")?;
    for request in 0..40 {
        answer(&store, &Windows::default(), &model, 3, SPAN + request)?;
    }
    assert_eq!((store.count("batch-"), store.count(WINDOW)), (40, 0));
    // Nobody will go on with them, so nobody waits for the window's end.
    deliver(&store, &database, SPAN + 50)?;
    assert_eq!((database.n_rows(), store.count("")), (120, 1));
    Ok(())
}

#[test]
fn an_instance_that_answers_often_leaves_a_key_a_window() -> Tested {
    let (store, database) = (MemoryStore::default(), Database::default());
    let (first, second) = (served("model 1")?, served("model 2")?);
    let windows = Windows::default();
    for request in 0..100 {
        answer(&store, &windows, &first, 1, SPAN + request)?;
    }
    assert_eq!((store.count("batch-"), store.count(WINDOW)), (1, 1));
    deliver(&store, &database, SPAN + 200)?;
    assert_eq!((database.n_rows(), store.count(WINDOW)), (1, 1));
    // Another model, the next window, a clock that is set back: a key each.
    answer(&store, &windows, &second, 5, SPAN + 300)?;
    answer(&store, &windows, &first, 7, 2 * SPAN)?;
    answer(&store, &windows, &first, 11, 10)?;
    assert_eq!(store.count(WINDOW), 4);
    deliver(&store, &database, 3 * SPAN + SETTLE_MS - 200)?;
    // The last of them ends with 3 * SPAN.
    assert_eq!(store.count(WINDOW), 1);
    deliver(&store, &database, 3 * SPAN + SETTLE_MS + 1_000)?;
    assert_eq!((database.n_rows(), store.count(WINDOW)), (123, 0));
    let records = database.records.borrow();
    let of_first = records.values().filter_map(|it| match it {
        Record::Aggregate(it) if it.model.version == "model 1" => Some((it.time_ms, it.n_rows)),
        _ => None,
    });
    let mut of_first: Vec<(u64, u64)> = of_first.collect();
    of_first.sort_unstable();
    assert_eq!(of_first, [(0, 11), (SPAN, 1), (SPAN, 99), (2 * SPAN, 7)]);
    Ok(())
}

#[test]
fn requests_at_the_same_time_share_no_key() -> Tested {
    let (store, database) = (MemoryStore::default(), Database::default());
    let model = served("model 1")?;
    let windows = Windows::default();
    answer(&store, &windows, &model, 1, SPAN)?;
    let mut partials = Vec::new();
    for _ in 0..3 {
        let Counted::Partial(partial) = count(&windows, &model, 2, SPAN + 1) else {
            return Err("an instance that is reused".into());
        };
        partials.push(partial);
    }
    // Written in another order than they were counted.
    for mut partial in partials.into_iter().rev() {
        run(partial.write(&store, None, || SPAN + 2))?;
        windows.give_back(partial);
    }
    assert_eq!(store.count(WINDOW), 3);
    for request in 0..10 {
        answer(&store, &windows, &model, 1, SPAN + 3 + request)?;
    }
    assert_eq!(store.count(WINDOW), 3);
    deliver(&store, &database, 2 * SPAN + SETTLE_MS)?;
    assert_eq!(database.n_rows(), 1 + 6 + 10);
    Ok(())
}

/// Whichever change fails, and instances that end at any time: what was answered is counted, and nothing twice.
#[test]
fn a_store_that_fails_at_any_change_miscounts_no_answer() -> Tested {
    let model = served("model 1")?;
    for fails_at in 0..30 {
        let (store, database) = (MemoryStore::default(), Database::default());
        store.changes_left.set(Some(fails_at));
        let (mut answered, mut asked) = (0, 0);
        let mut clock = SPAN;
        for _ in 0..3 {
            let windows = Windows::default();
            for _ in 0..8 {
                asked += 1;
                if answer(&store, &windows, &model, 1, clock).is_ok() {
                    answered += 1;
                } else {
                    // Only the one fails.
                    store.changes_left.set(None);
                }
                let _ = run(delivery::step(&store, &database, clock, bits));
                clock += 9_000;
            }
        }
        store.changes_left.set(None);
        deliver(&store, &database, clock + SPAN + SETTLE_MS)?;
        let counted = database.n_rows();
        assert!(
            (answered..=asked).contains(&counted),
            "{fails_at}: {counted}"
        );
        assert!(asked - answered <= 1);
        assert_eq!(store.count(WINDOW), 0);
    }
    Ok(())
}

#[test]
fn a_writing_that_comes_back_too_late_answers_nobody() -> Tested {
    let store = MemoryStore::default();
    let model = served("model 1")?;
    let windows = Windows::default();
    answer(&store, &windows, &model, 1, SPAN)?;
    let Counted::Partial(mut partial) = count(&windows, &model, 1, SPAN + 1) else {
        return Err("an instance that is reused".into());
    };
    run(partial.write(&store, None, || 2 * SPAN + LATE_MS - 1))?;
    assert!(run(partial.write(&store, None, || 2 * SPAN + LATE_MS)).is_err());
    // At that time nobody has it yet, were clocks a few seconds apart.
    assert!(!is_settled(&partial.key(), 2 * SPAN + LATE_MS));
    assert!(is_settled(&partial.key(), 2 * SPAN + SETTLE_MS));
    assert!(is_settled("window-what", 0));
    assert!(partial.is_overdue(SPAN) && !partial.is_overdue(2 * SPAN + LATE_MS));
    Ok(())
}

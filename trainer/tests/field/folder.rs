//! What goes from a folder of records and what stays, at the edges of both.

use std::collections::BTreeSet;

use picket_trainer::records::{ErasedRecords, FolderStore, RecordQuery, RecordStore};
use serde_json::{Value, json};

use crate::scene::id;

const T: u64 = 1_700_000_000_000;

fn model() -> Value {
    json!({"version": "m", "digest": format!("sha256:{}", "a".repeat(64))})
}

fn prediction(n: u32, time_ms: u64, source: Option<&str>) -> Value {
    let mut record = json!({"kind": "prediction", "id": id(1, n), "time_ms": time_ms, "model": model(),
        "verdict": "positive", "score": 0.9, "margin": 1.0});
    if let Some(source) = source {
        record["source"] = json!(source);
    }
    record
}

/// What a challenger said of a prediction, without a source: as where sources were recorded later.
fn shadow(n: u32, of: u32) -> Value {
    json!({"kind": "shadow", "id": id(2, n), "time_ms": T, "prediction": id(1, of), "model": model(),
        "verdict": "positive", "score": 0.9, "margin": 1.0,
        "champion": {"model": model(), "verdict": "positive", "score": 0.9}})
}

fn label(n: u32, of: u32) -> Value {
    json!({"kind": "label", "id": id(3, n), "time_ms": T + 99, "prediction": id(1, of), "label": "phishing"})
}

fn store(records: &[Value]) -> (tempfile::TempDir, FolderStore) {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<String> = records.iter().map(Value::to_string).collect();
    std::fs::write(
        folder.path().join("records-00000001.ndjson"),
        lines.join("\n") + "\n",
    )
    .unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    (folder, store)
}

/// The ids that are left, in their order.
fn left(store: &FolderStore) -> Vec<String> {
    let query = RecordQuery {
        kinds: picket_schema::record::RecordKind::ALL.to_vec(),
        from_ms: 0,
        to_ms: u64::MAX,
    };
    let mut ids = Vec::new();
    store
        .read(&query, &mut |record| ids.push(record.id().to_owned()))
        .unwrap();
    ids
}

#[test]
fn a_subject_goes_with_what_was_said_of_it_and_nothing_else_does() {
    let (ann, bob) = ("a".repeat(32), "b".repeat(32));
    let (_folder, store) = store(&[
        prediction(1, T - 1, Some(&ann)),
        prediction(2, T - 1, Some(&bob)),
        prediction(3, T - 1, None),
        // After the erasure's time: whoever comes back is recorded anew.
        prediction(4, T, Some(&ann)),
        shadow(1, 1),
        shadow(2, 2),
        label(1, 1),
        label(2, 2),
        label(4, 4),
    ]);
    let subjects = BTreeSet::from([ann]);
    let expected = ErasedRecords {
        n_answers: 2,
        n_labels: 1,
    };
    assert_eq!(store.erase(&subjects, T).unwrap(), expected);
    let stay = [id(1, 2), id(1, 3), id(1, 4), id(2, 2), id(3, 2), id(3, 4)];
    assert_eq!(left(&store), stay);
    assert_eq!(store.erase(&subjects, T).unwrap(), ErasedRecords::default());
}

#[test]
fn records_are_deleted_up_to_their_day_and_not_beyond() {
    let (_folder, store) = store(&[
        prediction(1, T - 1, None),
        prediction(2, T, None),
        prediction(3, T + 1, None),
    ]);
    assert_eq!(store.delete_before(T).unwrap(), 1);
    assert_eq!(left(&store), [id(1, 2), id(1, 3)]);
}

//! What stands in the spool after predictions and labels.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderMap;
use picket_service::{IdSource as _, Label, Predictions, Recorder as _, ServedModel};
use picket_wasm_model::OwnedModel;
use serde_json::{Value, json};

use super::{Pseudonyms, RandomIds, RecordMode, RecorderConfig, SpoolRecorder};
use crate::fixture;
use crate::spool::{Fate, Spool, SpoolConfig};

type Tested = Result<(), Box<dyn std::error::Error>>;

/// The records that one prediction of two rows and one label leave.
fn records(mode: RecordMode, key: Option<&[u8]>) -> Result<Vec<Value>, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let spool = Arc::new(Spool::open(folder.path(), SpoolConfig::default())?);
    let ids = Arc::new(RandomIds::new()?);
    let config = RecorderConfig {
        mode,
        pseudonyms: key.map(Pseudonyms::new).transpose()?,
        window: Duration::from_hours(24),
        ..RecorderConfig::default()
    };
    let recorder = SpoolRecorder::new(Arc::clone(&spool), config, Arc::clone(&ids));
    let bytes = fixture::artifact(fixture::PHISHING)?;
    let model = ServedModel::decode(&bytes.clone().into())?;
    let mut rows = vec![1.0; 60];
    rows[3] = f32::NAN;
    let loaded = OwnedModel::load(bytes)?;
    let scored = picket_wasm_model::Scorer::new(loaded.model()).score_batch(&rows)?;
    let mut headers = HeaderMap::new();
    headers.insert("picket-source", "10.0.0.7".parse()?);
    let made = Predictions {
        model: &model,
        ids: &[ids.next_id(), ids.next_id()],
        rows: &rows,
        scored: &scored,
        headers: &headers,
    };
    recorder.predictions(&made)?;
    let label = Label {
        prediction: made.ids[0],
        class: "phishing".into(),
    };
    recorder.labels(&[label])?;
    let mut page = String::new();
    recorder.write_metrics(&mut page);
    assert!(
        page.contains("\npicket_spool_dropped_total{reason=\"damaged\"} 0\n"),
        "{page}"
    );
    drop(recorder);
    let mut found = Vec::new();
    // The aggregate is queued behind the others.
    while let Some(batch) = spool.peek(100, 1 << 20, Duration::from_millis(300))? {
        for (_, record) in &batch.records {
            found.push(serde_json::from_slice(record)?);
        }
        spool.settle(&batch.settle(vec![Fate::Delivered; batch.records.len()]))?;
    }
    Ok(found)
}

fn kinds(records: &[Value]) -> Vec<&str> {
    records
        .iter()
        .filter_map(|it| it["kind"].as_str())
        .collect()
}

#[test]
fn verdicts_hold_no_features_and_no_source_without_a_key() -> Tested {
    let records = records(RecordMode::Verdicts, None)?;
    assert_eq!(
        kinds(&records),
        ["prediction", "prediction", "label", "aggregate"]
    );
    let first = &records[0];
    let mut keys: Vec<&String> = first.as_object().ok_or("an object")?.keys().collect();
    keys.sort();
    assert_eq!(
        keys,
        [
            "id", "kind", "margin", "model", "score", "time_ms", "verdict"
        ]
    );
    assert_eq!(
        (&records[2]["prediction"], &records[2]["label"]),
        (&first["id"], &json!("phishing"))
    );
    Ok(())
}

#[test]
fn features_and_pseudonyms_are_recorded_where_asked_for() -> Tested {
    let records = records(
        RecordMode::VerdictsWithFeatures,
        Some(b"a key of 20 bytes..."),
    )?;
    let first = &records[0];
    assert_eq!(
        (&first["features"][3], &first["features"][4]),
        (&Value::Null, &json!(1.0))
    );
    assert_eq!(first["features"].as_array().map(Vec::len), Some(30));
    let source = first["source"].as_str().ok_or("a source")?;
    assert!(source.len() == 32 && !source.contains("10.0"), "{source}");
    assert_eq!(
        source,
        Pseudonyms::new(b"a key of 20 bytes...")?.of(b"10.0.0.7")
    );
    Ok(())
}

#[test]
fn aggregates_count_every_row_and_hold_none() -> Tested {
    let records = records(RecordMode::Aggregates, None)?;
    assert_eq!(kinds(&records), ["label", "aggregate"]);
    let aggregate = &records[1];
    assert_eq!(aggregate["n_rows"], 2);
    let sum = |counts: &Value| {
        counts
            .as_array()
            .map(|it| it.iter().filter_map(Value::as_u64).sum::<u64>())
    };
    assert_eq!(sum(&aggregate["scores"]), Some(2));
    let features = aggregate["features"].as_array().ok_or("features")?;
    assert!(features.len() == 30 && features.iter().all(|it| sum(&it["counts"]) == Some(2)));
    // The model by hand has no reference: one bin, and the missing value.
    assert_eq!(features[3]["counts"], json!([1, 1]));
    Ok(())
}

#[test]
fn a_clock_that_jumps_splits_windows_and_loses_no_count() -> Tested {
    const MINUTE: u64 = 60_000;
    static CLOCK: AtomicU64 = AtomicU64::new(0);
    let folder = tempfile::tempdir()?;
    let spool = Arc::new(Spool::open(folder.path(), SpoolConfig::default())?);
    let ids = Arc::new(RandomIds::new()?);
    let config = RecorderConfig {
        mode: RecordMode::Aggregates,
        ..RecorderConfig::default()
    };
    let recorder = SpoolRecorder::new(Arc::clone(&spool), config, Arc::clone(&ids))
        .with_clock(|| CLOCK.load(Ordering::Relaxed));
    let bytes = fixture::artifact(fixture::PHISHING)?;
    let model = ServedModel::decode(&bytes.clone().into())?;
    let loaded = OwnedModel::load(bytes)?;
    let row = vec![1.0; 30];
    let scored = picket_wasm_model::Scorer::new(loaded.model()).score_batch(&row)?;
    // Forth, back by an hour, to before 1970, and far into the future.
    for minute in [70, 71, 10, 10, 0, 1 << 40] {
        CLOCK.store(minute * MINUTE, Ordering::Relaxed);
        recorder.predictions(&Predictions {
            model: &model,
            ids: &[ids.next_id()],
            rows: &row,
            scored: &scored,
            headers: &HeaderMap::new(),
        })?;
    }
    drop(recorder);
    let mut windows = Vec::new();
    while let Some(batch) = spool.peek(100, 1 << 20, Duration::from_millis(300))? {
        for (_, record) in &batch.records {
            let record: Value = serde_json::from_slice(record)?;
            windows.push((
                record["time_ms"].as_u64().map(|it| it / MINUTE),
                record["n_rows"].as_u64(),
            ));
        }
        spool.settle(&batch.settle(vec![Fate::Delivered; batch.records.len()]))?;
    }
    let last = (1 << 40) / 5 * 5;
    let expected = [(70, 2), (10, 2), (0, 1), (last, 1)];
    assert_eq!(windows, expected.map(|(start, n)| (Some(start), Some(n))));
    Ok(())
}

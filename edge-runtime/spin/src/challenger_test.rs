//! What a challenger is shown, and what is written of it.

use super::*;
use crate::fixture;
use http::HeaderMap;
use picket_record::ShadowMetrics;
use picket_service::HostMetrics as _;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

#[derive(Default)]
struct Ids(AtomicU8);

impl IdSource for Ids {
    fn next_id(&self) -> PredictionId {
        PredictionId([self.0.fetch_add(1, Ordering::Relaxed); 16])
    }
}

#[test]
fn a_share_of_the_rows_is_compared_under_their_ids() -> Result<(), Box<dyn Error>> {
    let bytes = fixture::artifact(fixture::PHISHING)?;
    let champion = ServedModel::decode(&bytes.clone().into())?;
    let mut other = picket_schema::Artifact::decode(&bytes)?;
    "challenger".clone_into(&mut other.card.name);
    let metrics = Arc::new(ShadowMetrics::default());
    metrics.start(Some("challenger"));
    let challenger = Challenger::new(
        OwnedModel::load(other.encode()?)?,
        ShadowShare::new([7; 32], 300),
        &champion,
        |version| ShadowTally::new(Arc::clone(&metrics), version),
    );
    let n_features = champion.schema().n_features();
    let n_rows = 2000;
    let rows: Vec<f32> = (0..n_rows * n_features)
        .map(|i| ((i * i) % 17) as f32 - 8.0 + (i / n_features) as f32)
        .collect();
    let scored = OwnedModel::load(bytes)?.score(&rows)?;
    let ids: Vec<PredictionId> = (0..n_rows as u128)
        .map(|i| PredictionId(i.to_be_bytes()))
        .collect();
    let made = Predictions {
        model: &champion,
        ids: &ids,
        rows: &rows,
        scored: &scored,
        headers: &HeaderMap::new(),
    };
    let source = "00112233445566778899aabbccddeeff";
    let shown = Shown::choose(&made, challenger.share(), Some(source));
    let stamp = ShadowStamp {
        node: Some("spin"),
        now_ms: 5,
    };
    let batches = challenger.compare(&shown, Some(stamp), &Ids::default());
    let text = String::from_utf8(batches.values.concat())?;
    let mut n_records = 0;
    for line in text.lines() {
        let Record::Shadow(record) = Record::from_json(line.as_bytes())? else {
            return Err("a record of another kind".into());
        };
        let row_idx = ids
            .iter()
            .position(|id| id.to_string() == record.prediction)
            .ok_or("a prediction")?;
        // By the rule that the device has: the same row of the same key.
        let row = &rows[row_idx * n_features..(row_idx + 1) * n_features];
        assert!(ShadowShare::new([7; 32], 300).takes(row));
        assert_eq!(record.champion.score, scored[row_idx].score.0);
        // The same trees under another name.
        assert_eq!(record.score, scored[row_idx].score.0);
        assert_eq!(record.model.version, "challenger");
        assert_eq!(record.champion.model.version, champion.version());
        assert_eq!(record.source.as_deref(), Some(source));
        assert_eq!((record.node.as_deref(), record.time_ms), (Some("spin"), 5));
        n_records += 1;
    }
    assert!((500..700).contains(&n_records), "{n_records}");
    let mut page = String::new();
    metrics.write(&mut page);
    let agreed = format!("result=\"agreed\",challenger_version=\"challenger\"}} {n_records}\n");
    assert!(page.contains(&agreed), "{page}");
    // Without a stamp it is counted and not written.
    let batches = challenger.compare(&shown, None, &Ids::default());
    assert!(batches.values.is_empty());
    // A large request is not looked at to its end.
    let all = Shown::choose(&made, &ShadowShare::new([7; 32], 1000), None);
    let written = challenger.compare(&all, Some(stamp), &Ids::default());
    let lines = String::from_utf8(written.values.concat())?.lines().count();
    assert_eq!(lines, MAX_ROWS);
    page.clear();
    metrics.write(&mut page);
    let left_out = format!(
        "result=\"left_out\",challenger_version=\"challenger\"}} {}\n",
        2000 - MAX_ROWS
    );
    assert!(page.contains(&left_out), "{page}");
    Ok(())
}

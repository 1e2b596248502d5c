//! The bytes of records, as they have always been, and as the reader takes them.

use std::error::Error;

use http::HeaderMap;
use picket_schema::artifact::{Artifact, FeatureHistogram};
use picket_schema::record::{ModelName, PredictionRecord, Record};
use picket_schema::{Margin, Score, Verdict};
use picket_service::{PredictionId, Predictions, ServedModel};
use picket_wasm_model::Scored;
use serde_json::json;

use crate::{AggregateStamp, Histograms, LabelLine, ModelRef, PredictionLine};

#[path = "../../service/tests/fixture/mod.rs"]
#[expect(dead_code, reason = "the tests here need one of its schemas")]
mod fixture;

type Tested = Result<(), Box<dyn Error>>;

const ID: PredictionId = PredictionId([0xab; 16]);
const DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

#[test]
fn predictions_and_labels_have_the_same_bytes_as_ever() -> Tested {
    let model = ModelRef {
        version: "phishing-7",
        digest: DIGEST,
    };
    let line = PredictionLine {
        id: ID,
        time_ms: 1_800_000_000_123,
        node: Some("edge-1"),
        model,
        verdict: Verdict::Uncertain,
        score: 0.1,
        margin: -2.5,
        source: Some("00112233445566778899aabbccddeeff"),
        features: Some(&[0.1, f32::NAN, -1.0]),
    };
    let text = serde_json::to_string(&line)?;
    assert_eq!(
        text,
        "{\"kind\":\"prediction\",\"id\":\"abababababababababababababababab\",\"time_ms\":1800000000123,\
         \"node\":\"edge-1\",\"model\":{\"version\":\"phishing-7\",\"digest\":\"sha256:\
         0000000000000000000000000000000000000000000000000000000000000000\"},\"verdict\":\"uncertain\",\
         \"score\":0.1,\"margin\":-2.5,\"source\":\"00112233445566778899aabbccddeeff\",\
         \"features\":[0.1,null,-1.0]}"
    );
    // As the reader would write it, too.
    let owned = Record::Prediction(PredictionRecord {
        id: ID.to_string(),
        time_ms: line.time_ms,
        node: Some("edge-1".to_owned()),
        model: ModelName {
            version: "phishing-7".to_owned(),
            digest: DIGEST.to_owned(),
        },
        verdict: line.verdict,
        score: line.score,
        margin: line.margin,
        source: line.source.map(str::to_owned),
        features: Some(vec![Some(0.1), None, Some(-1.0)]),
    });
    assert_eq!(owned.to_json()?, text.as_bytes());
    assert_eq!(Record::from_json(text.as_bytes())?, owned);
    let bare = PredictionLine {
        node: None,
        source: None,
        features: None,
        ..line
    };
    let bare = serde_json::to_string(&bare)?;
    assert!(!bare.contains("null") && !bare.contains("node") && !bare.contains("source"));
    let label = LabelLine {
        id: ID,
        time_ms: 5,
        node: None,
        prediction: PredictionId([1; 16]),
        label: "phish\"ing",
    };
    let label = serde_json::to_string(&label)?;
    assert_eq!(
        label,
        "{\"kind\":\"label\",\"id\":\"abababababababababababababababab\",\"time_ms\":5,\
         \"prediction\":\"01010101010101010101010101010101\",\"label\":\"phish\\\"ing\"}"
    );
    Record::from_json(label.as_bytes())?;
    Ok(())
}

#[test]
fn an_aggregate_has_the_same_bytes_as_ever() -> Tested {
    let bytes = fixture::artifact(fixture::PHISHING)?;
    let mut artifact = Artifact::decode(&bytes)?;
    let edges: Vec<u8> = [0.1_f32, 0.5]
        .iter()
        .flat_map(|it| it.to_le_bytes())
        .collect();
    let n_features = artifact.schema.n_features();
    artifact.reference.features = (0..n_features)
        .map(|_| FeatureHistogram {
            edges: edges.clone().into(),
            counts: Vec::new().into(),
        })
        .collect();
    let model = ServedModel::new(&artifact, bytes.clone().into());
    let mut rows = vec![0.3; 2 * n_features];
    rows[1] = f32::NAN;
    rows[2] = 0.1;
    let scored =
        [(0.999, Verdict::Positive), (1.0, Verdict::Uncertain)].map(|(score, verdict)| Scored {
            margin: Margin(0.0),
            score: Score(score),
            verdict,
        });
    let mut histograms = Histograms::with_reference(&model, &artifact.reference);
    histograms.add(&Predictions {
        model: &model,
        ids: &[ID, ID],
        rows: &rows,
        scored: &scored,
        headers: &HeaderMap::new(),
    });
    for node in [None, Some("edge-1")] {
        let stamp = AggregateStamp {
            id: ID,
            node,
            time_ms: 300_000,
            span_ms: 300_000,
        };
        let written = histograms.to_json(&stamp);
        // What was written before this had a form of its own.
        let mut scores = vec![0; 20];
        scores[19] = 2;
        let names = artifact.schema.features.iter().map(|it| &it.name);
        let features: Vec<serde_json::Value> = names
            .enumerate()
            .map(|(idx, name)| {
                let counts = match idx {
                    1 => [0, 1, 0, 1],
                    2 => [1, 1, 0, 0],
                    _ => [0, 2, 0, 0],
                };
                json!({"name": name, "edges": [0.1_f32, 0.5_f32], "counts": counts})
            })
            .collect();
        let mut expected = json!({
            "model": {"version": model.version(), "digest": model.digest()},
            "n_rows": 2,
            "verdicts": {"positive": 1, "negative": 0, "uncertain": 1},
            "scores": scores,
            "features": features,
            "kind": "aggregate",
            "id": ID,
            "time_ms": 300_000,
            "span_ms": 300_000,
        });
        if let Some(node) = node {
            expected["node"] = json!(node);
        }
        assert_eq!(String::from_utf8(written.clone())?, expected.to_string());
        Record::from_json(&written)?;
    }
    Ok(())
}

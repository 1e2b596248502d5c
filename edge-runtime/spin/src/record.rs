//! Predictions and labels as batches of records, in the form that `docs/spool.md` describes.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderName;
use picket_schema::Verdict;
use picket_service::{
    Durable, IdSource, Label, NotRecorded, PredictionId, Predictions, Receipt, Recorder,
};
use serde::Serialize;
use sha2::Sha256;

use crate::key_value::{MAX_VALUE, random_text};
use crate::settings::RecordMode;
use crate::state_metrics::StateMetrics;

/// The largest record in bytes, as the collector takes them.
const MAX_RECORD: usize = 240 << 10;
/// The header that says where a row comes from.
const SOURCE: HeaderName = HeaderName::from_static("picket-source");

/// Makes pseudonyms with one key: HMAC-SHA256, the first 128 bits as hexadecimal digits.
#[derive(Clone)]
pub struct Pseudonyms(Hmac<Sha256>);

impl std::fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pseudonyms")
    }
}

impl Pseudonyms {
    /// Takes a key of at least 16 bytes.
    #[must_use]
    pub fn new(key: &[u8]) -> Option<Self> {
        if key.len() < 16 {
            return None;
        }
        Hmac::new_from_slice(key).ok().map(Self)
    }

    /// The pseudonym of a source.
    #[must_use]
    pub fn of(&self, source: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(source);
        let tag: [u8; 32] = mac.finalize().into_bytes().into();
        let mut half = [0; 16];
        half.copy_from_slice(&tag[..16]);
        random_text(half)
    }
}

/// Records of one request as values for the store, each NDJSON.
#[derive(Debug, Default)]
pub struct Batches {
    /// In the order of the rows.
    pub values: Vec<Vec<u8>>,
}

impl Batches {
    /// Adds a record.
    ///
    /// # Errors
    /// [`NotRecorded`] for one that no collector takes.
    pub fn push(&mut self, record: &impl Serialize) -> Result<(), NotRecorded> {
        let mut line = serde_json::to_vec(record).unwrap_or_default();
        if line.len() > MAX_RECORD {
            let reason = format!(
                "the record has {} bytes; expected at most {MAX_RECORD}",
                line.len()
            );
            return Err(NotRecorded { reason });
        }
        line.push(b'\n');
        match self.values.last_mut() {
            Some(last) if last.len() + line.len() <= MAX_VALUE => last.extend_from_slice(&line),
            _ => self.values.push(line),
        }
        Ok(())
    }
}

/// What the recorder hands on: it cannot wait for the store itself.
pub struct Unwritten(Mutex<Option<Batches>>);

impl Durable for Unwritten {
    fn poll_durable(&self, _: &mut Context<'_>) -> Poll<Result<(), NotRecorded>> {
        // Nobody polls this; who does has forgotten to write.
        let reason = "the records were not written".to_owned();
        Poll::Ready(Err(NotRecorded { reason }))
    }

    fn left(&self) -> &dyn Any {
        self
    }
}

/// Takes the batches out of a response's receipt.
#[must_use]
pub fn batches_of(receipt: &Receipt) -> Option<Batches> {
    let unwritten: &Unwritten = receipt.0.left().downcast_ref()?;
    let mut place = unwritten.0.lock().unwrap_or_else(PoisonError::into_inner);
    place.take()
}

/// Makes batches of what was answered. It keeps none of them.
pub struct BatchRecorder {
    /// How much of an answer is kept.
    pub mode: RecordMode,
    /// Without it sources are not recorded.
    pub pseudonyms: Option<Pseudonyms>,
    /// Gives records their ids.
    pub ids: Arc<dyn IdSource>,
    /// Tells the time, in milliseconds since 1970.
    pub now_ms: fn() -> u64,
    /// What is told of the store.
    pub metrics: Arc<StateMetrics>,
}

#[derive(Serialize)]
struct ModelName<'a> {
    version: &'a str,
    digest: &'a str,
}

#[derive(Serialize)]
struct PredictionRecord<'a> {
    kind: &'static str,
    id: PredictionId,
    time_ms: u64,
    model: ModelName<'a>,
    verdict: Verdict,
    score: f64,
    margin: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    /// In the schema's order; null is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    features: Option<&'a [f32]>,
}

#[derive(Serialize)]
struct LabelRecord<'a> {
    kind: &'static str,
    id: PredictionId,
    time_ms: u64,
    prediction: PredictionId,
    label: &'a str,
}

fn receipt(batches: Batches) -> Receipt {
    Receipt(Arc::new(Unwritten(Mutex::new(Some(batches)))))
}

impl Recorder for BatchRecorder {
    fn predictions(&self, made: &Predictions<'_>) -> Result<Option<Receipt>, NotRecorded> {
        if self.mode == RecordMode::Off {
            return Ok(None);
        }
        let time_ms = (self.now_ms)();
        let source = self.pseudonyms.as_ref().and_then(|pseudonyms| {
            let source = made.headers.get(SOURCE)?;
            Some(pseudonyms.of(source.as_bytes()))
        });
        let n_features = (made.rows.len() / made.ids.len().max(1)).max(1);
        let with_features = self.mode == RecordMode::VerdictsWithFeatures;
        let mut batches = Batches::default();
        let rows = made.rows.chunks_exact(n_features);
        for ((id, scored), row) in made.ids.iter().zip(made.scored).zip(rows) {
            batches.push(&PredictionRecord {
                kind: "prediction",
                id: *id,
                time_ms,
                model: ModelName {
                    version: made.model.version(),
                    digest: made.model.digest(),
                },
                verdict: scored.verdict,
                score: scored.score.0,
                margin: scored.margin.0,
                source: source.as_deref(),
                features: with_features.then_some(row),
            })?;
        }
        Ok(Some(receipt(batches)))
    }

    fn labels(&self, labels: &[Label]) -> Result<Option<Receipt>, NotRecorded> {
        let time_ms = (self.now_ms)();
        let mut batches = Batches::default();
        for label in labels {
            batches.push(&LabelRecord {
                kind: "label",
                id: self.ids.next_id(),
                time_ms,
                prediction: label.prediction,
                label: &label.class,
            })?;
        }
        Ok(Some(receipt(batches)))
    }

    fn write_metrics(&self, page: &mut String) {
        self.metrics.write_delivery(page);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_keep_every_record_and_fit_the_store() {
        let mut batches = Batches::default();
        let long = "x".repeat(100_000);
        for i in 0..12 {
            batches.push(&(i, &long)).expect("room");
        }
        assert_eq!(batches.values.len(), 3);
        assert!(batches.values.iter().all(|value| value.len() <= MAX_VALUE));
        let all = batches.values.concat();
        let lines: Vec<&[u8]> = all.split(|byte| *byte == b'\n').collect();
        assert_eq!(lines.len(), 13);
        for (i, line) in lines.iter().take(12).enumerate() {
            assert!(line.starts_with(format!("[{i},\"x").as_bytes()));
        }
        assert!(batches.push(&"x".repeat(MAX_RECORD)).is_err());
    }

    #[test]
    fn a_receipt_gives_its_batches_once() {
        let mut batches = Batches::default();
        batches.push(&1).expect("room");
        let receipt = receipt(batches);
        assert_eq!(batches_of(&receipt).expect("there").values, [b"1\n"]);
        assert!(batches_of(&receipt).is_none());
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(matches!(
            receipt.0.poll_durable(&mut context),
            Poll::Ready(Err(_))
        ));
    }

    #[test]
    fn a_pseudonym_is_the_start_of_the_hmac() {
        // RFC 4231, test case 3: the key and the data are repeated bytes.
        let pseudonyms = Pseudonyms::new(&[0xaa; 20]).expect("long enough");
        assert_eq!(
            pseudonyms.of(&[0xdd; 50]),
            "773ea91e36800e46854db8ebd09181a7"
        );
        assert!(Pseudonyms::new(b"short").is_none());
    }
}

//! Predictions and labels as batches of records, in the form that `docs/records.md` describes.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::{HeaderMap, HeaderName};
use picket_record::{LabelLine, ModelRef, PredictionLine, Pseudonyms, RecordMode, ShadowShare};
use picket_service::{Durable, IdSource, Label, NotRecorded, Predictions, Receipt, Recorder};
use serde::Serialize;

use crate::challenger::Shown;
use crate::key_value::MAX_VALUE;
use crate::state_metrics::StateMetrics;
use crate::window::{Counted, Partial, WindowStamp, Windows};

/// The largest record in bytes, as the collector takes them.
const MAX_RECORD: usize = 240 << 10;
/// The header that says where a row comes from.
const SOURCE: HeaderName = HeaderName::from_static("picket-source");

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
        self.push_line(serde_json::to_vec(record).unwrap_or_default())
    }

    fn push_line(&mut self, mut line: Vec<u8>) -> Result<(), NotRecorded> {
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

/// What a request leaves behind.
#[derive(Debug, Default)]
pub struct Made {
    /// To be written before the answer.
    pub batches: Batches,
    /// The aggregate that counts the request's rows with those of others.
    pub partial: Option<Partial>,
    /// What the challenger is shown after the answer.
    pub shown: Shown,
}

/// What the recorder hands on: it cannot wait for the store itself.
pub struct Unwritten(Mutex<Option<Made>>);

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

/// Takes what is to be written out of a response's receipt.
#[must_use]
pub fn made_of(receipt: &Receipt) -> Option<Made> {
    let unwritten: &Unwritten = receipt.0.left().downcast_ref()?;
    let mut place = unwritten.0.lock().unwrap_or_else(PoisonError::into_inner);
    place.take()
}

/// Makes records of what was answered. It keeps counts of them and nothing else.
pub struct BatchRecorder {
    /// How much of an answer is kept.
    pub mode: RecordMode,
    /// The node's name.
    pub node: Option<String>,
    /// How long a window of aggregates is, in milliseconds.
    pub window_ms: u64,
    /// Without it sources are not recorded.
    pub pseudonyms: Option<Pseudonyms>,
    /// Gives records their ids.
    pub ids: Arc<dyn IdSource>,
    /// Tells the time, in milliseconds since 1970.
    pub now_ms: fn() -> u64,
    /// What this instance has counted.
    pub windows: Arc<Windows>,
    /// Which rows the challenger is shown; `None` where there is none.
    pub share: Option<ShadowShare>,
    /// What is told of the store.
    pub metrics: Arc<StateMetrics>,
}

fn receipt(made: Made) -> Receipt {
    Receipt(Arc::new(Unwritten(Mutex::new(Some(made)))))
}

impl BatchRecorder {
    fn source(&self, headers: &HeaderMap) -> Option<String> {
        let source = headers.get(SOURCE)?;
        Some(self.pseudonyms.as_ref()?.of(source.as_bytes()))
    }

    fn push_rows(
        &self,
        batches: &mut Batches,
        predictions: &Predictions<'_>,
        (time_ms, source): (u64, Option<&str>),
    ) -> Result<(), NotRecorded> {
        let n_features = (predictions.rows.len() / predictions.ids.len().max(1)).max(1);
        let with_features = self.mode == RecordMode::VerdictsWithFeatures;
        let rows = predictions.rows.chunks_exact(n_features);
        for ((id, scored), row) in predictions.ids.iter().zip(predictions.scored).zip(rows) {
            batches.push(&PredictionLine {
                id: *id,
                time_ms,
                node: self.node.as_deref(),
                model: ModelRef::of(predictions.model),
                verdict: scored.verdict,
                score: scored.score.0,
                margin: scored.margin.0,
                source,
                features: with_features.then_some(row),
            })?;
        }
        Ok(())
    }

    /// Counts the rows in the window's aggregate.
    fn count(
        &self,
        made: &mut Made,
        predictions: &Predictions<'_>,
        now_ms: u64,
    ) -> Result<(), NotRecorded> {
        let counted = self.windows.count(
            predictions,
            &WindowStamp {
                node: self.node.as_deref(),
                span_ms: self.window_ms,
                now_ms,
                id: self.ids.next_id(),
            },
        );
        match counted {
            Counted::Partial(partial) => {
                made.partial = Some(partial);
                Ok(())
            }
            Counted::Once(line) => match made.batches.push_line(line) {
                // A model so wide has none; beside verdicts that is no reason to answer nothing.
                Err(_) if self.mode.records_answers() => Ok(()),
                pushed => pushed,
            },
        }
    }
}

impl Recorder for BatchRecorder {
    fn predictions(&self, predictions: &Predictions<'_>) -> Result<Option<Receipt>, NotRecorded> {
        let now_ms = (self.now_ms)();
        let source = self.source(predictions.headers);
        let mut made = Made::default();
        if let Some(share) = &self.share {
            made.shown = Shown::choose(predictions, share, source.as_deref());
        }
        if self.mode == RecordMode::Off {
            return Ok((!made.shown.is_empty()).then(|| receipt(made)));
        }
        if self.mode.records_answers() {
            let stamp = (now_ms, source.as_deref());
            self.push_rows(&mut made.batches, predictions, stamp)?;
        }
        self.count(&mut made, predictions, now_ms)?;
        Ok(Some(receipt(made)))
    }

    fn labels(&self, labels: &[Label]) -> Result<Option<Receipt>, NotRecorded> {
        let time_ms = (self.now_ms)();
        let mut made = Made::default();
        for label in labels {
            made.batches.push(&LabelLine {
                id: self.ids.next_id(),
                time_ms,
                node: self.node.as_deref(),
                prediction: label.prediction,
                label: &label.class,
            })?;
        }
        Ok(Some(receipt(made)))
    }

    fn write_metrics(&self, page: &mut String) {
        if self.mode != RecordMode::Off {
            self.metrics.write_delivery(page);
        }
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
        let receipt = receipt(Made {
            batches,
            ..Made::default()
        });
        assert_eq!(made_of(&receipt).expect("there").batches.values, [b"1\n"]);
        assert!(made_of(&receipt).is_none());
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(matches!(
            receipt.0.poll_durable(&mut context),
            Poll::Ready(Err(_))
        ));
    }
}

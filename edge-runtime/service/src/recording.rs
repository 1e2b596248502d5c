//! The seams to what a host keeps of its answers: ids, records and their durability.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::HeaderMap;
use picket_wasm_model::Scored;
use serde::{Serialize, Serializer};

use crate::served_model::ServedModel;

/// Names one prediction: 128 random bits, shown as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PredictionId(pub [u8; 16]);

impl PredictionId {
    /// Reads 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut id = [0; 16];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != id.len() || !rest.is_empty() {
            return None;
        }
        for (byte, [high, low]) in id.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(id))
    }

    fn digits(self) -> [u8; 32] {
        let mut text = [0; 32];
        for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            *pair = [
                DIGITS[usize::from(byte >> 4)],
                DIGITS[usize::from(byte & 15)],
            ];
        }
        text
    }
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for PredictionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits();
        f.write_str(std::str::from_utf8(&digits).unwrap_or_default())
    }
}

impl Serialize for PredictionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = self.digits();
        serializer.serialize_str(std::str::from_utf8(&digits).unwrap_or_default())
    }
}

/// Gives ids that no other host gives.
pub trait IdSource: Send + Sync {
    /// The next one.
    fn next_id(&self) -> PredictionId;
}

/// Predictions that are about to be answered.
#[derive(Clone, Copy)]
pub struct Predictions<'a> {
    /// The model that made them.
    pub model: &'a ServedModel,
    /// One a row.
    pub ids: &'a [PredictionId],
    /// Shape: `(n_rows, n_features)`, row-major.
    pub rows: &'a [f32],
    /// Shape: `(n_rows,)`.
    pub scored: &'a [Scored],
    /// The request's headers; one of them may say where the rows come from.
    pub headers: &'a HeaderMap,
}

/// What a prediction turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The prediction.
    pub prediction: PredictionId,
    /// A class of the model's schema.
    pub class: String,
}

/// Why predictions or labels were not recorded. They are not answered then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NotRecorded {
    /// What happened.
    pub reason: String,
}

/// Says when a record is durable.
pub trait Durable: Any + Send + Sync {
    /// Ready once it is, or with the reason why it never will be.
    fn poll_durable(&self, context: &mut Context<'_>) -> Poll<Result<(), NotRecorded>>;

    /// What the recorder left there, for a host that makes records durable itself.
    fn left(&self) -> &dyn Any;

    /// Such a host says by this that it has done so.
    fn made_durable(&self) {}
}

/// Comes with a response whose records are not durable yet, as an extension of it. The host waits for it before it
/// sends the response, and sends what [`crate::Service::not_recorded`] says where it fails.
#[derive(Clone)]
pub struct Receipt(pub Arc<dyn Durable>);

impl Receipt {
    /// The same receipt, which calls `then` once the records are durable.
    pub(crate) fn when_kept(self, then: impl FnOnce() + Send + 'static) -> Self {
        Self(Arc::new(Followed {
            receipt: self,
            then: Mutex::new(Some(then)),
        }))
    }
}

struct Followed<F> {
    receipt: Receipt,
    then: Mutex<Option<F>>,
}

impl<F: FnOnce()> Followed<F> {
    /// Once, however often it is asked.
    fn go_on(&self) {
        let mut then = self.then.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(then) = then.take() {
            then();
        }
    }
}

impl<F: FnOnce() + Send + 'static> Durable for Followed<F> {
    fn poll_durable(&self, context: &mut Context<'_>) -> Poll<Result<(), NotRecorded>> {
        let polled = self.receipt.0.poll_durable(context);
        if let Poll::Ready(Ok(())) = polled {
            self.go_on();
        }
        polled
    }

    fn left(&self) -> &dyn Any {
        self.receipt.0.left()
    }

    fn made_durable(&self) {
        self.receipt.0.made_durable();
        self.go_on();
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receipt")
    }
}

impl Future for Receipt {
    type Output = Result<(), NotRecorded>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_durable(context)
    }
}

/// Keeps what was answered. `None` instead of a receipt says that there is nothing to wait for.
pub trait Recorder: Send + Sync {
    /// Records predictions.
    ///
    /// # Errors
    /// [`NotRecorded`] where there is no room, or the disk fails.
    fn predictions(&self, made: &Predictions<'_>) -> Result<Option<Receipt>, NotRecorded>;

    /// Records labels.
    ///
    /// # Errors
    /// As [`Recorder::predictions`].
    fn labels(&self, labels: &[Label]) -> Result<Option<Receipt>, NotRecorded>;

    /// Adds its counters to `/metrics`, in Prometheus' text format.
    fn write_metrics(&self, page: &mut String);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_shown() {
        let id = PredictionId(std::array::from_fn(|i| i as u8 * 17));
        assert_eq!(id.to_string(), "00112233445566778899aabbccddeeff");
        assert_eq!(PredictionId::parse(&id.to_string()), Some(id));
        for wrong in [
            "",
            "0011223344556677889 aabbccddeeff",
            "00112233445566778899AABBCCDDEEFF",
            "00112233445566778899aabbccddeeff0",
            "00112233445566778899aabbccddeef",
        ] {
            assert_eq!(PredictionId::parse(wrong), None, "{wrong}");
        }
    }
}

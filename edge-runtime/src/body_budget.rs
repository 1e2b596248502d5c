//! Memory for bodies: many requests at a time, but not many large ones.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::BodyExt;
use hyper::body::Body;
use picket_service::{Problem, ProblemKind};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a permit stands for.
const UNIT: usize = 4096;
/// How many bodies of the largest size fit at a time.
const LARGEST_AT_A_TIME: usize = 4;

/// Hands out room for bodies.
#[derive(Debug)]
pub(crate) struct BodyBudget {
    room: Arc<Semaphore>,
    max_body: usize,
}

/// A body and the room it takes.
pub(crate) struct HeldBody {
    pub(crate) bytes: Bytes,
    /// Given back when dropped.
    pub(crate) room: OwnedSemaphorePermit,
}

impl BodyBudget {
    pub(crate) fn new(max_body: usize) -> Self {
        let room = Arc::new(Semaphore::new(LARGEST_AT_A_TIME * units(max_body)));
        Self { room, max_body }
    }

    /// Reads a body to its end.
    ///
    /// # Errors
    /// [`ProblemKind::BodyTooLarge`] past the limit, [`ProblemKind::MalformedBody`] where the
    /// client stops in the middle.
    pub(crate) async fn read<B>(&self, headers: &HeaderMap, body: B) -> Result<HeldBody, Problem>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: std::fmt::Display,
    {
        let stated = headers
            .get(http::header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        let has_body = stated.is_some() || headers.contains_key(http::header::TRANSFER_ENCODING);
        if stated.is_some_and(|stated| stated > self.max_body) {
            self.drain(body).await;
            return Err(Problem::body_too_large(self.max_body));
        }
        // A body that does not say its size may have any.
        let n_bytes = if has_body {
            stated.unwrap_or(self.max_body)
        } else {
            0
        };
        // `max_body` is at most u32::MAX units: the semaphore's own limit is lower.
        let room = Arc::clone(&self.room)
            .acquire_many_owned(units(n_bytes) as u32)
            .await;
        let room =
            room.map_err(|_| Problem::new(ProblemKind::ScorerUnavailable, "shutting down"))?;
        let bytes = self.collect(body, stated).await?;
        Ok(HeldBody { bytes, room })
    }

    async fn collect<B>(&self, mut body: B, stated: Option<usize>) -> Result<Bytes, Problem>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: std::fmt::Display,
    {
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                let detail = format!("the body ends too early: {error}");
                Problem::new(ProblemKind::MalformedBody, detail)
            })?;
            if let Ok(data) = frame.into_data() {
                // A small body comes in one piece, and is taken as it is.
                if bytes.is_empty() && stated == Some(data.len()) {
                    return Ok(data);
                }
                if bytes.is_empty() {
                    bytes.reserve(stated.unwrap_or(0).min(self.max_body));
                }
                if bytes.len() + data.len() > self.max_body {
                    drop(bytes);
                    self.drain(body).await;
                    return Err(Problem::body_too_large(self.max_body));
                }
                bytes.extend_from_slice(&data);
            }
        }
        Ok(bytes.freeze())
    }

    /// Reads a little more of a body that is too large: most clients read an answer only when they
    /// have sent all, and would see a broken connection instead of it.
    async fn drain<B: Body<Data = Bytes> + Unpin>(&self, mut body: B) {
        let mut left = 4 * self.max_body;
        while let Some(Ok(frame)) = body.frame().await {
            let n_bytes = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(n_bytes) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    }
}

/// At least one: a request without a body takes some room as well.
fn units(n_bytes: usize) -> usize {
    n_bytes.div_ceil(UNIT).max(1)
}

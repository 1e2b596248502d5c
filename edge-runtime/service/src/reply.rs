//! What a route answers, before the headers that every answer carries.

use bytes::Bytes;
use http::StatusCode;

use crate::recording::Receipt;

/// A route's answer.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
    /// The entity's tag where it may be kept by the client.
    pub(crate) etag: Option<String>,
    /// What has to be durable before this is sent.
    pub(crate) receipt: Option<Receipt>,
}

impl Reply {
    /// Enough for the answer to one row.
    const ROOM: usize = 512;

    pub(crate) fn ok(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status: StatusCode::OK,
            content_type,
            body: body.into(),
            etag: None,
            receipt: None,
        }
    }

    pub(crate) fn json(document: &impl serde::Serialize) -> Self {
        let mut body = Vec::with_capacity(Self::ROOM);
        // Strings and numbers always encode: writing to memory cannot fail.
        if serde_json::to_writer(&mut body, document).is_err() {
            body.clear();
        }
        Self::ok("application/json", body)
    }
}

//! Requests and answers as the host hands them over.

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Response, StatusCode, header};
use picket_service::{Problem, ProblemKind};
use spin_sdk::http::FullBody;

/// Reads a request's body, up to a limit.
pub(crate) async fn read<B>(mut body: B, max_body: usize) -> Result<Bytes, Problem>
where
    B: http_body_util::BodyExt<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => match frame.into_data() {
                Ok(data) if bytes.len() + data.len() <= max_body => bytes.extend_from_slice(&data),
                Ok(_) => return Err(Problem::body_too_large(max_body)),
                // Trailers say nothing here.
                Err(_) => {}
            },
            Err(error) => {
                let detail = format!("the body ends too early: {error}");
                return Err(Problem::new(ProblemKind::MalformedBody, detail));
            }
        }
    }
    Ok(bytes.freeze())
}

/// An answer as it goes out.
pub(crate) fn sent(mut response: Response<Bytes>) -> Response<FullBody<Bytes>> {
    // Where an instance ends in the middle of an answer, the length tells the host that something is missing. An answer
    // that says that nothing has changed has no body, and its length would be that of another one.
    if response.status() != StatusCode::NOT_MODIFIED {
        let length = HeaderValue::from(response.body().len());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, length);
    }
    response.map(FullBody::new)
}

/// There is no model to name, so this is no problem document of the service.
pub(crate) fn without_model(reason: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(format!("{reason}\n")));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}

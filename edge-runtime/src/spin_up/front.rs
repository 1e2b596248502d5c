//! HTTP in front of the instances.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use wasmtime_wasi_http::{Error, WasiBody};

use super::instances::{Unanswered, Workshop};
use crate::error::StartError;
use picket_telemetry::log;

/// How long a client may take to send its headers: idle connections are closed after that too.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long requests may go on once the server is to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to leave the listener alone where the system has no more sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The largest body that is held until it is there as a whole.
const HELD_BODY: usize = 1 << 20;
/// What is said of a failure; the rest stands in the log.
const FAILED: &str = "the component's instance failed, with this request or another one; try again";

pub(super) async fn serve(
    workshop: Arc<Workshop>,
    max_requests: usize,
    address: SocketAddr,
    listening: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()>,
) -> Result<(), StartError> {
    let failed = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    listening(listener.local_addr().map_err(failed)?);
    let mut stop = std::pin::pin!(stop);
    let connections = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(max_requests));
    let service = service_fn(move |request| {
        let (workshop, room) = (Arc::clone(&workshop), Arc::clone(&room));
        async move { Ok::<_, Infallible>(answer(&workshop, &room, request).await) }
    });
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                let fields = [("reason", json!(error.to_string()))];
                log("warn", "accept_failed", &fields);
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Answers are small and complete: waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service.clone());
        let connection = connections.watch(connection);
        // A broken connection is the client's affair.
        tokio::spawn(async move { drop(connection.await) });
    }
    drop(listener);
    let shutdown = tokio::time::timeout(SHUTDOWN_TIMEOUT, connections.shutdown());
    if shutdown.await.is_err() {
        log("warn", "requests_cut_off", &[]);
    }
    Ok(())
}

async fn answer(
    workshop: &Arc<Workshop>,
    room: &Semaphore,
    request: Request<Incoming>,
) -> Response<WasiBody> {
    // The semaphore is never closed.
    let Ok(_room) = room.acquire().await else {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "shutting down");
    };
    let request = request.map(|body| body.map_err(Error::from).boxed_unsync());
    match workshop.answer(request).await {
        Ok(response) => whole(response).await,
        Err(Unanswered::Late) => {
            let detail = "the component did not answer in time";
            problem(StatusCode::GATEWAY_TIMEOUT, detail)
        }
        Err(Unanswered::Failed) => problem(StatusCode::SERVICE_UNAVAILABLE, FAILED),
    }
}

/// The response once its body is there, as far as it is small. The body of an instance that fails ends without a word:
/// only its stated length tells. Where a larger one falls short of it, the connection breaks.
async fn whole(response: Response<WasiBody>) -> Response<WasiBody> {
    let length = response.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|it| it.to_str().ok()?.parse::<usize>().ok());
    let Some(length) = length.filter(|length| *length <= HELD_BODY) else {
        return response;
    };
    let (head, body) = response.into_parts();
    let collected = body.collect().await;
    match collected.map(http_body_util::Collected::to_bytes) {
        Ok(body) if body.len() == length => {
            let body = Full::new(body).map_err(Error::from).boxed_unsync();
            Response::from_parts(head, body)
        }
        _ => problem(StatusCode::SERVICE_UNAVAILABLE, FAILED),
    }
}

/// A problem of the host's own: the component has not answered.
fn problem(status: StatusCode, detail: &str) -> Response<WasiBody> {
    let document = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
    });
    let body = Full::new(Bytes::from(document.to_string()));
    let mut response = Response::new(body.map_err(Error::from).boxed_unsync());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("application/problem+json");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    // Some of the body may be unread: the connection is of no further use.
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

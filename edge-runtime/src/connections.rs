//! The connections of a server: taken up to a number, over TLS where there is a certificate, each with limits on
//! time and size.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::address_places::AddressPlaces;
use crate::tls::Tls;
use crate::write_limit::WriteLimited;
use picket_telemetry::log;

/// How long requests may go on once the server is to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to leave the listener alone where the system has no more sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The most headers of a request.
const MAX_HEADERS: usize = 100;

/// What a connection may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// How long a client may take to send its headers: idle connections are closed after that too.
    pub header_timeout: Duration,
    /// How long a client may take to send its body.
    pub body_timeout: Duration,
    /// How long a client may leave an answer unread before the connection is closed; one that reads slowly has to take
    /// 64 KiB in that time.
    pub write_timeout: Duration,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// The most bytes of a request's line and headers; at least 8 KiB.
    pub max_header_bytes: usize,
    /// The most connections at a time; further ones wait.
    pub max_connections: usize,
    /// The most connections of one address (of IPv6, of one network of 64 bits); further ones are closed.
    pub max_per_address: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(10),
            max_header_bytes: 64 << 10,
            max_connections: 1024,
            // Behind a proxy all come from one.
            max_per_address: usize::MAX,
        }
    }
}

/// Serves connections until `stop` is ready, then lets requests under way finish.
pub(crate) async fn serve<S, B>(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    limits: ConnectionLimits,
    service: S,
    stop: impl Future<Output = ()>,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut stop = std::pin::pin!(stop);
    let connections = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(limits.max_connections.max(1)));
    let places = AddressPlaces::new(limits.max_per_address.max(1));
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &room) => accepted,
        };
        let (stream, address, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                log(
                    "warn",
                    "accept_failed",
                    &[("reason", json!(error.to_string()))],
                );
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Without an answer: to write one would be more work than to close.
        let Some(place) = places.take(address.ip()) else {
            continue;
        };
        let permit = (permit, place);
        // Answers are small and complete: waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        let stream = WriteLimited::new(stream, limits.write_timeout);
        let (watcher, service) = (connections.watcher(), service.clone());
        let tls = tls.clone();
        tokio::spawn(async move {
            let Some(tls) = tls else {
                return converse(stream, limits, service, watcher, permit).await;
            };
            // Whoever does not speak TLS, or not in time, is let go without an answer.
            let handshake = tls.acceptor().accept(stream);
            if let Ok(Ok(stream)) = tokio::time::timeout(limits.handshake_timeout, handshake).await
            {
                converse(stream, limits, service, watcher, permit).await;
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, connections.shutdown())
        .await
        .is_err()
    {
        log("warn", "requests_cut_off", &[]);
    }
}

/// A connection, and its place among those that there may be.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(room)
        .acquire_owned()
        .await
        .map_err(std::io::Error::other)?;
    let (stream, address) = listener.accept().await?;
    Ok((stream, address, permit))
}

async fn converse<S, B, P>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    limits: ConnectionLimits,
    service: S,
    watcher: Watcher,
    permit: P,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(limits.max_header_bytes.max(8 << 10))
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    // A broken connection is the client's affair.
    drop(watcher.watch(connection).await);
    drop(permit);
}

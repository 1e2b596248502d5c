//! Listens, and hands requests to the routes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use crate::serve::app::App;
use crate::serve::error::ServeError;
use crate::serve::gate::Peer;
use crate::serve::route;
use picket_telemetry::log;

/// How long a client may take to send its headers: idle connections are closed after that too.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// Headers larger than this are refused by the HTTP library.
const MAX_HEADER_BYTES: usize = 64 << 10;
/// Header lines more than this are refused.
const MAX_HEADERS: usize = 64;
/// Connections at a time.
const MAX_CONNECTIONS: usize = 1024;
/// How long requests may go on once the server is to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to leave the listener alone where the system has no more sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listening service.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    router: Router,
}

impl Server {
    /// Listens on an address; port 0 takes any free one. A service that asks for no tokens listens to this machine
    /// alone.
    ///
    /// # Errors
    /// [`ServeError::NotLocal`] or [`ServeError::Listen`].
    pub async fn bind(app: App, address: SocketAddr) -> Result<Self, ServeError> {
        if app.door.is_open() && !address.ip().is_loopback() {
            return Err(ServeError::NotLocal { address });
        }
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| ServeError::Listen { address, source })?;
        Ok(Self {
            listener,
            router: route::router(app),
        })
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// What the system says.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` is ready, then lets requests under way finish.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let connections = GracefulShutdown::new();
        let places = std::sync::Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = self.listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
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
            let Ok(place) = std::sync::Arc::clone(&places).try_acquire_owned() else {
                continue;
            };
            let _ = stream.set_nodelay(true);
            let router = self.router.clone();
            let service = service_fn(move |request: http::Request<Incoming>| {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(Peer(peer.ip()));
                let answering = router.clone().oneshot(request);
                async move {
                    let Ok(response) = answering.await;
                    Ok::<_, Infallible>(response)
                }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .max_headers(MAX_HEADERS)
                .max_buf_size(MAX_HEADER_BYTES)
                .serve_connection(TokioIo::new(stream), service);
            let connection = connections.watch(connection);
            tokio::spawn(async move {
                // A broken connection is the client's affair.
                drop(connection.await);
                drop(place);
            });
        }
        drop(self.listener);
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, connections.shutdown())
            .await
            .is_err()
        {
            log("warn", "requests_cut_off", &[]);
        }
    }
}

//! HTTP as the device host speaks it: the same server code with the same settings, so that what is
//! measured is what stands behind it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

/// As the device host's.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// As many as the device host takes: two, or one where there is one core.
fn n_threads() -> usize {
    std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(2)
}

/// Runs a server.
///
/// # Errors
/// What the future gives, or that the threads do not start.
pub(crate) fn run(serving: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(n_threads())
        .enable_all()
        .build()
        .context("cannot start the threads")?;
    runtime.block_on(serving)
}

/// Serves until the process is ended.
///
/// # Errors
/// That the address cannot be listened on.
pub(crate) async fn serve<S, B>(address: SocketAddr, service: S) -> Result<()>
where
    S: hyper::service::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    loop {
        let (stream, _) = listener.accept().await.context("accepting a connection")?;
        stream.set_nodelay(true)?;
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service.clone());
        // A broken connection is the client's affair.
        tokio::spawn(async move { drop(connection.await) });
    }
}

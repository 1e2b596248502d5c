//! HTTP in front of the service.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use picket_service::{Problem, ProblemKind, Receipt, Service};
use serde_json::json;
use tokio::net::TcpListener;
use tower::ServiceExt as _;

use crate::body_budget::{BodyBudget, HeldBody};
use crate::error::StartError;
use crate::live_service::LiveService;
use crate::log_line::log;

/// How long a client may take to send its headers: idle connections are closed after that too.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take to send its body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long requests may go on once the server is to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to leave the listener alone where the system has no more sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listening server.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    front: Arc<Front>,
    router: Router,
}

#[derive(Debug)]
struct Front {
    service: LiveService,
    budget: BodyBudget,
}

impl Server {
    /// Listens on an address; port 0 takes any free one.
    ///
    /// # Errors
    /// [`StartError::Listen`], such as for a port that is in use.
    pub async fn bind(
        service: impl Into<LiveService>,
        address: SocketAddr,
    ) -> Result<Self, StartError> {
        let service = service.into();
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| StartError::Listen { address, source })?;
        let budget = BodyBudget::new(service.current().limits().max_body);
        let front = Arc::new(Front { service, budget });
        // The service routes by itself, so that every host routes alike.
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&front));
        Ok(Self {
            listener,
            front,
            router,
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
        let (front, router) = (self.front, self.router);
        let service = service_fn(move |request| {
            let answering = dispatch(Arc::clone(&front), router.clone(), request);
            async { Ok::<_, Infallible>(answering.await) }
        });
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = self.listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
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
        drop(self.listener);
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, connections.shutdown())
            .await
            .is_err()
        {
            log("warn", "requests_cut_off", &[]);
        }
    }
}

/// What the server answers with: bytes that are there, or a body of the router's.
type Answer = http::Response<Either<Full<Bytes>, Body>>;

/// One row is scored where its request was read: handing it to another thread would take longer than the
/// score. All else goes through the router.
async fn dispatch(front: Arc<Front>, router: Router, request: http::Request<Incoming>) -> Answer {
    if !front.service.current().may_be_quick(&request) {
        let Ok(response) = router.oneshot(request).await;
        return response.map(Either::Right);
    }
    let (parts, body) = request.into_parts();
    let read = read(&front, &parts.headers, body).await;
    // The model of the moment when the request is there, and that one only.
    let service = front.service.current();
    let held = match read {
        Ok(held) => held,
        Err(problem) => return refuse(&service, parts, problem).map(Either::Right),
    };
    let request = http::Request::from_parts(parts, held.bytes);
    // A panic must not take the connection's other requests with it.
    let answered = catch_unwind(AssertUnwindSafe(|| service.handle_now(&request)));
    match answered {
        Ok(Some(response)) => {
            let response = recorded(&service, &request, response).await;
            response.map(|bytes| Either::Left(Full::new(bytes)))
        }
        Ok(None) => {
            let (parts, bytes) = request.into_parts();
            let room = held.room;
            let response = handle(service, parts, HeldBody { bytes, room }).await;
            response.map(Either::Right)
        }
        Err(_) => failed(&service, request.into_parts().0, "a panic").map(Either::Right),
    }
}

async fn answer(State(front): State<Arc<Front>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let read = read(&front, &parts.headers, body).await;
    let service = front.service.current();
    match read {
        Ok(held) => handle(service, parts, held).await,
        Err(problem) => refuse(&service, parts, problem),
    }
}

/// Reads a body, for as long as a client may take.
async fn read<B>(front: &Front, headers: &HeaderMap, body: B) -> Result<HeldBody, Problem>
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let reading = front.budget.read(headers, body);
    tokio::time::timeout(BODY_TIMEOUT, reading)
        .await
        .unwrap_or_else(|_| {
            let detail = format!("the body did not come within {} s", BODY_TIMEOUT.as_secs());
            Err(Problem::new(ProblemKind::RequestTimeout, detail))
        })
}

/// Scoring takes a thread for as long as it takes; connections go on meanwhile.
async fn handle(service: Arc<Service>, parts: http::request::Parts, held: HeldBody) -> Response {
    let head = parts.clone();
    let answering = Arc::clone(&service);
    let handling = tokio::task::spawn_blocking(move || {
        let request = http::Request::from_parts(parts, held.bytes);
        let response = answering.handle(&request);
        drop(held.room);
        response
    });
    match handling.await {
        Ok(response) => {
            let request = http::Request::from_parts(head, ());
            let response = recorded(&service, &request, response).await;
            response.map(Body::from)
        }
        Err(error) => failed(&service, head, &error.to_string()),
    }
}

/// The response once its records are durable, or what goes out instead.
async fn recorded<B>(
    service: &Service,
    request: &http::Request<B>,
    mut response: http::Response<Bytes>,
) -> http::Response<Bytes> {
    let Some(receipt) = response.extensions_mut().remove::<Receipt>() else {
        return response;
    };
    match receipt.await {
        Ok(()) => response,
        Err(error) => service.not_recorded(request, error),
    }
}

fn failed(service: &Service, head: http::request::Parts, reason: &str) -> Response {
    log("error", "handler_failed", &[("reason", json!(reason))]);
    let detail = "the request could not be handled";
    refuse(
        service,
        head,
        Problem::new(ProblemKind::ScorerFailed, detail),
    )
}

fn refuse(service: &Service, head: http::request::Parts, problem: Problem) -> Response {
    let mut response = service.refuse(&http::Request::from_parts(head, ()), problem);
    // Some of the body may be unread: the connection is of no further use.
    let close = http::HeaderValue::from_static("close");
    response
        .headers_mut()
        .insert(http::header::CONNECTION, close);
    response.map(Body::from)
}

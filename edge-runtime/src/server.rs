//! HTTP in front of the service.

mod admin;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use http::header::STRICT_TRANSPORT_SECURITY;
use http::{HeaderMap, HeaderValue};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use picket_access::{Identity, Outcome};
use picket_service::{Problem, ProblemKind, Receipt, Service};
use serde_json::json;
use tokio::net::TcpListener;
use tower::ServiceExt as _;

use crate::audit_trail::audit;
use crate::body_budget::{BodyBudget, HeldBody};
use crate::connections::{self, ConnectionLimits};
use crate::doors::{Doors, REQUEST_ID, Refusal, RequestId, needed_role};
use crate::error::StartError;
use crate::live_service::LiveService;
use crate::record::RandomIds;
use crate::request_log::{LoggedRequests, RequestStory};
use crate::tls::{Tls, TlsFiles};
use picket_telemetry::{Tracer, log};

/// How often the files of tokens and certificates are looked at.
const RELOAD_INTERVAL: Duration = Duration::from_secs(5);
/// Tells browsers to come back over TLS only: for a year.
const COME_BACK_OVER_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// The label of the server's own routes.
const ADMIN: &str = "admin";

/// How a server is reached and by whom.
#[derive(Debug, Default)]
pub struct ServerOptions {
    /// Who is let in.
    pub doors: Doors,
    /// The certificate; plain HTTP without it.
    pub tls: Option<TlsFiles>,
    /// What a connection may cost.
    pub limits: ConnectionLimits,
    /// Which requests have a line in the log.
    pub logged: LoggedRequests,
    /// Where traces go.
    pub tracer: Option<Arc<Tracer>>,
    /// Whether others than this machine may come in without a token.
    pub open: bool,
}

/// A listening server.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    front: Arc<Front>,
    router: Router,
}

#[derive(Debug)]
pub(crate) struct Front {
    service: LiveService,
    budget: BodyBudget,
    doors: Doors,
    tls: Option<Arc<Tls>>,
    limits: ConnectionLimits,
    logged: LoggedRequests,
    tracer: Option<Arc<Tracer>>,
    ids: RandomIds,
}

impl Server {
    /// Listens on an address of this machine, without tokens and TLS; port 0 takes any free one.
    ///
    /// # Errors
    /// As [`Server::bind_with`].
    pub async fn bind(
        service: impl Into<LiveService>,
        address: SocketAddr,
    ) -> Result<Self, StartError> {
        Self::bind_with(service, address, ServerOptions::default()).await
    }

    /// Listens on an address; port 0 takes any free one.
    ///
    /// # Errors
    /// [`StartError::Listen`], such as for a port that is in use; [`StartError::OpenDoors`] where others than this
    /// machine could come in without a token and nobody said that they may; [`StartError::Tls`].
    pub async fn bind_with(
        service: impl Into<LiveService>,
        address: SocketAddr,
        options: ServerOptions,
    ) -> Result<Self, StartError> {
        let service = service.into();
        expect_guard(address, &options.doors, options.open)?;
        let tls = options.tls.map(Tls::open).transpose()?.map(Arc::new);
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| StartError::Listen { address, source })?;
        let front = Arc::new(Front {
            budget: BodyBudget::new(service.current().limits().max_body),
            service,
            doors: options.doors,
            tls,
            limits: options.limits,
            logged: options.logged,
            tracer: options.tracer,
            ids: RandomIds::new().map_err(StartError::random)?,
        });
        // The service routes by itself, so that every host routes alike.
        let router = Router::new()
            .route("/admin/reload", post(admin::reload))
            .route("/admin/audit", get(admin::audit_head))
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

    /// Where clients find it.
    ///
    /// # Errors
    /// What the system says.
    pub fn url(&self) -> std::io::Result<String> {
        let scheme = if self.front.tls.is_some() {
            "https"
        } else {
            "http"
        };
        Ok(format!("{scheme}://{}", self.address()?))
    }

    /// Serves until `stop` is ready, then lets requests under way finish. Files of tokens and certificates are read
    /// again when they change, and on a hang-up signal.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let (front, router) = (self.front, self.router);
        let looking = Arc::clone(&front);
        let looking = reload_changed(move |in_any_case| looking.reload(in_any_case));
        let looking = tokio::spawn(looking);
        let (limits, tls) = (front.limits, front.tls.clone());
        let service = service_fn(move |request| {
            let answering = dispatch(Arc::clone(&front), router.clone(), request);
            async { Ok::<_, Infallible>(answering.await) }
        });
        connections::serve(self.listener, tls, limits, service, stop).await;
        looking.abort();
    }
}

/// Who listens to others than this machine without tokens says so.
pub(crate) fn expect_guard(
    address: SocketAddr,
    doors: &Doors,
    open: bool,
) -> Result<(), StartError> {
    if doors.are_guarded() || open || address.ip().to_canonical().is_loopback() {
        Ok(())
    } else {
        Err(StartError::OpenDoors { address })
    }
}

/// Reads files again when they change, and on a hang-up signal.
pub(crate) async fn reload_changed(reload: impl Fn(bool) -> Result<(), StartError>) {
    #[cfg(unix)]
    let mut hangup = {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::hangup()).ok()
    };
    loop {
        let wait = tokio::time::sleep(RELOAD_INTERVAL);
        #[cfg(unix)]
        let in_any_case = if let Some(hangup) = &mut hangup {
            tokio::select! {
                () = wait => false,
                it = hangup.recv() => it.is_some(),
            }
        } else {
            wait.await;
            false
        };
        #[cfg(not(unix))]
        let in_any_case = {
            wait.await;
            false
        };
        // What fails is told there.
        let _ = reload(in_any_case);
    }
}

impl Front {
    /// Reads tokens and certificate again. What cannot be read leaves what was.
    pub(crate) fn reload(&self, in_any_case: bool) -> Result<(), StartError> {
        reload(&self.doors, self.tls.as_deref(), in_any_case)
    }

    /// Lets a request in, or says what goes out instead.
    fn admit<B>(
        &self,
        service: &Service,
        request: &http::Request<B>,
        label: &'static str,
    ) -> Admission {
        let refuse = |refusal: Refusal| {
            let Refusal {
                problem,
                challenge,
                retry_after,
                ..
            } = refusal;
            let mut response = close(service.refuse(request, problem));
            Refusal::headers(challenge, retry_after, response.headers_mut());
            response.map(|bytes| Either::Left(Full::new(bytes)))
        };
        match self.doors.preflight(request) {
            Some(Ok(response)) => {
                let answer = response.map(|bytes: Bytes| Either::Left(Full::new(bytes)));
                return Admission::Out(answer);
            }
            Some(Err(refusal)) => return Admission::Out(refuse(*refusal)),
            None => {}
        }
        let path = request.uri().path();
        if label == ADMIN && !self.doors.are_guarded() {
            let detail = "there are no administrators without --tokens";
            let problem = Problem::new(ProblemKind::NotFound, detail);
            return Admission::Out(refuse(Refusal::of(problem)));
        }
        match self.doors.enter(request, needed_role(path, label)) {
            Ok(identity) => Admission::In(identity),
            Err(refusal) => {
                if let (ADMIN, Some(identity)) = (label, &refusal.identity) {
                    // Where it cannot be written down, the log says so.
                    let _ = admin::note(identity, request, Outcome::Refused);
                }
                Admission::Out(refuse(*refusal))
            }
        }
    }
}

/// Reads tokens and certificate again, and tells what came of it.
pub(crate) fn reload(
    doors: &Doors,
    tls: Option<&Tls>,
    in_any_case: bool,
) -> Result<(), StartError> {
    let tokens = doors.reload(in_any_case);
    let certificate = tls.map_or(Ok(false), |tls| tls.reload(in_any_case));
    let mut outcome = Ok(());
    for (what, reloaded) in [
        ("tokens.reload", tokens),
        ("certificate.reload", certificate),
    ] {
        match reloaded {
            Ok(false) => {}
            Ok(true) => {
                log("info", what, &[]);
                let _ = audit("server", what, Outcome::Done, &[]);
            }
            Err(error) => {
                let reason = error.to_string();
                log("error", what, &[("reason", json!(reason))]);
                let _ = audit("server", what, Outcome::Failed, &[("reason", reason)]);
                outcome = Err(error);
            }
        }
    }
    outcome
}

/// What the server answers with: bytes that are there, or a body of the router's.
type Answer = http::Response<Either<Full<Bytes>, Body>>;

/// Whether a request is let in.
enum Admission {
    /// It is, with whose token it was where one was needed.
    In(Option<Identity>),
    /// This goes out instead of its answer.
    Out(Answer),
}

/// Lets a request in, has it answered, and tells how that went.
async fn dispatch(
    front: Arc<Front>,
    router: Router,
    mut request: http::Request<Incoming>,
) -> Answer {
    let service = front.service.current();
    let path = request.uri().path();
    let label = if path.starts_with("/admin/") {
        ADMIN
    } else {
        service.route_label(path)
    };
    let tracer = front.tracer.as_deref();
    let story = RequestStory::of(&request, label, &front.ids, tracer);
    let origin = front.doors.allowed_origin(request.headers());
    let (mut response, identity) = match front.admit(&service, &request, label) {
        Admission::Out(response) => (response, None),
        Admission::In(identity) => {
            // Not held while the request goes on: a model that was replaced is let go.
            drop(service);
            request.extensions_mut().insert(story.id.clone());
            if let Some(identity) = &identity {
                request.extensions_mut().insert(identity.clone());
            }
            let response = admitted(Arc::clone(&front), router, request).await;
            (response, identity)
        }
    };
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, story.id.value());
    front.doors.show_to(origin.as_ref(), headers);
    if front.tls.is_some() {
        headers.insert(STRICT_TRANSPORT_SECURITY, COME_BACK_OVER_TLS);
    }
    let (status, headers) = (response.status(), response.headers());
    let version = headers.get("picket-model-version");
    let version = version.and_then(|it| it.to_str().ok()).unwrap_or_default();
    story.end(status, identity.as_ref(), version, front.logged, tracer);
    response
}

/// One row is scored where its request was read: handing it to another thread would take longer than the
/// score. All else goes through the router.
async fn admitted(front: Arc<Front>, router: Router, request: http::Request<Incoming>) -> Answer {
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
            // The request stands in the connection's buffer. Held while the answer waits for the disk, it would cost every
            // request a buffer of its own.
            drop((request, held.room));
            let response = recorded(&service, quick_head, response).await;
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
    let limit = front.limits.body_timeout;
    tokio::time::timeout(limit, reading)
        .await
        .unwrap_or_else(|_| {
            let detail = format!("the body did not come within {} s", limit.as_secs_f64());
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
            let head = || http::Request::from_parts(head, ());
            let response = recorded(&service, head, response).await;
            response.map(Body::from)
        }
        Err(error) => failed(&service, head, &error.to_string()),
    }
}

/// The response once its records are durable, or what goes out instead to a request with such a head.
async fn recorded(
    service: &Service,
    head: impl FnOnce() -> http::Request<()>,
    mut response: http::Response<Bytes>,
) -> http::Response<Bytes> {
    let Some(receipt) = response.extensions_mut().remove::<Receipt>() else {
        return response;
    };
    match receipt.await {
        Ok(()) => response,
        Err(error) => service.not_recorded(&head(), error),
    }
}

/// What of a request for one row matters to whoever says that it was not recorded.
fn quick_head() -> http::Request<()> {
    let mut head = http::Request::new(());
    *head.method_mut() = http::Method::POST;
    *head.uri_mut() = http::Uri::from_static("/predict");
    head
}

fn failed(service: &Service, head: http::request::Parts, reason: &str) -> Response {
    let id = head.extensions.get::<RequestId>();
    let fields = [
        ("reason", json!(reason)),
        ("request_id", json!(id.map(RequestId::as_str))),
    ];
    log("error", "handler_failed", &fields);
    let detail = "the request could not be handled";
    refuse(
        service,
        head,
        Problem::new(ProblemKind::ScorerFailed, detail),
    )
}

fn refuse(service: &Service, head: http::request::Parts, problem: Problem) -> Response {
    let response = service.refuse(&http::Request::from_parts(head, ()), problem);
    close(response).map(Body::from)
}

/// Some of the body may be unread: the connection is of no further use.
fn close<B>(mut response: http::Response<B>) -> http::Response<B> {
    let close = HeaderValue::from_static("close");
    response
        .headers_mut()
        .insert(http::header::CONNECTION, close);
    response
}

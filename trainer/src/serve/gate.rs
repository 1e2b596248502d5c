//! What every request goes through: an id, who sends it, whether they may, how long it may take; and what every
//! response carries.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant, SystemTime};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use picket_access::Role;
use picket_telemetry::{Attribute, Span, SpanKind, TraceContext, Tracer, log};
use serde_json::json;

use crate::jobs::{TaskId, random};
use crate::serve::app::App;
use crate::serve::door::Caller;
use crate::serve::problem::{PROBLEM_JSON, Problem};

/// Names a request in its response and in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// How long a request may take, its body included. Streams begin within it.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// What pages of the service may do; a route may say otherwise.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// The route of a path that is none.
const UNKNOWN_ROUTE: &str = "unknown";

/// Where a request came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The id of a request.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

/// Where in a trace a request is told, as a `traceparent`; nothing where none is kept.
#[derive(Clone, Debug)]
pub(crate) struct RequestTrace(pub(crate) Option<String>);

/// The role that a route needs; `None` for what everybody may see.
pub(crate) type Needed = Option<Role>;

/// Which role a route needs, by its pattern and the method.
pub(crate) type Roles = fn(&str, &Method) -> Needed;

/// Lets a request through to its route, or answers it.
pub(crate) async fn pass(
    State((app, needed)): State<(App, Roles)>,
    mut request: Request,
    next: Next,
) -> Response {
    let start = Instant::now();
    let wall_start = SystemTime::now();
    let id = request_id(request.headers());
    let tracer = app.jobs.tracer.as_deref();
    let trace = tracer.and_then(|tracer| trace_context(request.headers(), tracer));
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or(UNKNOWN_ROUTE, MatchedPath::as_str)
        .to_owned();
    let peer = request
        .extensions()
        .get::<Peer>()
        .map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0);
    let admitted = admit(
        &app,
        request.headers(),
        peer,
        &method,
        &route,
        needed(&route, &method),
    );
    let (caller, response) = match admitted {
        Err(problem) => (None, problem.into_response()),
        Ok(caller) => {
            request.extensions_mut().insert(RequestId(id.clone()));
            let traceparent = trace.as_ref().map(TraceContext::traceparent);
            request.extensions_mut().insert(RequestTrace(traceparent));
            if let Some(caller) = &caller {
                request.extensions_mut().insert(caller.clone());
            }
            (caller, answer(request, next).await)
        }
    };
    let mut response = as_problem(response);
    finish(&mut response, &id);
    let status = response.status().as_u16();
    app.metrics
        .observe(&route, method_name(&method), status, start.elapsed());
    log(
        if status >= 500 { "error" } else { "info" },
        "request",
        &[
            ("request_id", json!(id)),
            ("method", json!(method_name(&method))),
            ("route", json!(route)),
            ("status", json!(status)),
            ("caller", json!(caller.map(|caller| caller.name))),
            ("address", json!(peer.to_string())),
            (
                "ms",
                json!((start.elapsed().as_secs_f64() * 1e5).round() / 100.0),
            ),
        ],
    );
    if let (Some(tracer), Some(context)) = (tracer, trace) {
        tracer.take(Span {
            context,
            kind: SpanKind::Server,
            name: format!("{} {route}", method_name(&method)),
            start: wall_start,
            end: wall_start + start.elapsed(),
            is_failed: status >= 500,
            attributes: vec![
                ("http.request.method", method_name(&method).into()),
                ("http.route", route.into()),
                (
                    "http.response.status_code",
                    Attribute::Number(status.into()),
                ),
                ("picket.request.id", id.into()),
            ],
        });
    }
    response
}

/// The request's place in a trace that is kept. A header that comes twice names nobody's trace.
fn trace_context(headers: &HeaderMap, tracer: &Tracer) -> Option<TraceContext> {
    let mut values = headers
        .get_all(HeaderName::from_static("traceparent"))
        .iter();
    let given = values.next().filter(|_| values.next().is_none());
    let share = tracer.share_per_million();
    let context = TraceContext::of(given.map(HeaderValue::as_bytes), &random, share);
    context.is_sampled().then_some(context)
}

fn admit(
    app: &App,
    headers: &HeaderMap,
    peer: IpAddr,
    method: &Method,
    route: &str,
    needed: Needed,
) -> Result<Option<Caller>, Problem> {
    let Some(needed) = needed else {
        return Ok(None);
    };
    if app.door.is_open() {
        refuse_other_sites(headers)?;
    }
    let what = format!("{} {route}", method_name(method));
    let caller = app.door.admit(headers, peer, needed, &what)?;
    // Routes that need more than to look change something, whatever their method.
    let is_change = needed != Role::Viewer || !matches!(*method, Method::GET | Method::HEAD);
    if is_change && needed != Role::Viewer {
        app.door.expect_audit()?;
    }
    Ok(Some(caller))
}

/// Without tokens a page of another site could send requests with the user's browser: such requests name another
/// host, or say that they come from elsewhere.
fn refuse_other_sites(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let site = text(HeaderName::from_static("sec-fetch-site")).unwrap_or("none");
    let host = text(header::HOST).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) {
            name
        } else {
            host
        }
    });
    let is_local_name = matches!(name, "localhost" | "[::1]")
        || name
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|ip| ip.is_loopback());
    let origin = text(header::ORIGIN);
    let is_own = origin.is_none_or(|origin| origin == format!("http://{host}"));
    if is_local_name && is_own && matches!(site, "none" | "same-origin") {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "forbidden",
        "an open service answers only requests that were made for it on this machine",
    ))
}

async fn answer(request: Request, next: Next) -> Response {
    let answering = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(TIME_LIMIT, answering).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Problem::internal("a panic").into_response(),
        Err(_) => {
            let detail = format!("the request took longer than {} s", TIME_LIMIT.as_secs());
            Problem::new(StatusCode::REQUEST_TIMEOUT, "request-timeout", detail).into_response()
        }
    }
}

/// Errors of the router and its extractors are plain text: they become problems like all others.
fn as_problem(response: Response) -> Response {
    let status = response.status();
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(PROBLEM_JSON.as_bytes()));
    if is_problem || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (slug, detail) = match status {
        StatusCode::NOT_FOUND => ("not-found", "nothing is here; GET /docs lists the routes"),
        StatusCode::METHOD_NOT_ALLOWED => ("method-not-allowed", "this path has other methods"),
        StatusCode::PAYLOAD_TOO_LARGE => ("body-too-large", "the body is larger than the limit"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ("media-type", "this content type is not read here"),
        _ => ("bad-request", "the request is not one of this route"),
    };
    let mut problem = Problem::new(status, slug, detail).into_response();
    if let Some(allow) = response.headers().get(header::ALLOW) {
        problem.headers_mut().insert(header::ALLOW, allow.clone());
    }
    problem
}

fn finish(response: &mut Response, id: &str) {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
    }
}

/// The id that the client gave, where it can stand in a log, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let good = given.filter(|id| {
        (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    });
    good.map_or_else(
        || TaskId::new().map_or_else(|_| "none".to_owned(), |id| id.to_string()),
        str::to_owned,
    )
}

/// One of a few names: a method of the client's own must not become a label.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        pairs.collect()
    }

    #[test]
    fn pages_of_other_sites_do_not_use_an_open_service() {
        for (pairs, expected) in [
            (&[("host", "127.0.0.1:3100")][..], true),
            (&[("host", "localhost")], true),
            (&[("host", "[::1]:3100")], true),
            (&[("host", "attacker.example:3100")], false),
            (&[("host", "127.0.0.1.attacker.example")], false),
            (&[], false),
            (
                &[("host", "127.0.0.1:3100"), ("sec-fetch-site", "cross-site")],
                false,
            ),
            (
                &[
                    ("host", "127.0.0.1:3100"),
                    ("sec-fetch-site", "same-origin"),
                ],
                true,
            ),
            (
                &[
                    ("host", "127.0.0.1:3100"),
                    ("origin", "http://127.0.0.1:3100"),
                ],
                true,
            ),
            (
                &[
                    ("host", "127.0.0.1:3100"),
                    ("origin", "https://attacker.example"),
                ],
                false,
            ),
        ] {
            let found = refuse_other_sites(&headers(pairs)).is_ok();
            assert_eq!(found, expected, "{pairs:?}");
        }
    }

    #[test]
    fn a_clients_id_is_kept_where_it_is_one() {
        let given = headers(&[("x-request-id", "a-17")]);
        assert_eq!(request_id(&given), "a-17");
        let bad = headers(&[("x-request-id", "a b\"c")]);
        assert_eq!(request_id(&bad).len(), 36);
    }
}

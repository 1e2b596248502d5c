//! What of a request is told: a line of the log, a span of a trace.

use std::str::FromStr;
use std::time::{Instant, SystemTime};

use http::{HeaderMap, HeaderName, Method, Request, StatusCode};
use picket_access::Identity;
use picket_service::IdSource;
use picket_telemetry::{Attribute, Span, SpanKind, TraceContext, Tracer, log};
use serde_json::json;

use crate::doors::RequestId;

/// Which requests have a line in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoggedRequests {
    /// None.
    None,
    /// Those that were refused at the door, and those that the server could not answer.
    #[default]
    Failures,
    /// Every one.
    All,
}

impl FromStr for LoggedRequests {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "failures" => Ok(Self::Failures),
            "all" => Ok(Self::All),
            _ => Err("expected none, failures or all".to_owned()),
        }
    }
}

/// A request under way. Neither its path nor its query is told: they may hold what is nobody's business. The route's
/// label is.
#[derive(Debug)]
pub(crate) struct RequestStory {
    pub(crate) id: RequestId,
    route: &'static str,
    method: &'static str,
    trace: Option<TraceContext>,
    start: Instant,
    wall_start: Option<SystemTime>,
}

impl RequestStory {
    pub(crate) fn of<B>(
        request: &Request<B>,
        route: &'static str,
        ids: &dyn IdSource,
        tracer: Option<&Tracer>,
    ) -> Self {
        let trace = tracer.map(|tracer| trace_context(request.headers(), ids, tracer));
        let trace = trace.filter(TraceContext::is_sampled);
        Self {
            id: RequestId::of(request.headers(), ids),
            route,
            method: method_name(request.method()),
            trace,
            start: Instant::now(),
            wall_start: trace.map(|_| SystemTime::now()),
        }
    }

    /// Tells how it ended.
    pub(crate) fn end(
        &self,
        status: StatusCode,
        identity: Option<&Identity>,
        model_version: &str,
        logged: LoggedRequests,
        tracer: Option<&Tracer>,
    ) {
        let refused = [
            StatusCode::UNAUTHORIZED,
            StatusCode::FORBIDDEN,
            StatusCode::TOO_MANY_REQUESTS,
        ];
        let failed = status.is_server_error() || refused.contains(&status);
        let told = match logged {
            LoggedRequests::None => false,
            LoggedRequests::Failures => failed,
            LoggedRequests::All => true,
        };
        if told {
            let level = if failed { "warn" } else { "info" };
            let mut fields = vec![
                ("request_id", json!(self.id.as_str())),
                ("method", json!(self.method)),
                ("route", json!(self.route)),
                ("status", json!(status.as_u16())),
                ("seconds", json!(self.start.elapsed().as_secs_f64())),
            ];
            if let Some(identity) = identity {
                fields.push(("token", json!(identity.name())));
            }
            log(level, "request", &fields);
        }
        if let (Some(tracer), Some(context), Some(start)) = (tracer, self.trace, self.wall_start) {
            tracer.take(Span {
                context,
                kind: SpanKind::Server,
                name: format!("{} {}", self.method, self.route),
                start,
                end: start + self.start.elapsed(),
                is_failed: status.is_server_error(),
                attributes: vec![
                    ("http.request.method", self.method.into()),
                    ("http.route", self.route.into()),
                    (
                        "http.response.status_code",
                        Attribute::Number(status.as_u16().into()),
                    ),
                    ("picket.model.version", model_version.into()),
                    ("picket.request.id", self.id.as_str().into()),
                ],
            });
        }
    }
}

/// A header that comes twice names nobody's trace.
fn trace_context(headers: &HeaderMap, ids: &dyn IdSource, tracer: &Tracer) -> TraceContext {
    let mut values = headers
        .get_all(HeaderName::from_static("traceparent"))
        .iter();
    let given = values.next().filter(|_| values.next().is_none());
    let random = || ids.next_id().0;
    TraceContext::of(
        given.map(http::HeaderValue::as_bytes),
        &random,
        tracer.share_per_million(),
    )
}

/// A client may invent methods; the log shows those that there are.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "_OTHER",
    }
}

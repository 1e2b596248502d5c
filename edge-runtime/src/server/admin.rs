//! What administrators may ask for. Every call stands in the audit log before it is answered.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use picket_access::{AuditError, Identity, Outcome};
use picket_service::{Problem, ProblemKind};
use serde_json::{Value, json};

use super::{Front, refuse};
use crate::audit_trail::{audit, head};

/// `POST /admin/reload`: reads tokens and certificate again.
pub(super) async fn reload(State(front): State<Arc<Front>>, request: Request) -> Response {
    if let Err(problem) = noted(&request) {
        return refused(&front, request, problem);
    }
    match front.reload(true) {
        Ok(()) => json_answer(&json!({"reloaded": true})),
        Err(error) => {
            let problem = Problem::new(ProblemKind::NotRecorded, error.to_string());
            refused(&front, request, problem)
        }
    }
}

/// `GET /admin/audit`: how many events the audit log has and the digest of the last, for keeping elsewhere.
pub(super) async fn audit_head(State(front): State<Arc<Front>>, request: Request) -> Response {
    if let Err(problem) = noted(&request) {
        return refused(&front, request, problem);
    }
    let Some((n_events, digest)) = head() else {
        let problem = Problem::new(ProblemKind::NotFound, "there is no audit log");
        return refused(&front, request, problem);
    };
    json_answer(&json!({"n_events": n_events, "head": digest}))
}

/// Writes a call down.
pub(super) fn note<B>(
    identity: &Identity,
    request: &http::Request<B>,
    outcome: Outcome,
) -> Result<(), AuditError> {
    let call = format!("{} {}", request.method(), request.uri().path());
    let call = call.chars().take(200).collect();
    audit(identity.name(), "admin.call", outcome, &[("call", call)])
}

/// Who is not written down does not act.
fn noted(request: &Request) -> Result<(), Problem> {
    let identity = request.extensions().get::<Identity>().ok_or_else(|| {
        Problem::new(
            ProblemKind::Unauthorized,
            "expected an administrator's token",
        )
    })?;
    note(identity, request, Outcome::Done).map_err(|_| {
        let detail = "the call cannot be written into the audit log";
        Problem::new(ProblemKind::NotRecorded, detail)
    })
}

fn refused(front: &Front, request: Request, problem: Problem) -> Response {
    refuse(&front.service.current(), request.into_parts().0, problem)
}

fn json_answer(value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

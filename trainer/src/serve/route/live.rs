//! `GET /live`, `/alerts`: what the last look at the field saw.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{StatusCode, header};

use crate::serve::app::App;
use crate::serve::problem::ProblemDocument;

/// How the models do in the field, as `docs/monitor.md` describes it field by field: `view`, and which features speak for
/// threats: `contributions`. `is_configured` is false where the service knows of no records, `problem` says why the last look
/// failed.
#[utoipa::path(
    get,
    path = "/live",
    responses(
        (status = 200, description = "The last look", body = Object),
        (status = "4XX", description = "What is wrong with the request", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "The service failed", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn live(State(app): State<App>) -> Response {
    answer(app.watch.live_json())
}

/// Alerts that are raised, and those that the last look cleared.
#[utoipa::path(
    get,
    path = "/alerts",
    responses(
        (status = 200, description = "Alerts, and when the rules were last applied", body = Object),
        (status = "4XX", description = "What is wrong with the request", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "The service failed", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn alerts(State(app): State<App>) -> Response {
    answer(app.watch.alerts_json())
}

fn answer(json: Bytes) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::OK, kind, json).into_response()
}

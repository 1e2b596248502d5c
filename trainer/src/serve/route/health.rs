//! `GET /health`, `/ready`, `/metrics`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use utoipa::ToSchema;

use crate::jobs::Lane;
use crate::serve::app::App;
use crate::serve::problem::{Problem, ProblemDocument};
use crate::serve::route::json;
use crate::serve::service_metrics::push_family;

/// That the service runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
    /// The trainer's version.
    version: &'static str,
}

const OK: Health = Health {
    status: "ok",
    version: env!("CARGO_PKG_VERSION"),
};

/// Whether the process answers.
#[utoipa::path(
    get,
    path = "/health",
    responses((status = 200, description = "It does", body = Health))
)]
pub(crate) async fn health() -> Response {
    json(StatusCode::OK, &OK)
}

/// Whether trainings can be taken: the state folder and the queue answer.
#[utoipa::path(
    get,
    path = "/ready",
    responses(
        (status = 200, description = "They do", body = Health),
        (status = 503, description = "They do not", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn ready(State(app): State<App>) -> Response {
    if app.jobs.queue.n_unfinished(Lane::Trainings).await.is_err() {
        return Problem::unavailable("the queue does not answer").into_response();
    }
    match app.blocking(|app| app.jobs.state.task_ids()).await {
        Ok(_) => json(StatusCode::OK, &OK),
        Err(_) => Problem::unavailable("the state folder cannot be read").into_response(),
    }
}

/// Counts in Prometheus' text format.
#[utoipa::path(
    get,
    path = "/metrics",
    responses(
        (status = 200, description = "Counts", body = String, content_type = "text/plain"),
        (status = "4XX", description = "What is wrong with the request", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "The service failed", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn metrics(State(app): State<App>) -> Response {
    let mut page = String::new();
    app.metrics.write(&mut page);
    app.watch.write_metrics(&mut page);
    for (name, help, value) in app.jobs.metrics.all() {
        push_family(&mut page, name, "counter", help, value);
    }
    // Writing to a string cannot fail.
    let _ = writeln!(
        page,
        "# HELP picket_queue_unfinished Jobs that are not done, by queue.\n# TYPE picket_queue_unfinished gauge"
    );
    for lane in Lane::ALL {
        // A queue that does not answer has no number, and /ready says so.
        if let Ok(n) = app.jobs.queue.n_unfinished(lane).await {
            let lane = lane.name();
            let _ = writeln!(page, "picket_queue_unfinished{{queue=\"{lane}\"}} {n}");
        }
    }
    let counted = app.blocking(|app| {
        let mut by_status: BTreeMap<&'static str, u64> = BTreeMap::new();
        for id in app.jobs.state.task_ids()? {
            if let Some(status) = app.jobs.state.status(&id) {
                *by_status.entry(status.name()).or_default() += 1;
            }
        }
        Ok(by_status)
    });
    if let Ok(by_status) = counted.await {
        let _ = writeln!(
            page,
            "# HELP picket_tasks Tasks in the state folder, by state.\n# TYPE picket_tasks gauge"
        );
        for (status, n) in by_status {
            let _ = writeln!(page, "picket_tasks{{status=\"{status}\"}} {n}");
        }
    }
    let kind = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    (StatusCode::OK, kind, page).into_response()
}

//! `GET /drift`: how far rows have moved, as the runs found it.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::error::TrainerError;
use crate::serve::app::{App, Shared};
use crate::serve::problem::ProblemDocument;
use crate::serve::route::json;
use crate::serve::route::runs::run_names;

/// Runs that the history goes back.
const MAX_RUNS: usize = 50;

/// A column.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DriftColumn {
    /// The feature.
    column: String,
    /// The population stability index.
    psi: f64,
    /// The p-value after correction for the number of columns.
    q_value: f64,
    is_drifted: bool,
}

/// What a run found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DriftOfRun {
    run_id: String,
    /// When the run began.
    started: String,
    is_drifted: bool,
    n_drifted: u64,
    columns: Vec<DriftColumn>,
}

/// Drift, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DriftAnswer {
    history: Vec<DriftOfRun>,
}

/// Drift between each run's rows and its reference, newest run first. Runs without a reference have none.
#[utoipa::path(
    get,
    path = "/drift",
    responses(
        (status = 200, description = "Drift by feature, run by run", body = DriftAnswer),
        (status = "4XX", description = "What is wrong with the request", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "The service failed", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn drift(State(app): State<App>) -> Response {
    match app.blocking(history).await {
        Ok(answer) => json(StatusCode::OK, &answer),
        Err(problem) => problem.into_response(),
    }
}

fn history(app: &Shared) -> Result<DriftAnswer, TrainerError> {
    let names = run_names(app)?;
    let history = names.iter().rev().filter_map(|name| of_run(app, name));
    Ok(DriftAnswer {
        history: history.take(MAX_RUNS).collect(),
    })
}

fn of_run(app: &Shared, run_id: &str) -> Option<DriftOfRun> {
    let folder = app.jobs.state.runs().join(run_id);
    let report: Value = crate::jobs::read_json(&folder.join("drift/drift.json")).ok()??;
    let record: Value = crate::jobs::read_json(&folder.join("run.json")).ok()??;
    let columns = report["columns"].as_array()?.iter().map(|column| {
        Some(DriftColumn {
            column: column["column"].as_str()?.to_owned(),
            psi: column["psi"].as_f64()?,
            q_value: column["q_value"].as_f64()?,
            is_drifted: column["drift_status"].as_bool()?,
        })
    });
    Some(DriftOfRun {
        run_id: run_id.to_owned(),
        started: record["started"].as_str()?.to_owned(),
        is_drifted: report["drift_status"].as_bool()?,
        n_drifted: report["n_drifted"].as_u64()?,
        columns: columns.collect::<Option<_>>()?,
    })
}

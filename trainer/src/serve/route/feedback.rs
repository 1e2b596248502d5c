//! `GET /feedback/stats`: what the edges and their users have told.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::serve::app::App;
use crate::serve::problem::ProblemDocument;
use crate::serve::route::json;

/// Labels that came back, and how the verdicts did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct FeedbackStats {
    /// Where the numbers come from: `none` where no records are configured.
    pub(crate) source: String,
    /// Predictions on record.
    pub(crate) n_predictions: u64,
    /// Labels on record.
    pub(crate) n_labels: u64,
    /// Labels whose prediction is on record too.
    pub(crate) n_joined: u64,
    /// Of these, those where the verdict was right.
    pub(crate) n_correct: u64,
    /// The share of right verdicts among the joined; absent where there are none.
    pub(crate) accuracy: Option<f64>,
}

/// How many labels came back, and how often the verdicts were right.
#[utoipa::path(
    get,
    path = "/feedback/stats",
    responses(
        (status = 200, description = "Counts", body = FeedbackStats),
        (status = "4XX", description = "What is wrong with the request", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "The records cannot be read", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn feedback_stats(State(app): State<App>) -> Response {
    match app.blocking(|app| app.live.feedback()).await {
        Ok(stats) => json(StatusCode::OK, &stats),
        Err(problem) => problem.into_response(),
    }
}

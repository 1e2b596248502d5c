//! The routes, one file each, and the role that each needs.
//!
//! A new page or route comes here: its handler in a file of its own, its line in [`router`], its role in [`needed`], its
//! description in `openapi.rs`.

mod drift;
mod events;
mod feedback;
mod health;
mod home;
mod live;
mod models;
mod predict;
mod runs;
mod task;
mod train;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use http::{Method, StatusCode};
use picket_access::Role;

use crate::serve::app::App;
use crate::serve::docs;
use crate::serve::gate::{self, Needed, Roles};
use crate::serve::problem::Problem;

pub(crate) use drift::{__path_drift, DriftAnswer, DriftColumn, DriftOfRun};
pub(crate) use events::__path_events;
pub(crate) use feedback::{__path_feedback_stats, FeedbackStats};
pub(crate) use health::{__path_health, __path_metrics, __path_ready, Health};
pub(crate) use home::__path_home;
pub(crate) use live::{__path_alerts, __path_live};
pub(crate) use models::{
    __path_models, __path_promote, __path_rollback, ChannelAnswer, ModelAnswer, ModelsAnswer,
};
pub(crate) use predict::{__path_predict, __path_predict_batch};
pub(crate) use runs::{
    __path_artifact, __path_report, __path_run, __path_runs, ArtifactAnswer, RunAnswer, RunsAnswer,
};
pub(crate) use task::{__path_cancel, __path_task, __path_tasks, TaskAnswer, TasksAnswer};
pub(crate) use train::{__path_train_get, __path_train_post, MAX_UNFINISHED, TrainAnswer};

/// The largest body: a batch of rows.
const MAX_BODY: usize = 16 << 20;

/// All routes behind the gate.
pub(crate) fn router(app: App) -> Router {
    let router: Router<App> = Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/home", get(home::home))
        .route("/home/{file}", get(home::asset))
        .route("/live", get(live::live))
        .route("/alerts", get(live::alerts))
        .route("/docs", get(docs::page))
        .route("/openapi.json", get(docs::openapi_json))
        .route("/train", get(train::train_get).post(train::train_post))
        .route("/task", get(task::tasks))
        .route("/task/{id}", get(task::task))
        .route("/task/{id}", delete(task::cancel))
        .route("/task/{id}/events", get(events::events))
        .route("/runs", get(runs::runs))
        .route("/runs/{id}", get(runs::run))
        .route("/runs/{id}/report", get(runs::report))
        .route("/runs/{id}/artifacts/{*path}", get(runs::artifact))
        .route("/models", get(models::models))
        .route("/models/{id}/promote", post(models::promote))
        .route("/models/{id}/rollback", post(models::rollback))
        .route("/drift", get(drift::drift))
        .route("/feedback/stats", get(feedback::feedback_stats))
        .route("/predict", post(predict::predict))
        .route("/predict/batch", post(predict::predict_batch))
        .fallback(nothing);
    let state: (App, Roles) = (app.clone(), needed);
    router
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(state, gate::pass))
        .with_state(app)
}

/// The role that a route needs; `None` for what everybody may see. What is not named here needs the lowest role, so
/// that a route which is forgotten is closed.
fn needed(route: &str, method: &Method) -> Needed {
    match (route, method) {
        // The dashboard's files hold no data; what it shows it asks for with a token.
        ("/health" | "/ready" | "/home" | "/home/{file}", _) => None,
        ("/train", _) | ("/task/{id}", &Method::DELETE) => Some(Role::Trainer),
        ("/models/{id}/promote" | "/models/{id}/rollback", _) => Some(Role::Admin),
        _ => Some(Role::Viewer),
    }
}

async fn nothing() -> Response {
    Problem::not_found("nothing is here; GET /docs lists the routes").into_response()
}

/// An answer in JSON.
pub(crate) fn json(status: StatusCode, content: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(content) {
        Ok(body) => {
            let kind = [(http::header::CONTENT_TYPE, "application/json")];
            (status, kind, body).into_response()
        }
        Err(error) => Problem::internal(&error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_need_more_than_looking_and_unknown_routes_are_closed() {
        assert_eq!(needed("/health", &Method::GET), None);
        assert_eq!(needed("/home", &Method::GET), None);
        assert_eq!(needed("/live", &Method::GET), Some(Role::Viewer));
        assert_eq!(needed("/train", &Method::GET), Some(Role::Trainer));
        assert_eq!(needed("/task/{id}", &Method::DELETE), Some(Role::Trainer));
        assert_eq!(needed("/task/{id}", &Method::GET), Some(Role::Viewer));
        let promote = needed("/models/{id}/promote", &Method::POST);
        assert_eq!(promote, Some(Role::Admin));
        assert_eq!(needed("unknown", &Method::GET), Some(Role::Viewer));
    }
}

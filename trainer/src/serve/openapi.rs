//! The API's description, made from the code that answers.

use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, openapi};

use crate::jobs::{BestSoFar, TaskProgress, TaskStatus};
use crate::serve::problem::ProblemDocument;
use crate::serve::route;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Picket trainer",
        description = "Trains threat models, watches them and decides which one is used. Every error is problem+json (RFC 9457). Every response carries x-request-id.",
    ),
    paths(
        route::train_get,
        route::train_post,
        route::tasks,
        route::task,
        route::cancel,
        route::events,
        route::runs,
        route::run,
        route::report,
        route::artifact,
        route::models,
        route::promote,
        route::rollback,
        route::drift,
        route::feedback_stats,
        route::predict,
        route::predict_batch,
        route::home,
        route::live,
        route::alerts,
        route::health,
        route::ready,
        route::metrics,
    ),
    components(schemas(
        route::TrainAnswer,
        route::TaskAnswer,
        route::TasksAnswer,
        route::RunAnswer,
        route::RunsAnswer,
        route::ArtifactAnswer,
        route::ModelsAnswer,
        route::ModelAnswer,
        route::ChannelAnswer,
        route::DriftAnswer,
        route::DriftOfRun,
        route::DriftColumn,
        route::FeedbackStats,
        route::Health,
        ProblemDocument,
        TaskProgress,
        TaskStatus,
        BestSoFar,
    )),
    modifiers(&Tokens),
    security(("token" = [])),
)]
struct Api;

/// All routes but the probes take a token.
struct Tokens;

impl Modify for Tokens {
    fn modify(&self, api: &mut openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = api.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// The API as `OpenAPI` 3.1.
#[must_use]
pub fn openapi() -> openapi::OpenApi {
    Api::openapi()
}

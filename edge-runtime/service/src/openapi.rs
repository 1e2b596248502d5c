//! The API's description, made from the code that answers.

use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::answer::{BatchPrediction, Prediction, RowPrediction};
use crate::issue::Issue;
use crate::problem::ProblemDocument;
use crate::route;

/// A row to score.
#[derive(Serialize, ToSchema)]
#[schema(as = Row)]
pub(crate) struct RowRequest {
    /// An array in the schema's order, or an object by name.
    #[schema(value_type = Object, example = json!({"having_IP_Address": -1, "URL_Length": 1}))]
    features: (),
    /// Comes back unchanged.
    #[schema(value_type = Option<Object>, example = json!({"id": "a-17"}))]
    metadata: (),
}

/// Rows to score.
#[derive(Serialize, ToSchema)]
#[schema(as = Batch)]
pub(crate) struct BatchRequest {
    samples: Vec<RowRequest>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Picket",
        description = "Scores rows with one threat model. Every answer carries the headers picket-model-version and picket-artifact-digest, and picket-release where the model came in a signed release; every error is problem+json (RFC 9457).",
    ),
    paths(
        route::predict,
        route::batch,
        route::feedback,
        route::model,
        route::model_file,
        route::release_file,
        route::health,
        route::ready,
        route::metrics,
    ),
    components(schemas(Prediction, BatchPrediction, RowPrediction, ProblemDocument, Issue))
)]
struct Api;

/// The API as `OpenAPI` 3.1.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

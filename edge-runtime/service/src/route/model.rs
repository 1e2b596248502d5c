//! `GET /model`, `GET /model.picket` and `GET /release.dsse.json`: what the model is, the model, and who signed it.

use std::collections::BTreeMap;

use picket_schema::FeatureSchema;
use picket_schema::artifact::Metric;
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::{Problem, ProblemDocument, ProblemKind};
use crate::reply::Reply;
use crate::service::Service;

/// What the model is.
#[derive(Serialize, ToSchema)]
#[schema(as = ModelDescription)]
pub(crate) struct Description<'a> {
    version: &'a str,
    digest: &'a str,
    n_bytes: usize,
    algorithm: &'a str,
    /// The class whose probability the score is.
    positive_class: &'a str,
    negative_class: &'a str,
    threshold: f64,
    /// Scores from the first up to but without the second are uncertain.
    uncertain: Option<[f64; 2]>,
    schema_digest: &'a str,
    /// The features in the order of a row, with their domains.
    #[schema(value_type = Object)]
    schema: &'a FeatureSchema,
    card: CardView<'a>,
}

/// Where the model comes from and how good it is.
#[derive(Serialize, ToSchema)]
#[schema(as = ModelCard)]
struct CardView<'a> {
    code_version: &'a str,
    seed: u64,
    data_digest: String,
    parent: Option<String>,
    parameters: &'a BTreeMap<String, String>,
    /// Measured on rows that training did not see, each with its 95 % interval.
    #[schema(value_type = Vec<Object>)]
    metrics: &'a [Metric],
    split: &'a str,
    n_rows_train: u64,
    n_rows_test: u64,
    memorised_share: f64,
    importances: &'a [f64],
    notes: &'a [String],
}

/// Describes the model: its schema, its card, its identity.
#[utoipa::path(get, path = "/model", responses((status = 200, description = "The model", body = Description)))]
pub(crate) fn model(service: &Service) -> Reply {
    let model = &service.model;
    let (card, label) = (&model.card, &model.schema.label);
    Reply::json(&Description {
        version: model.version(),
        digest: model.digest(),
        n_bytes: model.bytes.len(),
        algorithm: &card.algorithm,
        positive_class: &label.positive.name,
        negative_class: &label.negative.name,
        threshold: model.decision.threshold,
        uncertain: model.decision.uncertain,
        schema_digest: &model.schema_digest,
        schema: &model.schema,
        card: CardView {
            code_version: &card.code_version,
            seed: card.seed,
            data_digest: card.data_digest.to_string(),
            parent: card.parent.map(|digest| digest.to_string()),
            parameters: &card.parameters,
            metrics: &card.metrics,
            split: &card.split,
            n_rows_train: card.n_rows_train,
            n_rows_test: card.n_rows_test,
            memorised_share: card.memorised_share,
            importances: &card.importances,
            notes: &card.notes,
        },
    })
}

/// The artifact itself, for the page to score with. Its entity tag is its digest.
#[utoipa::path(get, path = "/model.picket", responses(
    (status = 200, description = "The artifact", body = Vec<u8>, content_type = "application/octet-stream"),
    (status = 304, description = "The client has it already"),
))]
pub(crate) fn model_file(service: &Service) -> Reply {
    let mut reply = Reply::ok("application/octet-stream", service.model.bytes.clone());
    reply.etag = Some(format!("\"{}\"", service.model.digest()));
    reply
}

/// The signed release that the model came in, for the page to verify.
#[utoipa::path(get, path = "/release.dsse.json", responses(
    (status = 200, description = "The envelope: a DSSE document", body = Object),
    (status = 404, description = "The model came in no release", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(crate) fn release_file(service: &Service) -> Result<Reply, Problem> {
    let Some((_, envelope)) = &service.model.release else {
        let detail = "the model was given as a file, not as a signed release".to_owned();
        return Err(Problem::new(ProblemKind::NotFound, detail));
    };
    Ok(Reply::ok("application/json", envelope.clone()))
}

//! `POST /predict`: one row.

use bytes::Bytes;
use http::Request;

use crate::answer::{Judgement, Prediction};
use crate::explained::Explained;
use crate::issue::shortened;
use crate::json_row::read_row;
use crate::media::{Format, body_kind, negotiate};
use crate::openapi::RowRequest;
use crate::problem::{Problem, ProblemDocument, ProblemKind};
use crate::reply::Reply;
use crate::row_set::RowSet;
use crate::service::Service;

/// Scores one row.
///
/// `features` is an array in the schema's order, or an object by name. A number may be a string;
/// a category is its name; null, or a feature left out of the object, is a missing value.
/// `metadata` may be any JSON and comes back unchanged.
#[utoipa::path(
    post,
    path = "/predict",
    params(("explain" = Option<bool>, Query, description = "Whether to say what each feature adds")),
    request_body = RowRequest,
    responses(
        (status = 200, description = "The verdict", body = Prediction),
        (status = "4XX", description = "What is wrong with the request", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "The scorer cannot answer now", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) fn predict(service: &Service, request: &Request<Bytes>) -> Result<Reply, Problem> {
    let explain = wants_explanation(request.uri().query())?;
    negotiate(request.headers(), &[Format::Json])?;
    body_kind(request.headers(), false)?;
    let model = &service.model;
    let mut rows = RowSet::new(model, service.limits);
    rows.start_row(None)?;
    read_row(request.body(), &mut rows)?;
    let rows = rows.finish()?;
    let (scored, explanation) = if explain {
        let explanation = service.explain(&rows.values)?;
        (
            explanation.scored,
            Some(Explained::new(model, &rows.values, &explanation)),
        )
    } else {
        let scored = service.score(&rows.values)?;
        // One row was asked for; a scorer that gives none has failed.
        let first = scored.first().copied();
        let detail = "the scorer gave no score for the row";
        (
            first.ok_or_else(|| Problem::new(ProblemKind::ScorerFailed, detail))?,
            None,
        )
    };
    Ok(Reply::json(&Prediction {
        judgement: Judgement::new(model, &scored, rows.metadata(0)),
        threshold: model.decision.threshold,
        explanation,
        model: model.tag(),
    }))
}

/// Reads `?explain=true`.
fn wants_explanation(query: Option<&str>) -> Result<bool, Problem> {
    let mut explain = false;
    for parameter in query
        .unwrap_or_default()
        .split('&')
        .filter(|one| !one.is_empty())
    {
        match parameter.split_once('=').unwrap_or((parameter, "true")) {
            ("explain", "true" | "1") => explain = true,
            ("explain", "false" | "0") => explain = false,
            _ => {
                let found = shortened(parameter);
                let detail = format!("found {found:?}; expected explain=true or explain=false");
                return Err(Problem::new(ProblemKind::InvalidQuery, detail));
            }
        }
    }
    Ok(explain)
}

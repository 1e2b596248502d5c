//! `POST /predict`: one row.

use bytes::Bytes;
use http::Request;
use picket_wasm_model::Scored;

use crate::answer::{Judgement, Prediction};
use crate::explained::Explained;
use crate::issue::shortened;
use crate::json_row::read_row;
use crate::media::{Format, body_kind, negotiate};
use crate::openapi::RowRequest;
use crate::problem::{Problem, ProblemDocument, ProblemKind};
use crate::reply::Reply;
use crate::row_set::{RowSet, Rows};
use crate::scoring::only;
use crate::service::{Service, scorer_problem};

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
    let (row, explain) = read(service, request)?;
    if explain {
        let explanation = service.explain(&row.values)?;
        let explained = Explained::new(&service.model, &row.values, &explanation);
        return reply(service, request, &row, &explanation.scored, Some(explained));
    }
    let scored = service.score(&row.values)?;
    let scored = only(&scored).map_err(|error| scorer_problem(&error))?;
    reply(service, request, &row, &scored, None)
}

/// As [`predict`] for a request that asks for no explanation; `None` where the scorer is busy.
pub(crate) fn predict_now(
    service: &Service,
    request: &Request<Bytes>,
) -> Option<Result<Reply, Problem>> {
    let row = match read(service, request) {
        Ok((row, false)) => row,
        Ok((_, true)) => return None,
        Err(problem) => return Some(Err(problem)),
    };
    let scored = service.score_now(&row.values)?;
    Some(scored.and_then(|scored| reply(service, request, &row, &scored, None)))
}

/// The request's one row, and whether it asks for an explanation.
fn read(service: &Service, request: &Request<Bytes>) -> Result<(Rows, bool), Problem> {
    let explain = wants_explanation(request.uri().query())?;
    negotiate(request.headers(), &[Format::Json])?;
    body_kind(request.headers(), false)?;
    let mut rows = RowSet::new(&service.model, service.limits);
    rows.start_row(None)?;
    read_row(request.body(), &mut rows)?;
    Ok((rows.finish()?, explain))
}

fn reply(
    service: &Service,
    request: &Request<Bytes>,
    row: &Rows,
    scored: &Scored,
    explanation: Option<Explained<'_>>,
) -> Result<Reply, Problem> {
    let model = &service.model;
    let ids = service.new_ids(1);
    let receipt = service.record(&ids, &row.values, &[*scored], request.headers())?;
    let id = ids.first().copied();
    let mut reply = Reply::json(&Prediction {
        judgement: Judgement::new(model, id, scored, row.metadata(0)),
        threshold: model.decision.threshold,
        explanation,
        model: model.tag(),
    });
    reply.receipt = receipt;
    Ok(reply)
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

//! `POST /predict/batch`: many rows.

use bytes::Bytes;
use http::Request;

use super::batch_csv::read_csv;
use super::batch_form::file_of;
use crate::answer::{BatchPrediction, VerdictCounts};
use crate::batch_table::BatchTable;
use crate::issue::{Issue, shortened};
use crate::json_batch::read_samples;
use crate::json_row::read_row;
use crate::media::{BodyKind, Format, body_kind, negotiate};
use crate::openapi::BatchRequest;
use crate::problem::{Problem, ProblemDocument, ProblemKind};
use crate::reply::Reply;
use crate::row_set::RowSet;
use crate::service::Service;

/// Scores many rows: all of them, or none where one does not fit the schema.
///
/// The body is JSON with `samples`, NDJSON with a row a line, CSV with a header (other columns are
/// ignored, any order will do), or a form with one CSV file. The answer is JSON, NDJSON, CSV or an
/// HTML table, as `Accept` says.
#[utoipa::path(
    post,
    path = "/predict/batch",
    request_body(content(
        (BatchRequest = "application/json"),
        (String = "application/x-ndjson"),
        (String = "text/csv"),
        (String = "multipart/form-data"),
    )),
    responses(
        (status = 200, description = "The verdicts, in the order of the rows", content(
            (BatchPrediction = "application/json"),
            (String = "application/x-ndjson"),
            (String = "text/csv"),
            (String = "text/html"),
        )),
        (status = "4XX", description = "What is wrong with the request, with up to 100 faults", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "The scorer cannot answer now", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) fn batch(service: &Service, request: &Request<Bytes>) -> Result<Reply, Problem> {
    if let Some(query) = request.uri().query().filter(|query| !query.is_empty()) {
        let detail = format!("found {:?}; expected no parameters", shortened(query));
        return Err(Problem::new(ProblemKind::InvalidQuery, detail));
    }
    let offers = [Format::Json, Format::Ndjson, Format::Csv, Format::Html];
    let format = negotiate(request.headers(), &offers)?;
    let model = &service.model;
    let mut rows = RowSet::new(model, service.limits);
    match body_kind(request.headers(), true)? {
        BodyKind::Json => read_samples(request.body(), &mut rows)?,
        BodyKind::Ndjson => read_lines(request.body(), &mut rows)?,
        BodyKind::Csv => read_csv(request.body(), &mut rows)?,
        BodyKind::Multipart(boundary) => {
            read_csv(&file_of(request.body().clone(), &boundary)?, &mut rows)?;
        }
    }
    let rows = rows.finish()?;
    let scored = service.score(&rows.values)?;
    let counts = VerdictCounts::of(&scored);
    let ids = service.new_ids(scored.len());
    let receipt = service.record(&ids, &rows.values, &scored, request.headers())?;
    let table = BatchTable {
        model,
        rows: &rows,
        ids: &ids,
        scored: &scored,
        counts,
    };
    let mut reply = Reply::ok(format.content_type(), table.write(format));
    reply.receipt = receipt;
    Ok(reply)
}

/// Reads NDJSON: a row a line, blank lines apart.
fn read_lines(body: &[u8], rows: &mut RowSet<'_>) -> Result<(), Problem> {
    let mut found_row = false;
    for (line_idx, line) in body.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        found_row = true;
        let line_number = line_idx as u64 + 1;
        rows.start_row(Some(line_number))?;
        read_row(line, rows).map_err(|mut problem| {
            problem.detail = format!("line {line_number}: {}", problem.detail);
            problem
        })?;
    }
    if !found_row {
        rows.report_body(Issue::new(None, None, "a row a line".to_owned()));
    }
    Ok(())
}

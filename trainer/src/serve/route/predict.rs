//! `POST /predict`, `/predict/batch`: scores rows with the champion.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Uri, header};

use crate::serve::app::App;
use crate::serve::problem::{Problem, ProblemDocument};

/// Scores rows with the champion.
///
/// A form with one CSV file answers with an HTML table, CSV with JSON, unless `Accept` says otherwise. JSON is one row:
/// `{"features": ...}`.
#[utoipa::path(
    post,
    path = "/predict",
    request_body(content(
        (String = "multipart/form-data"),
        (String = "text/csv"),
        (Object = "application/json"),
    )),
    responses(
        (status = 200, description = "The verdicts", content(
            (Object = "application/json"),
            (String = "text/html"),
            (String = "text/csv"),
            (String = "application/x-ndjson"),
        )),
        (status = "4XX", description = "What is wrong with the request, or that there is no champion", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "The champion cannot be read", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn predict(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let is_form = kind.starts_with("multipart/form-data");
    let is_batch = is_form || kind.starts_with("text/csv") || kind.starts_with("application/csv");
    let mut headers = headers;
    if is_form && accepts_all(&headers) {
        // What a browser's form, and the Python projects' clients, expect.
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/html"));
    }
    let path = if is_batch {
        "/predict/batch"
    } else {
        "/predict"
    };
    score(app, with_query(path, &uri), headers, body).await
}

/// Scores many rows with the champion: JSON with `samples`, NDJSON, CSV, or a form with one CSV file; the answer is as
/// `Accept` says.
#[utoipa::path(
    post,
    path = "/predict/batch",
    request_body(content(
        (Object = "application/json"),
        (String = "application/x-ndjson"),
        (String = "text/csv"),
        (String = "multipart/form-data"),
    )),
    responses(
        (status = 200, description = "The verdicts, in the order of the rows", content(
            (Object = "application/json"),
            (String = "application/x-ndjson"),
            (String = "text/csv"),
            (String = "text/html"),
        )),
        (status = "4XX", description = "What is wrong with the request, or that there is no champion", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "The champion cannot be read", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn predict_batch(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    score(app, with_query("/predict/batch", &uri), headers, body).await
}

fn with_query(path: &str, uri: &Uri) -> String {
    match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    }
}

/// Whether a request leaves the format to the service.
fn accepts_all(headers: &HeaderMap) -> bool {
    let accepts: Vec<&str> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    accepts.is_empty() || accepts == ["*/*"]
}

/// The same answer as an edge with this model gives: it is the same code.
async fn score(app: App, target: String, headers: HeaderMap, body: Bytes) -> Response {
    let Ok(_place) = std::sync::Arc::clone(&app.scoring).acquire_owned().await else {
        return Problem::unavailable("the service is stopping").into_response();
    };
    let scored = app.blocking(move |app| {
        let Some(service) = app.champion.service()? else {
            return Ok(None);
        };
        let request = Request::post(target.as_str()).body(body);
        let Ok(mut request) = request else {
            return Ok(None);
        };
        *request.headers_mut() = headers;
        Ok(Some(service.handle(&request)))
    });
    match scored.await {
        Ok(Some(response)) => {
            let mut response = response.map(Body::from);
            // Its page has scripts; an answer of this service has none.
            response
                .headers_mut()
                .remove(header::CONTENT_SECURITY_POLICY);
            response
        }
        Ok(None) => Problem::conflict("there is no champion to score with").into_response(),
        Err(problem) => problem.into_response(),
    }
}

//! `GET|POST /train`: starts a training.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use picket_access::Outcome;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::jobs::{TaskId, TaskRequest, TaskStatus, now};
use crate::serve::app::App;
use crate::serve::door::Caller;
use crate::serve::gate::{RequestId, RequestTrace};
use crate::serve::problem::{Problem, ProblemDocument};
use crate::serve::route::json;

/// No honest settings are larger.
const MAX_SETTINGS: usize = 256 << 10;
/// Tasks that have not ended, at most: a client in a loop must not fill the disk.
pub(crate) const MAX_UNFINISHED: usize = 200;

/// A training that will begin.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrainAnswer {
    /// The task: `GET /task/{id}` tells how far it is. The run will have the same id.
    task_id: String,
    /// `PENDING`.
    status: TaskStatus,
}

/// Starts a training with the service's pipeline as it is.
#[utoipa::path(
    get,
    path = "/train",
    responses(
        (status = 202, description = "It will begin", body = TrainAnswer),
        (status = "4XX", description = "What is wrong with the request", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "The service cannot take it now", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn train_get(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Extension(id): Extension<RequestId>,
    Extension(trace): Extension<RequestTrace>,
    method: Method,
) -> Response {
    if method == Method::HEAD {
        // Asking what a training would answer starts none.
        let detail = "HEAD starts nothing";
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
            .into_response();
    }
    let settings = Value::Object(serde_json::Map::new());
    answer(begin(&app, &caller, &id, trace, settings).await)
}

/// Starts a training. The body may change settings of the pipeline: keys as in a pipeline's file, as JSON or TOML.
/// `name` chooses one of the service's pipelines. Where rows are read from and where models go is not a request's
/// to say.
#[utoipa::path(
    post,
    path = "/train",
    request_body(content(
        (Object = "application/json", example = json!({"seed": 7, "search": {"folds": 3}})),
        (String = "application/toml"),
    )),
    responses(
        (status = 202, description = "It will begin", body = TrainAnswer),
        (status = "4XX", description = "What is wrong with the request", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "The service cannot take it now", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn train_post(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Extension(id): Extension<RequestId>,
    Extension(trace): Extension<RequestTrace>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match settings_of(&headers, &body) {
        Ok(settings) => answer(begin(&app, &caller, &id, trace, settings).await),
        Err(problem) => problem.into_response(),
    }
}

fn answer(begun: Result<TaskId, Problem>) -> Response {
    let task_id = match begun {
        Ok(task_id) => task_id,
        Err(problem) => return problem.into_response(),
    };
    let content = TrainAnswer {
        task_id: task_id.to_string(),
        status: TaskStatus::Pending,
    };
    let mut response = json(StatusCode::ACCEPTED, &content);
    if let Ok(place) = HeaderValue::from_str(&format!("/task/{task_id}")) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

fn settings_of(headers: &HeaderMap, body: &[u8]) -> Result<Value, Problem> {
    if body.trim_ascii().is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    if body.len() > MAX_SETTINGS {
        let detail = format!("{} bytes; at most {MAX_SETTINGS} are taken", body.len());
        return Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            detail,
        ));
    }
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::to_str);
    let kind = match kind {
        None => "application/json",
        Some(Ok(kind)) => kind.split(';').next().unwrap_or_default().trim(),
        Some(Err(_)) => "",
    };
    match kind.to_ascii_lowercase().as_str() {
        "application/json" => serde_json::from_slice(body)
            .map_err(|error| Problem::bad_request(format!("not valid JSON: {error}"))),
        "application/toml" | "text/toml" | "application/x-toml" => {
            let text = std::str::from_utf8(body)
                .map_err(|_| Problem::bad_request("not valid TOML: the body is not UTF-8"))?;
            toml::from_str::<Value>(text)
                .map_err(|error| Problem::bad_request(format!("not valid TOML: {error}")))
        }
        _ => {
            let detail = "expected content-type application/json or application/toml";
            Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "media-type",
                detail,
            ))
        }
    }
}

async fn begin(
    app: &App,
    caller: &Caller,
    request_id: &RequestId,
    trace: RequestTrace,
    settings: Value,
) -> Result<TaskId, Problem> {
    let (name, request_id) = (caller.name.clone(), request_id.0.clone());
    let request = app
        .blocking(move |app| {
            let (config, schema) = app.pipelines.with_settings(&settings)?;
            let n_unfinished = app.jobs.state.unfinished()?.len();
            let request = TaskRequest {
                task_id: TaskId::new()?,
                config,
                schema,
                created: now(),
                by: name,
                cause: "request".to_owned(),
                request_id: Some(request_id),
                traceparent: trace.0,
            };
            Ok((n_unfinished < MAX_UNFINISHED).then_some(request))
        })
        .await?;
    let Some(request) = request else {
        let detail =
            format!("{MAX_UNFINISHED} tasks have not ended; wait for them, or cancel some");
        return Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-tasks",
            detail,
        ));
    };
    let task_id = request.task_id.clone();
    let details = [
        ("task_id", task_id.as_str()),
        ("pipeline", &request.config.name),
    ];
    app.door
        .audit(&caller.name, "train.start", Outcome::Done, &details)?;
    app.jobs.submit(&request).await?;
    Ok(task_id)
}

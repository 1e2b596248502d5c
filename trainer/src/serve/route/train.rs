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

/// Starts a training. The body may change settings of the pipeline: keys as in a pipeline's file, as JSON or TOML; none
/// changes nothing. JSON that a command line sends as a form (`curl -d`) is taken, from a page it is not.
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
        // What a command line says of a body unless told otherwise. Pages send forms too, without asking first: of theirs
        // only what no page can send is taken.
        FORM if !is_of_page(headers) => serde_json::from_slice(body).map_err(|_| {
            let found = "a body that is no JSON, sent as a form";
            unsupported(&format!("{found}; {}", how_to_send(headers)))
        }),
        _ => Err(unsupported(&how_to_send(headers))),
    }
}

/// The content type of forms, which `curl -d` uses for everything.
const FORM: &str = "application/x-www-form-urlencoded";

/// Browsers say with every POST which page it came from; nothing else does.
fn is_of_page(headers: &HeaderMap) -> bool {
    ["origin", "sec-fetch-site", "sec-fetch-mode"]
        .iter()
        .any(|name| headers.contains_key(*name))
}

fn how_to_send(headers: &HeaderMap) -> String {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    // It becomes part of a command: nothing but the letters of an address.
    let host = host.filter(|host| {
        host.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
    });
    let host = host.unwrap_or("HOST");
    format!(
        "expected JSON or TOML and its content type: add -H 'content-type: application/json' to the command, as in \
         curl -X POST -H 'content-type: application/json' -d '{{\"seed\": 7}}' http://{host}/train (application/toml for \
         TOML); a training with the pipeline as it is needs no body"
    )
}

fn unsupported(detail: &str) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", detail)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(
        pairs: &[(&'static str, &'static str)],
        body: &str,
    ) -> Result<Value, (u16, String)> {
        let headers = pairs.iter().map(|(name, value)| {
            let name = http::HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        settings_of(&headers.collect(), body.as_bytes())
            .map_err(|problem| (problem.status.as_u16(), problem.detail))
    }

    #[test]
    fn a_command_lines_json_is_taken_and_a_pages_form_is_not() {
        const CURL: (&str, &str) = ("content-type", FORM);
        let seed = r#"{"seed": 7}"#;
        assert_eq!(settings(&[CURL], seed).unwrap()["seed"], 7);
        assert_eq!(settings(&[], seed).unwrap()["seed"], 7);
        let with_charset = (
            "content-type",
            "application/x-www-form-urlencoded; charset=UTF-8",
        );
        assert_eq!(settings(&[with_charset], seed).unwrap()["seed"], 7);
        for body in ["", " \r\n"] {
            assert_eq!(settings(&[CURL], body).unwrap(), serde_json::json!({}));
            assert_eq!(settings(&[], body).unwrap(), serde_json::json!({}));
        }
        // Every browser sends one of these with a page's POST.
        for of_page in [
            ("origin", "null"),
            ("origin", "http://127.0.0.1:3100"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "no-cors"),
        ] {
            let (status, _) = settings(&[CURL, of_page], seed).unwrap_err();
            assert_eq!(status, 415, "{of_page:?}");
        }
        // What an older client sends as a form is told what to add.
        let host = ("host", "127.0.0.1:3100");
        let (status, detail) = settings(&[CURL, host], "seed=7").unwrap_err();
        assert_eq!(status, 415);
        for words in [
            "-H 'content-type: application/json'",
            r#"-d '{"seed": 7}'"#,
            "http://127.0.0.1:3100/train",
        ] {
            assert!(detail.contains(words), "{detail}");
        }
        let (_, detail) =
            settings(&[("content-type", "text/plain"), ("host", "a'b$(x)")], seed).unwrap_err();
        assert!(detail.contains("http://HOST/train"), "{detail}");
    }
}

//! `GET /docs` for people, `GET /openapi.json` for programs.

use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;
use maud::{DOCTYPE, Markup, html};
use utoipa::openapi::RefOr;
use utoipa::openapi::path::Operation;

use crate::serve::openapi::openapi;
use crate::serve::problem::KINDS;
use crate::serve::route::json;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}\
code{font:0.95em ui-monospace,monospace}h2{margin-top:2rem;border-top:1px solid #8886;padding-top:1rem}\
:root{color-scheme:light dark}";

/// The API as `OpenAPI` 3.1.
pub(crate) async fn openapi_json() -> Response {
    json(StatusCode::OK, &openapi())
}

/// The API for people: one page, without scripts.
pub(crate) async fn page() -> Response {
    let api = openapi();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (api.info.title) }
                style { (STYLE) }
            }
            body {
                main {
                    h1 { (api.info.title) }
                    p { (api.info.description.as_deref().unwrap_or_default()) }
                    p { "For programs: " a href="/openapi.json" { "/openapi.json" } "." }
                    @for (path, item) in &api.paths.paths {
                        @for (method, operation) in [
                            ("GET", &item.get), ("POST", &item.post), ("DELETE", &item.delete),
                        ] {
                            @if let Some(operation) = operation {
                                (described(method, path, operation))
                            }
                        }
                    }
                    h2 { "Problems" }
                    p { "What is wrong with a request is told as problem+json (RFC 9457), of one of these kinds:" }
                    dl {
                        @for (slug, words) in KINDS {
                            dt id=(slug) { code { (slug) } }
                            dd { (words) }
                        }
                    }
                }
            }
        }
    };
    Html(page.into_string()).into_response()
}

fn described(method: &str, path: &str, operation: &Operation) -> Markup {
    html! {
        h2 { code { (method) " " (path) } }
        p { (operation.summary.as_deref().unwrap_or_default()) }
        @if let Some(more) = &operation.description { p { (more) } }
        @for parameter in operation.parameters.iter().flatten() {
            @if let RefOr::T(parameter) = parameter {
                p { "Parameter " code { (parameter.name) } ": " (parameter.description.as_deref().unwrap_or_default()) }
            }
        }
        @if let Some(RefOr::T(body)) = &operation.request_body {
            p { "Takes " @for kind in body.content.keys() { code { (kind) } " " } }
        }
        ul {
            @for (status, response) in &operation.responses.responses {
                @if let RefOr::T(response) = response {
                    li { (status) ": " (response.description) " " @for kind in response.content.keys() { code { (kind) } " " } }
                }
            }
        }
    }
}

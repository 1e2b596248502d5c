//! A bare axum route: parses the same JSON and answers a constant. What any server in Rust takes for
//! such a request before it does anything with it.

use std::collections::HashMap;
use std::net::SocketAddr;

use anyhow::Result;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::{StatusCode, header};
use hyper_util::service::TowerToHyperService;
use serde::Deserialize;

use crate::front;

/// As long as an answer of the device host.
const ANSWER: &str = concat!(
    r#"{"verdict":"positive","class":"constant","score":0.5062500000000001,"margin":0.5062500000000001,"#,
    r#""threshold":0.5,"model":{"version":"constant","digest":"#,
    r#""sha256:0000000000000000000000000000000000000000000000000000000000000000"}}"#,
);

/// The body, as a programmer in a hurry would write it down.
#[derive(Deserialize)]
struct Row {
    features: HashMap<String, f32>,
}

/// Serves until the process is ended.
///
/// # Errors
/// That the address cannot be listened on.
pub(crate) fn run(address: SocketAddr) -> Result<()> {
    let router = Router::new()
        .route("/predict", post(predict))
        .route("/ready", get(async || "ready\n"));
    front::run(front::serve(address, TowerToHyperService::new(router)))
}

async fn predict(body: Bytes) -> Response {
    match serde_json::from_slice::<Row>(&body) {
        Ok(row) if row.features.is_empty() => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
        Ok(_) => ([(header::CONTENT_TYPE, "application/json")], ANSWER).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

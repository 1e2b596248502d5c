//! The component's entry.

use std::sync::OnceLock;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, StatusCode, header};
use http_body_util::BodyExt as _;
use picket_service::{Assets, Limits, NoClock, Problem, ProblemKind, ServedModel, Service};
use picket_wasm_model::Model;
use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::http_service;

use crate::bundle::{MODEL, PAGE};

/// The service of this instance: made by its first request, read by all. It holds the model, the
/// page and counters, nothing that belongs to a request.
static SERVICE: OnceLock<Result<Service, String>> = OnceLock::new();

fn service() -> &'static Result<Service, String> {
    SERVICE.get_or_init(|| {
        let bytes = MODEL.ok_or(
            "no model is in this component; `cargo xtask build-wasm spin --spin-model FILE` builds one with it",
        )?;
        let model = Model::load(bytes).map_err(|error| format!("the model in this component: {error}"))?;
        let served = ServedModel::new(model.artifact(), Bytes::from_static(bytes));
        let assets: Assets =
            PAGE.iter().map(|(path, body)| (*path, Bytes::from_static(body))).collect();
        // Only the metrics ask for the time, and a clock would be one more import.
        let clock = Box::new(NoClock);
        Ok(Service::new(served, Box::new(model), assets, clock, Limits::default()))
    })
}

#[http_service]
async fn handle(request: Request) -> Response<FullBody<Bytes>> {
    let response = match service() {
        Ok(service) => answer(service, request).await,
        Err(reason) => without_model(reason),
    };
    response.map(FullBody::new)
}

async fn answer(service: &Service, request: Request) -> http::Response<Bytes> {
    let (head, mut body) = request.into_parts();
    let max_body = service.limits().max_body;
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let problem = match frame {
            Ok(frame) => match frame.into_data() {
                Ok(data) if bytes.len() + data.len() <= max_body => {
                    bytes.extend_from_slice(&data);
                    continue;
                }
                Ok(_) => Problem::body_too_large(max_body),
                // Trailers say nothing here.
                Err(_) => continue,
            },
            Err(error) => {
                let detail = format!("the body ends too early: {error}");
                Problem::new(ProblemKind::MalformedBody, detail)
            }
        };
        return service.refuse(&http::Request::from_parts(head, ()), problem);
    }
    service.handle(&http::Request::from_parts(head, bytes.freeze()))
}

/// There is no model to name, so this is no problem document of the service.
fn without_model(reason: &str) -> http::Response<Bytes> {
    let mut response = http::Response::new(Bytes::from(format!("{reason}\n")));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}

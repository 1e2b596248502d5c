//! `GET /health`, `GET /ready` and `GET /metrics`: for those who keep the service running.

use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::ModelTag;
use crate::problem::{Problem, ProblemDocument};
use crate::reply::Reply;
use crate::service::Service;

/// How the service is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health<'a> {
    #[schema(example = "ok")]
    status: &'a str,
    model: ModelTag<'a>,
}

/// Says that the process answers.
#[utoipa::path(get, path = "/health", responses((status = 200, description = "It does", body = Health)))]
pub(crate) fn health(service: &Service) -> Reply {
    Reply::json(&Health {
        status: "ok",
        model: service.model.tag(),
    })
}

/// Says whether rows can be scored: scores one.
#[utoipa::path(get, path = "/ready", responses(
    (status = 200, description = "They can", body = Health),
    (status = 503, description = "They cannot now", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(crate) fn ready(service: &Service) -> Result<Reply, Problem> {
    service.probe()?;
    Ok(Reply::json(&Health {
        status: "ready",
        model: service.model.tag(),
    }))
}

/// Counters for Prometheus.
#[utoipa::path(get, path = "/metrics", responses((status = 200, description = "Prometheus' text format", body = String, content_type = "text/plain")))]
pub(crate) fn metrics(service: &Service) -> Reply {
    let mut page = service.metrics.text(&service.model);
    if let Some(recorder) = &service.recorder {
        recorder.write_metrics(&mut page);
    }
    if let Some(host_metrics) = &service.host_metrics {
        host_metrics.write(&mut page);
    }
    Reply::ok("text/plain; version=0.0.4; charset=utf-8", page)
}

//! The routes, one file each.

mod asset;
mod batch;
mod batch_csv;
mod batch_form;
mod feedback;
mod health;
mod model;
pub(crate) mod predict;

use bytes::Bytes;
use http::Request;

pub(crate) use batch::__path_batch;
pub(crate) use feedback::__path_feedback;
pub(crate) use health::{__path_health, __path_metrics, __path_ready};
pub(crate) use model::{__path_model, __path_model_file, __path_release_file};
pub(crate) use predict::__path_predict;

use crate::assets::Assets;
use crate::problem::{Problem, ProblemKind};
use crate::reply::Reply;
use crate::service::Service;
use crate::{docs, openapi};

/// The routes as metrics, logs and a host's rules of access name them: every label that
/// [`crate::Service::route_label`] gives.
pub const ROUTES: [&str; 12] = [
    "/predict",
    "/predict/batch",
    "/feedback",
    "/model",
    "/model.picket",
    "/health",
    "/ready",
    "/metrics",
    "/docs",
    "/openapi.json",
    "page",
    "unknown",
];

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Predict,
    Batch,
    Feedback,
    Model,
    ModelFile,
    Release,
    Health,
    Ready,
    Metrics,
    Docs,
    OpenApi,
    /// The page and its files.
    Asset,
    Unknown,
}

impl Route {
    pub(crate) fn of(path: &str, assets: &Assets) -> Self {
        match path {
            "/predict" => Self::Predict,
            "/predict/batch" => Self::Batch,
            "/feedback" => Self::Feedback,
            "/model" => Self::Model,
            "/model.picket" => Self::ModelFile,
            "/release.dsse.json" => Self::Release,
            "/health" => Self::Health,
            "/ready" => Self::Ready,
            "/metrics" => Self::Metrics,
            "/docs" => Self::Docs,
            "/openapi.json" => Self::OpenApi,
            "/" => Self::Asset,
            path if assets.find(path).is_some() => Self::Asset,
            _ => Self::Unknown,
        }
    }

    /// The route in metrics: few names, whatever clients ask for.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Predict => "/predict",
            Self::Batch => "/predict/batch",
            Self::Feedback => "/feedback",
            Self::Model => "/model",
            Self::ModelFile => "/model.picket",
            Self::Release => "/release.dsse.json",
            Self::Health => "/health",
            Self::Ready => "/ready",
            Self::Metrics => "/metrics",
            Self::Docs => "/docs",
            Self::OpenApi => "/openapi.json",
            Self::Asset => "page",
            Self::Unknown => "unknown",
        }
    }

    /// The methods that the route answers.
    pub(crate) fn allow(self) -> &'static str {
        match self {
            Self::Predict | Self::Batch | Self::Feedback => "POST",
            _ => "GET, HEAD",
        }
    }

    pub(crate) fn answer(
        self,
        service: &Service,
        request: &Request<Bytes>,
    ) -> Result<Reply, Problem> {
        match self {
            Self::Predict => predict::predict(service, request),
            Self::Batch => batch::batch(service, request),
            Self::Feedback => feedback::feedback(service, request),
            Self::Model => Ok(model::model(service)),
            Self::ModelFile => Ok(model::model_file(service)),
            Self::Release => model::release_file(service),
            Self::Health => Ok(health::health(service)),
            Self::Ready => health::ready(service),
            Self::Metrics => Ok(health::metrics(service)),
            Self::Docs => Ok(docs::page(&service.model)),
            Self::OpenApi => Ok(Reply::json(&openapi::openapi())),
            Self::Asset => Ok(asset::asset(service, request.uri().path())),
            Self::Unknown => {
                let path = crate::issue::shortened(request.uri().path());
                let detail = format!("nothing is at {path}; GET /docs lists the routes");
                Err(Problem::new(ProblemKind::NotFound, detail))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_listed() {
        let mut assets = Assets::new();
        assets.insert("main.js".to_owned(), Vec::new());
        let paths = ROUTES[..10].iter().chain(&["/main.js", "/nowhere"]);
        let labels: Vec<&str> = paths.map(|path| Route::of(path, &assets).label()).collect();
        assert_eq!(labels, ROUTES);
    }
}

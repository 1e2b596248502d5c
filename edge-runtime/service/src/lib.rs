//! The HTTP API of the edge, once for every host.
//!
//! [`Service::handle`] is a function from a request to a response. It does no I/O: a host gives it
//! the model's bytes, something that scores rows ([`Scoring`]), a [`Clock`] and the page's files
//! ([`Assets`]). The same request gets the same bytes from every host, `/metrics` apart.

mod answer;
mod assets;
mod batch_table;
mod clock;
mod docs;
mod explained;
mod issue;
mod json_batch;
mod json_cell;
mod json_other;
mod json_row;
mod json_text;
mod limits;
mod media;
mod metrics;
mod minified;
mod openapi;
mod problem;
mod recording;
mod reply;
mod route;
mod row_set;
mod scoring;
mod security;
mod served_model;
mod service;

pub use assets::Assets;
pub use clock::{Clock, NoClock};
pub use issue::Issue;
pub use limits::Limits;
pub use metrics::HostMetrics;
pub use openapi::openapi;
pub use problem::{Problem, ProblemKind};
pub use recording::{
    Durable, IdSource, Label, NotRecorded, PredictionId, Predictions, Receipt, Recorder,
};
pub use route::ROUTES;
pub use scoring::{Scoring, ScoringError, only};
pub use served_model::ServedModel;
pub use service::Service;

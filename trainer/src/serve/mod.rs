//! The trainer as a service: train, watch and decide over HTTP.
//!
//! Routes stand in `route`, one file each. `gate` is what every request goes through first: who it is, what they may
//! do, how much and how long. [`App`] is what the routes share. Trainings are jobs: see [`crate::jobs`].

mod app;
mod champion;
mod contributions;
mod docs;
mod door;
mod error;
mod gate;
mod live;
mod live_metrics;
mod openapi;
mod pipelines;
mod problem;
mod route;
mod server;
mod service_metrics;
mod watch;

pub use app::{App, AppParts};
pub use champion::Champion;
pub use door::{Caller, Door, audit_place};
pub use error::ServeError;
pub use openapi::openapi;
pub use pipelines::Pipelines;
pub use server::Server;
pub use watch::{Watch, WatchSettings};

//! Traces of requests for an OpenTelemetry collector, where one is named.
//!
//! One span a request, with the parent that the client's `traceparent` names (W3C Trace Context), sent in batches as
//! OTLP over HTTP in its JSON form. That form is a page of JSON, and the agent that posts it is here already:
//! opentelemetry, its SDK and its OTLP exporter would add twenty crates to this program for it.

mod context;
mod exporter;
mod otlp;

use std::time::SystemTime;

pub(crate) use context::TraceContext;
pub use exporter::{Tracer, TracerConfig};

/// A request that was answered.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) context: TraceContext,
    pub(crate) method: &'static str,
    pub(crate) route: &'static str,
    pub(crate) status: u16,
    pub(crate) request_id: String,
    pub(crate) model_version: String,
    pub(crate) start: SystemTime,
    pub(crate) end: SystemTime,
}

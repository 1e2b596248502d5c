//! What a server tells of itself: a log of JSON lines, in files that are rotated, and traces for an OpenTelemetry
//! collector, where one is named.
//!
//! Spans go in batches as OTLP over HTTP in its JSON form. That form is a page of JSON, and the agent that posts it is
//! here already: opentelemetry, its SDK and its OTLP exporter would add twenty crates to each program for it.
//!
//! ```
//! use picket_telemetry::TraceContext;
//!
//! let random = || *b"sixteen bytes ok";
//! let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
//! let context = TraceContext::of(Some(given.as_bytes()), &random, 0);
//! assert!(context.is_sampled());
//! // What is done for the request is told under it.
//! assert!(context.traceparent().starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
//! ```

#[cfg(feature = "args")]
mod args;
mod error;
mod log;
mod otlp;
mod rotated_file;
mod span;
mod trace_context;
mod tracer;

#[cfg(feature = "args")]
pub use args::TelemetryArgs;
pub use error::TelemetryError;
pub use log::{LogConfig, LogLevel, log, start_log};
pub use span::{Attribute, Span, SpanKind};
pub use trace_context::TraceContext;
pub use tracer::{Tracer, TracerConfig};

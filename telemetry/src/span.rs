//! A piece of work that has ended, and where it stands in a trace.

use std::time::SystemTime;

use crate::TraceContext;

/// What a span is of, as OTLP numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// Work inside the program.
    Internal,
    /// A request that was answered.
    Server,
    /// Work that was asked for earlier, by a message in a queue.
    Consumer,
}

/// What an attribute says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Attribute {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Attribute {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// A piece of work that has ended.
#[derive(Clone, Debug)]
pub struct Span {
    /// Its place in a trace.
    pub context: TraceContext,
    /// What it is of.
    pub kind: SpanKind,
    /// Its name: of few values, such as a method and a route.
    pub name: String,
    /// When it began.
    pub start: SystemTime,
    /// When it ended.
    pub end: SystemTime,
    /// Whether it failed by the program's own fault.
    pub is_failed: bool,
    /// More about it, by the names of OpenTelemetry's semantic conventions where they have one.
    pub attributes: Vec<(&'static str, Attribute)>,
}

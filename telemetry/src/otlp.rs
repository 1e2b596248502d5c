//! Spans as OTLP writes them in JSON: <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::trace_context::hex;
use crate::{Attribute, Span, SpanKind};

/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;

/// The body of a request to `/v1/traces`.
pub(crate) fn request(service: &str, version: &str, spans: &[Span]) -> Value {
    json!({"resourceSpans": [{
        "resource": {"attributes": [
            text("service.name", service),
            text("service.version", version),
        ]},
        "scopeSpans": [{
            "scope": {"name": service, "version": version},
            "spans": spans.iter().map(span).collect::<Vec<_>>(),
        }],
    }]})
}

fn span(span: &Span) -> Value {
    let attributes = span.attributes.iter().map(|(key, value)| match value {
        Attribute::Text(value) => text(key, value),
        // 64-bit numbers are texts in this form.
        Attribute::Number(value) => json!({"key": key, "value": {"intValue": value.to_string()}}),
    });
    let mut value = json!({
        "traceId": hex(&span.context.trace_id),
        "spanId": hex(&span.context.span_id),
        "name": span.name,
        "kind": match span.kind {
            SpanKind::Internal => 1,
            SpanKind::Server => 2,
            SpanKind::Consumer => 5,
        },
        "startTimeUnixNano": nanos(span.start),
        "endTimeUnixNano": nanos(span.end),
        "attributes": attributes.collect::<Vec<_>>(),
    });
    if let Some(parent) = &span.context.parent_id {
        value["parentSpanId"] = hex(parent).into();
    }
    if span.is_failed {
        value["status"] = json!({"code": ERROR});
    }
    value
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn nanos(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_nanos().to_string()
}

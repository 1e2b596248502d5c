//! The log of the service and its workers: one JSON object a line on standard error.

use std::time::SystemTime;

use serde_json::{Map, Value};

/// Writes a line: time, level and event first, then the fields in alphabetical order. A request's lines have
/// `request_id`, those of a training `task_id` and `run_id`, which are the same.
pub(crate) fn log(level: &str, event: &str, fields: &[(&str, Value)]) {
    let fields: Map<String, Value> = fields
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()))
        .collect();
    let time = humantime::format_rfc3339_millis(SystemTime::now());
    let (level, event) = (Value::from(level), Value::from(event));
    let rest = Value::Object(fields).to_string();
    let rest = rest.trim_start_matches('{');
    let comma = if rest == "}" { "" } else { "," };
    eprintln!("{{\"time\":\"{time}\",\"level\":{level},\"event\":{event}{comma}{rest}");
}

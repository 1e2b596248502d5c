//! The log: one JSON object a line on standard error.

use serde_json::{Map, Value};

/// Writes a line. Keys stand in alphabetical order after `level` and `event`.
pub(crate) fn log(level: &str, event: &str, fields: &[(&str, Value)]) {
    let fields: Map<String, Value> = fields
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()))
        .collect();
    let (level, event) = (Value::from(level), Value::from(event));
    let rest = Value::Object(fields).to_string();
    let rest = rest.trim_start_matches('{');
    let comma = if rest == "}" { "" } else { "," };
    eprintln!("{{\"level\":{level},\"event\":{event}{comma}{rest}");
}

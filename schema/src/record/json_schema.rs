//! The form of a record's document in MongoDB, in the language of its validators.

use serde_json::{Map, Value, json};

use super::MAX_INTEGER;
use super::text::{MAX_NAME_CHARS, MAX_NODE_BYTES};
use crate::limits::{MAX_FEATURES, SCORE_BINS};

fn pattern(pattern: &str) -> Value {
    json!({"bsonType": "string", "pattern": pattern})
}

fn id() -> Value {
    pattern("^[0-9a-f]{32}$")
}

fn name() -> Value {
    json!({"bsonType": "string", "minLength": 1, "maxLength": MAX_NAME_CHARS})
}

fn count() -> Value {
    json!({"bsonType": ["int", "long"], "minimum": 0, "maximum": MAX_INTEGER})
}

fn number() -> Value {
    json!({"bsonType": "number"})
}

fn score() -> Value {
    json!({"bsonType": "number", "minimum": 0, "maximum": 1})
}

fn verdict() -> Value {
    json!({"enum": ["positive", "negative", "uncertain"]})
}

fn object(required: &[(&str, Value)], optional: &[(&str, Value)]) -> Value {
    let all = required.iter().chain(optional);
    let properties: Map<String, Value> = all
        .map(|(name, form)| ((*name).to_owned(), form.clone()))
        .collect();
    let required: Vec<&str> = required.iter().map(|(name, _)| *name).collect();
    json!({
        "bsonType": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": false,
    })
}

fn model() -> Value {
    let digest = pattern("^sha256:[0-9a-f]{64}$");
    object(&[("version", name()), ("digest", digest)], &[])
}

fn of_kind(kind: &str, required: Vec<(&str, Value)>, optional: Vec<(&str, Value)>) -> Value {
    let mut all = vec![
        ("_id", id()),
        ("kind", json!({"enum": [kind]})),
        ("time_ms", count()),
    ];
    all.extend(required);
    let node = format!("^[A-Za-z0-9._-]{{1,{MAX_NODE_BYTES}}}$");
    let mut may = vec![
        ("node", pattern(&node)),
        // The same as time_ms, for indexes that expire.
        ("time", json!({"bsonType": "date"})),
    ];
    may.extend(optional);
    object(&all, &may)
}

/// What MongoDB's `$jsonSchema` asks of a record's document, in which `_id` is the record's `id` and `time` is
/// `time_ms` as a date. A validator cannot add: that counts add up is for the reader.
#[must_use]
pub fn json_schema() -> Value {
    let source = || ("source", id());
    let answered = || {
        [
            ("model", model()),
            ("verdict", verdict()),
            ("score", score()),
            ("margin", number()),
        ]
    };
    let features = json!({
        "bsonType": "array",
        "minItems": 1,
        "maxItems": MAX_FEATURES,
        "items": {"bsonType": ["number", "null"]},
    });
    let champion = object(
        &[
            ("model", model()),
            ("verdict", verdict()),
            ("score", score()),
        ],
        &[],
    );
    let shadow = answered()
        .into_iter()
        .chain([("prediction", id()), ("champion", champion)]);
    let verdicts = object(
        &[
            ("positive", count()),
            ("negative", count()),
            ("uncertain", count()),
        ],
        &[],
    );
    let scores = json!({"bsonType": "array", "minItems": SCORE_BINS, "maxItems": SCORE_BINS, "items": count()});
    let histogram = object(
        &[
            ("name", name()),
            ("edges", json!({"bsonType": "array", "items": number()})),
            ("counts", json!({"bsonType": "array", "items": count()})),
        ],
        &[],
    );
    let histograms = json!({"bsonType": "array", "maxItems": MAX_FEATURES, "items": histogram});
    let aggregate = vec![
        ("span_ms", count()),
        ("model", model()),
        ("n_rows", count()),
        ("verdicts", verdicts),
        ("scores", scores),
        ("features", histograms),
    ];
    let spool = object(
        &[
            ("pending", count()),
            ("dropped", count()),
            ("bytes", count()),
            ("max_bytes", count()),
        ],
        &[],
    );
    json!({"oneOf": [
        of_kind("prediction", answered().into(), vec![source(), ("features", features)]),
        of_kind("shadow", shadow.collect(), vec![source()]),
        of_kind("label", vec![("prediction", id()), ("label", name())], vec![]),
        of_kind("aggregate", aggregate, vec![]),
        of_kind("status", vec![("spool", spool)], vec![("model", model())]),
    ]})
}

//! What a record may hold: the reader and MongoDB's validator say the same of thousands of changed records.

#![allow(clippy::unwrap_used, reason = "a test fails by unwrapping")]

use picket_schema::record::{Record, RecordKind, json_schema};
use serde_json::{Value, json};

const ID: &str = "00112233445566778899aabbccddeeff";

fn model() -> Value {
    json!({"version": "phishing", "digest": format!("sha256:{}", "a".repeat(64))})
}

/// A record of every kind, with everything it may hold.
fn whole() -> Vec<Value> {
    let mut scores = vec![0; 20];
    scores[3] = 5;
    let histogram = json!({"name": "a", "edges": [-1.5, 0.0], "counts": [1, 2, 1, 1]});
    vec![
        json!({"kind": "prediction", "id": ID, "time_ms": 1_770_000_000_000_u64, "node": "edge-1", "model": model(),
            "verdict": "positive", "score": 0.75, "margin": -3.5, "source": ID, "features": [1.0, null, -0.5]}),
        json!({"kind": "shadow", "id": ID, "time_ms": 5, "node": "edge-1", "prediction": ID, "model": model(),
            "verdict": "uncertain", "score": 0.5, "margin": 0.0, "source": ID,
            "champion": {"model": model(), "verdict": "negative", "score": 0.25}}),
        json!({"kind": "label", "id": ID, "time_ms": 5, "node": "edge-1", "prediction": ID, "label": "phishing"}),
        json!({"kind": "aggregate", "id": ID, "time_ms": 5, "span_ms": 300_000, "node": "edge-1", "model": model(),
            "n_rows": 5, "verdicts": {"positive": 1, "negative": 3, "uncertain": 1}, "scores": scores,
            "features": [histogram]}),
        json!({"kind": "status", "id": ID, "time_ms": 5, "node": "edge-1", "model": model(),
            "spool": {"pending": 1, "dropped": 0, "bytes": 4096, "max_bytes": 100_000}}),
    ]
}

fn reads(record: &Value) -> bool {
    Record::from_json(record.to_string().as_bytes()).is_ok()
}

/// The document that a record becomes.
fn document(record: &Value) -> Value {
    let mut document = record.clone();
    if let Some(object) = document.as_object_mut()
        && let Some(id) = object.remove("id")
    {
        object.insert("_id".into(), id);
    }
    document
}

fn is_of(types: &Value, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "int" | "long" => value.is_i64() || value.is_u64(),
        "date" => false,
        other => panic!("{other}"),
    };
    match types {
        Value::Array(types) => types.iter().any(is),
        one => is(one),
    }
}

fn length(value: &Value) -> Option<u64> {
    value.as_str().map(|text| text.chars().count() as u64)
}

/// The patterns of the schema, by hand: there is no engine for expressions here.
fn matches(pattern: &str, text: &str) -> bool {
    let lower = |text: &str, n: usize| {
        text.len() == n
            && text
                .bytes()
                .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
    };
    match pattern {
        "^[0-9a-f]{32}$" => lower(text, 32),
        "^sha256:[0-9a-f]{64}$" => text.strip_prefix("sha256:").is_some_and(|it| lower(it, 64)),
        "^[A-Za-z0-9._-]{1,64}$" => {
            (1..=64).contains(&text.len())
                && text
                    .bytes()
                    .all(|it| it.is_ascii_alphanumeric() || b"._-".contains(&it))
        }
        other => panic!("{other}"),
    }
}

/// As MongoDB evaluates `$jsonSchema`, as much of it as the schema uses.
fn fits(schema: &Value, value: &Value) -> bool {
    schema
        .as_object()
        .unwrap()
        .iter()
        .all(|(key, rule)| match key.as_str() {
            "oneOf" => {
                rule.as_array()
                    .unwrap()
                    .iter()
                    .filter(|one| fits(one, value))
                    .count()
                    == 1
            }
            "bsonType" => is_of(rule, value),
            "enum" => rule.as_array().unwrap().contains(value),
            "pattern" => value
                .as_str()
                .is_none_or(|text| matches(rule.as_str().unwrap(), text)),
            "minimum" => value.as_f64().is_none_or(|it| it >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|it| it <= rule.as_f64().unwrap()),
            "minLength" => length(value).is_none_or(|it| it >= rule.as_u64().unwrap()),
            "maxLength" => length(value).is_none_or(|it| it <= rule.as_u64().unwrap()),
            "minItems" => value
                .as_array()
                .is_none_or(|it| it.len() as u64 >= rule.as_u64().unwrap()),
            "maxItems" => value
                .as_array()
                .is_none_or(|it| it.len() as u64 <= rule.as_u64().unwrap()),
            "items" => value
                .as_array()
                .is_none_or(|it| it.iter().all(|one| fits(rule, one))),
            "required" => rule
                .as_array()
                .unwrap()
                .iter()
                .all(|it| value.get(it.as_str().unwrap()).is_some()),
            "properties" => rule
                .as_object()
                .unwrap()
                .iter()
                .all(|(name, form)| value.get(name).is_none_or(|it| fits(form, it))),
            "additionalProperties" => {
                let known = schema["properties"].as_object().unwrap();
                value
                    .as_object()
                    .is_none_or(|it| it.keys().all(|name| known.contains_key(name)))
            }
            other => panic!("{other}"),
        })
}

/// Every place in a value, as JSON pointers.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Object(object) => {
            for (name, one) in object {
                places(one, &format!("{at}/{name}"), all);
            }
        }
        Value::Array(list) => {
            for (idx, one) in list.iter().enumerate() {
                places(one, &format!("{at}/{idx}"), all);
            }
        }
        _ => {}
    }
}

#[test]
fn whole_records_are_read_and_written_back() {
    for (record, kind) in whole().iter().zip(RecordKind::ALL) {
        let read = Record::from_json(record.to_string().as_bytes()).unwrap();
        assert_eq!(read.kind(), kind);
        let written: Value = serde_json::from_slice(&read.to_json().unwrap()).unwrap();
        assert_eq!(&written, record);
        assert!(fits(&json_schema(), &document(record)), "{record}");
        assert_eq!(record["kind"], kind.name());
    }
}

#[test]
fn reader_and_validator_agree_on_every_change_of_one_place() {
    let schema = json_schema();
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(7),
        json!(0.5),
        json!(-0.5),
        json!(2.5),
        json!(9_007_199_254_740_992_u64),
        json!(""),
        json!("text with spaces"),
        json!("x".repeat(256)),
        json!(ID.to_uppercase()),
        json!(&ID[1..]),
        json!("positive"),
        json!([]),
        json!({}),
    ];
    let (mut n_compared, mut n_refused) = (0, 0);
    for record in whole() {
        let mut all = Vec::new();
        places(&record, "", &mut all);
        for place in all.iter().filter(|it| !it.is_empty()) {
            let mut changed: Vec<Value> = values
                .iter()
                .map(|value| {
                    let mut changed = record.clone();
                    *changed.pointer_mut(place).unwrap() = value.clone();
                    changed
                })
                .collect();
            let (parent, last) = place.rsplit_once('/').unwrap();
            if record.pointer(parent).unwrap().is_object() {
                let (mut without, mut renamed) = (record.clone(), record.clone());
                let object = without
                    .pointer_mut(parent)
                    .unwrap()
                    .as_object_mut()
                    .unwrap();
                object.remove(last);
                let object = renamed
                    .pointer_mut(parent)
                    .unwrap()
                    .as_object_mut()
                    .unwrap();
                object.insert("more".into(), json!(1));
                changed.extend([without, renamed]);
            }
            for changed in &changed {
                let (read, fit) = (reads(changed), fits(&schema, &document(changed)));
                n_compared += 1;
                n_refused += u32::from(!read);
                // Counts that do not add up, edges out of order and a list of another length: the reader alone.
                // A null that may be left out is left out for the reader, and refused by the validator.
                let counted = changed["kind"] == "aggregate";
                let left_out = changed.pointer(place) == Some(&Value::Null)
                    && ["/node", "/source", "/features", "/model"].contains(&place.as_str());
                if !(counted || left_out) {
                    assert_eq!(read, fit, "{place}: {changed}");
                }
                assert!(
                    !read || fit || left_out,
                    "read but refused by the validator: {place}: {changed}"
                );
            }
        }
    }
    assert!(
        n_compared > 1500 && n_refused > 1000,
        "{n_compared} {n_refused}"
    );
}

#[test]
fn aggregates_that_do_not_add_up_are_refused_by_name() {
    let aggregate = whole().remove(3);
    for (place, value, cause) in [
        ("/n_rows", json!(6), "verdicts"),
        ("/verdicts/positive", json!(2), "verdicts"),
        ("/scores/0", json!(1), "scores"),
        ("/features/0/counts/0", json!(2), "features.counts"),
        ("/features/0/counts", json!([5]), "features.counts"),
        ("/features/0/edges", json!([1.0, 0.0]), "features.edges"),
    ] {
        let mut changed = aggregate.clone();
        *changed.pointer_mut(place).unwrap() = value;
        let error = Record::from_json(changed.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.cause(), cause, "{error}");
    }
}

#[test]
fn hostile_bytes_are_refused_and_a_raw_source_is_not_repeated() {
    let deep = "[".repeat(100_000);
    for bytes in [
        "",
        "[]",
        "{",
        "null",
        deep.as_str(),
        "{\"kind\":\"rumour\"}",
    ] {
        assert!(Record::from_json(bytes.as_bytes()).is_err());
    }
    let mut record = whole().remove(0);
    record["source"] = json!("10.0.0.7");
    let error = Record::from_json(record.to_string().as_bytes()).unwrap_err();
    assert!(!error.to_string().contains("10.0.0.7"), "{error}");
    let twice = record.to_string().replacen('{', "{\"score\":0.5,", 1);
    assert!(Record::from_json(twice.as_bytes()).is_err());
}

//! Against a server that speaks MongoDB's protocol, where `PICKET_MONGODB_URI` names one.

use std::time::Duration;

use mongodb::bson::{Document, doc};

use super::{MongoSink, Outcome, RecordSink, SinkError};

type Tested = Result<(), Box<dyn std::error::Error>>;

/// The server's URI with a database of this test's own.
fn uri(test: &str) -> Option<(String, String)> {
    let Ok(server) = std::env::var("PICKET_MONGODB_URI") else {
        eprintln!("SKIPPED: PICKET_MONGODB_URI names no server");
        return None;
    };
    let database = format!("picket_{test}_{}", std::process::id());
    let (base, query) = server
        .split_once('?')
        .map_or((server.as_str(), None), |(base, query)| (base, Some(query)));
    let host_end = base.find("://").map_or(0, |at| at + 3);
    let path = base[host_end..]
        .find('/')
        .map_or(base.len(), |at| host_end + at);
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    Some((format!("{}/{database}{query}", &base[..path]), database))
}

#[test]
fn records_become_documents_once_and_bad_ones_are_named() -> Tested {
    let Some((uri, database)) = uri("sink") else {
        return Ok(());
    };
    let mut sink = MongoSink::new(&uri, Duration::from_secs(5))?;
    let ids = ["a1", "b2", "c3"].map(|it| it.repeat(16));
    let prediction = serde_json::json!({
        "kind": "prediction", "id": ids[0], "time_ms": 1_770_000_000_000_u64, "node": "n",
        "model": {"version": "m", "digest": format!("sha256:{}", "0".repeat(64))},
        "verdict": "positive", "score": 0.5, "margin": 0.0, "features": [1.0, null],
    });
    let label = |id: &str| {
        serde_json::json!({"kind": "label", "id": id, "time_ms": 1_770_000_000_001_u64,
            "prediction": ids[0], "label": "phishing"})
        .to_string()
    };
    let (a, b, c) = (prediction.to_string(), label(&ids[1]), label(&ids[2]));
    let (a, b, c) = (a.as_bytes(), b.as_bytes(), c.as_bytes());
    assert_eq!(
        sink.deliver(&[a, b])?,
        [Outcome::Delivered, Outcome::Delivered]
    );
    // The second try of a batch that broke off, with one more record and one that can be no document.
    let outcomes = sink.deliver(&[a, b"[]", b, c])?;
    assert_eq!(
        (&outcomes[0], &outcomes[2], &outcomes[3]),
        (
            &Outcome::Delivered,
            &Outcome::Delivered,
            &Outcome::Delivered
        )
    );
    assert!(matches!(&outcomes[1], Outcome::Rejected(_)), "{outcomes:?}");
    let database = mongodb::sync::Client::with_uri_str(&uri)?.database(&database);
    let collection = database.collection::<Document>("records");
    assert_eq!(collection.count_documents(doc! {}).run()?, 3);
    let found = collection
        .find_one(doc! {"_id": &ids[0]})
        .run()?
        .ok_or("a document")?;
    assert_eq!(
        (found.get_f64("score")?, found.get_str("kind")?),
        (0.5, "prediction")
    );
    let time = found.get_datetime("time")?.timestamp_millis();
    assert_eq!(time, 1_770_000_000_000);
    // What is no record is refused by the server where it has validators, and by the reader where not.
    let rumour = ids[1].replace('b', "d");
    let rumour = format!("{{\"kind\":\"rumour\",\"id\":\"{rumour}\",\"time_ms\":5}}");
    let outcome = sink.deliver(&[rumour.as_bytes()])?.remove(0);
    let listed = database.run_command(doc! {"listCollections": 1}).run()?;
    let has_validator = listed.to_string().contains("jsonSchema");
    eprintln!("the server has validators: {has_validator}");
    assert_eq!(matches!(outcome, Outcome::Rejected(_)), has_validator);
    let names = collection.list_index_names().run()?;
    assert!(
        names.contains(&"kind_time".to_owned()) && names.contains(&"prediction".to_owned()),
        "{names:?}"
    );
    database.drop().run()?;
    Ok(())
}

#[test]
fn a_server_that_is_not_there_is_said_so_in_time() -> Tested {
    let mut sink = MongoSink::new("mongodb://127.0.0.1:9/x", Duration::from_millis(300))?;
    let start = std::time::Instant::now();
    let refused = sink.deliver(&[br#"{"id":"a"}"#.as_slice()]);
    assert!(
        matches!(refused, Err(SinkError::Unreachable { .. })),
        "{refused:?}"
    );
    assert!(start.elapsed() < Duration::from_secs(25));
    assert!(MongoSink::new("http://x", Duration::from_secs(1)).is_err());
    Ok(())
}

//! Verdicts and labels reach the collector once each, whatever fails on the way.

use std::collections::BTreeSet;

use picket_schema::Artifact;
use serde_json::json;

use crate::stand::{Client, CollectorStand, Result, Stand, bundled, component, row, until};

/// Predicts rows, and labels some of them; the ids that were answered.
fn talk(client: &Client, artifact: &Artifact<'_>, from: usize) -> Result<Vec<String>> {
    let label = artifact.schema.label.positive.name.clone();
    let mut ids = Vec::new();
    for number in from..from + 12 {
        let answer = client.post("/predict", &row(artifact, number))?;
        assert_eq!(answer.status, 200, "{answer:?}");
        let id = answer.json()?["id"].as_str().ok_or("an id")?.to_owned();
        if number % 3 == 0 {
            let feedback = json!({"prediction": id, "label": label}).to_string();
            let taken = client.post("/feedback", &feedback)?;
            assert_eq!(taken.status, 202, "{taken:?}");
        }
        ids.push(id);
    }
    let rows: Vec<String> = (0..5).map(|i| row(artifact, from + i)).collect();
    let batch = client.post(
        "/predict/batch",
        &format!("{{\"samples\":[{}]}}", rows.join(",")),
    )?;
    let batch = batch.json()?;
    let results = batch["predictions"].as_array().ok_or("predictions")?;
    for result in results {
        ids.push(result["id"].as_str().ok_or("an id")?.to_owned());
    }
    Ok(ids)
}

/// The collector has a record for each id, and a label for those that got one.
fn check(collector: &CollectorStand, ids: &[String], n_labels: usize) {
    let records = collector.records();
    let of = |kind: &str| -> Vec<&serde_json::Value> {
        records.values().filter(|it| it["kind"] == kind).collect()
    };
    let predictions: BTreeSet<&str> = of("prediction")
        .iter()
        .filter_map(|it| it["id"].as_str())
        .collect();
    let answered: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(answered.len(), ids.len(), "an id came twice");
    assert_eq!(predictions, answered);
    let labelled: BTreeSet<&str> = of("label")
        .iter()
        .filter_map(|it| it["prediction"].as_str())
        .collect();
    assert_eq!((of("label").len(), labelled.len()), (n_labels, n_labels));
    assert!(labelled.is_subset(&answered));
}

#[test]
fn records_arrive_once_though_the_collector_is_down_and_hosts_are_cut_off() -> Result<()> {
    let Some(component) = component() else {
        return Ok(());
    };
    for (reuse, concurrent) in [(1, 1), (50, 16)] {
        let collector = CollectorStand::start()?;
        collector.set_down(true);
        let mut stand = Stand::new(&component, reuse)?;
        stand.config.concurrent = concurrent;
        stand.record_to(&collector);
        let mut ids = Vec::new();
        for start in 0..3 {
            let host = stand.start()?;
            let bytes = bundled(&Client::new(&host))?;
            let artifact = Artifact::decode(&bytes)?;
            let talked = std::thread::scope(|scope| {
                let clients: Vec<_> = (0..3)
                    .map(|client| {
                        let (host, artifact) = (&host, &artifact);
                        let from = 1000 * start + 100 * client;
                        scope.spawn(move || talk(&Client::new(host), artifact, from))
                    })
                    .collect();
                clients
                    .into_iter()
                    .map(|it| it.join().map_err(|_| "a client panicked")?)
                    .collect::<Result<Vec<_>>>()
            })?;
            ids.extend(talked.into_iter().flatten());
            assert!(collector.records().is_empty(), "the collector is down");
            // Dropped without a word: instances that were delivering end in the middle of it.
            drop(host);
        }
        collector.set_down(false);
        let host = stand.start()?;
        let client = Client::new(&host);
        assert!(client.metric("picket_spin_pending_batches")? > 0);
        until("everything is delivered", || {
            // Any request brings some on the way.
            assert_eq!(client.get("/health")?.status, 200);
            Ok(collector.records().len() >= ids.len() + 36)
        })?;
        check(&collector, &ids, 36);
        until("nothing waits", || {
            Ok(client.metric("picket_spin_pending_batches")? == 0)
        })?;
        check(&collector, &ids, 36);
    }
    Ok(())
}

#[test]
fn a_source_stands_in_its_own_record_only() -> Result<()> {
    let Some(component) = component() else {
        return Ok(());
    };
    let collector = CollectorStand::start()?;
    let mut stand = Stand::new(&component, 1000)?;
    stand.record_to(&collector);
    stand.set("pseudonym_key", "a key of this very test");
    stand.set("record", "verdicts-with-features");
    let host = stand.start()?;
    let client = Client::new(&host);
    let bytes = bundled(&client)?;
    let artifact = Artifact::decode(&bytes)?;
    let mut with_source = Vec::new();
    let mut without = Vec::new();
    for number in 0..10 {
        let json = ("content-type", "application/json");
        let source = ("picket-source", "somebody");
        let headers: &[_] = if number % 2 == 0 {
            &[json, source]
        } else {
            &[json]
        };
        let body = row(&artifact, number);
        let answer = client.send("POST", "/predict", headers, body.as_bytes())?;
        let id = answer.json()?["id"].as_str().ok_or("an id")?.to_owned();
        if number % 2 == 0 {
            with_source.push(id);
        } else {
            without.push(id);
        }
    }
    until("everything is delivered", || {
        client.get("/health")?;
        Ok(collector.records().len() == 10)
    })?;
    let records = collector.records();
    let source = records[&with_source[0]]["source"]
        .as_str()
        .ok_or("a source")?;
    assert!(source.len() == 32 && !source.contains("somebody"));
    for id in &with_source {
        assert_eq!(records[id]["source"], source);
    }
    for id in &without {
        assert!(records[id].get("source").is_none(), "{}", records[id]);
    }
    let n_features = artifact.schema.n_features();
    let mut rows = BTreeSet::new();
    for record in records.values() {
        let features = record["features"].as_array().ok_or("features")?;
        assert_eq!(features.len(), n_features);
        rows.insert(record["features"].to_string());
    }
    assert_eq!(
        rows.len(),
        10,
        "every record has the row of its own request"
    );
    Ok(())
}

#[test]
fn what_cannot_be_recorded_is_refused() -> Result<()> {
    let Some(component) = component() else {
        return Ok(());
    };
    let collector = CollectorStand::start()?;
    collector.set_down(true);
    let mut stand = Stand::new(&component, 1000)?;
    stand.record_to(&collector);
    stand.config.max_state = 16_000;
    let host = stand.start()?;
    let client = Client::new(&host);
    let bytes = bundled(&client)?;
    let artifact = Artifact::decode(&bytes)?;
    let mut n_taken = 0;
    let refused = loop {
        let answer = client.post("/predict", &row(&artifact, n_taken))?;
        if answer.status != 200 {
            break answer;
        }
        n_taken += 1;
        assert!(n_taken < 100, "the store has room for ever");
    };
    assert!(n_taken > 0);
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(refused.json()?["type"], "/docs#not-recorded");
    assert!(refused.body.contains("the store has"), "{refused:?}");
    assert_eq!(client.get("/health")?.status, 200);
    drop(host);
    // Too many that wait: the same, whatever room there is.
    stand.config.max_state = 1 << 20;
    stand.set("max_pending", "5");
    let host = stand.start()?;
    let client = Client::new(&host);
    until("the step has counted", || {
        let answer = client.post("/predict", &row(&artifact, 1))?;
        Ok(answer.status == 503 && answer.body.contains("wait for the collector"))
    })?;
    drop(host);
    // Wrong settings are told too, and no secret with them.
    stand.set("max_pending", "10000");
    stand.set("collector_token", "short secret");
    let host = stand.start()?;
    let client = Client::new(&host);
    let refused = client.post("/predict", &row(&artifact, 1))?;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.body.contains("collector_token") && !refused.body.contains("secret"));
    drop(host);
    stand.set("collector_token", crate::stand::TOKEN);
    collector.set_down(false);
    let host = stand.start()?;
    let client = Client::new(&host);
    until("the rest is delivered", || {
        client.get("/health")?;
        Ok(collector.records().len() >= n_taken)
    })
}

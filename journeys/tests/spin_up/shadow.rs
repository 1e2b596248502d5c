//! A challenger in a release looks at answers, is recorded under their ids, and never answers.

use picket_schema::Artifact;
use picket_schema::release::Challenger;

use crate::releases::{key, manifest, push, served, stand};
use crate::stand::{ADMIN, Client, CollectorStand, Result, component, model, row, until};

fn challenged(number: u64, per_mille: u64) -> Result<Vec<u8>> {
    let champion = model(&format!("model {number}"))?;
    let challenger = model("challenger")?;
    let named = manifest(number, &challenger)?;
    let mut manifest = manifest(number, &champion)?;
    manifest.challenger = Some(Challenger {
        artifact: named.artifact,
        golden: named.golden,
        traffic_per_mille: per_mille,
    });
    let envelope = manifest.sign(&[&key(1)])?;
    Ok([&envelope, &b"\n"[..], &champion, &challenger].concat())
}

#[test]
fn a_challenger_is_recorded_under_the_ids_of_the_answers() -> Result<()> {
    let Some(component) = component() else {
        return Ok(());
    };
    for (reuse, per_mille) in [(1, 1000), (1000, 400)] {
        let collector = CollectorStand::start()?;
        let mut stand = stand(&component, reuse)?;
        stand.record_to(&collector);
        let host = stand.start()?;
        let client = Client::new(&host);
        let taken = push(&client, ADMIN, &challenged(1, per_mille)?)?;
        assert_eq!(taken.status, 200, "{taken:?}");
        assert_eq!(taken.json()?["challenger"]["version"], "challenger");
        until("release 1 is served", || Ok(served(&client)? == "model 1"))?;
        let bytes = model("model 1")?;
        let artifact = Artifact::decode(&bytes)?;
        let mut ids = Vec::new();
        for number in 0..40 {
            let answer = client.post("/predict", &row(&artifact, number))?;
            let answer = answer.json()?;
            assert_eq!(answer["model"]["version"], "model 1");
            ids.push(answer["id"].as_str().ok_or("an id")?.to_owned());
        }
        // The same row again, under another id: it is chosen again or left again.
        for number in 0..40 {
            let answer = client.post("/predict", &row(&artifact, number))?.json()?;
            ids.push(answer["id"].as_str().ok_or("an id")?.to_owned());
        }
        until("everything is delivered", || {
            Ok(client.metric("picket_spin_pending_batches")? == 0)
        })?;
        let records = collector.records();
        let of_kind = |kind: &str| records.values().filter(|it| it["kind"] == kind).count();
        assert_eq!(of_kind("prediction"), 80);
        let is_shown = |id: &String| {
            let shadows = records.values().filter(|it| it["kind"] == "shadow");
            let mut shadows = shadows.filter(|it| it["prediction"] == **id);
            let first = shadows.next();
            assert!(shadows.next().is_none(), "shown twice");
            if let Some(record) = first {
                assert_eq!(record["model"]["version"], "challenger");
                assert_eq!(record["champion"]["model"]["version"], "model 1");
                assert_eq!(record["champion"]["score"], records[id]["score"]);
                // The same model under another name.
                assert_eq!(record["score"], records[id]["score"]);
            }
            first.is_some()
        };
        let shown: Vec<bool> = ids.iter().map(is_shown).collect();
        assert_eq!(shown[..40], shown[40..]);
        let n_shown = shown.iter().filter(|it| **it).count();
        match per_mille {
            1000 => assert_eq!(n_shown, 80),
            _ => assert!((2..78).contains(&n_shown), "{n_shown}"),
        }
    }
    Ok(())
}

#[test]
fn without_records_a_challenger_is_counted() -> Result<()> {
    let Some(component) = component() else {
        return Ok(());
    };
    let stand = stand(&component, 100_000)?;
    let host = stand.start()?;
    let client = Client::new(&host);
    assert_eq!(push(&client, ADMIN, &challenged(1, 1000)?)?.status, 200);
    until("release 1 is served", || Ok(served(&client)? == "model 1"))?;
    let bytes = model("model 1")?;
    let artifact = Artifact::decode(&bytes)?;
    until("it is counted", || {
        assert_eq!(client.post("/predict", &row(&artifact, 1))?.status, 200);
        let page = client.get("/metrics")?.body;
        let agreed =
            "picket_shadow_rows_total{result=\"agreed\",challenger_version=\"challenger\"} ";
        let line = page.lines().find_map(|line| line.strip_prefix(agreed));
        Ok(line.is_some_and(|it| it != "0"))
    })?;
    // Where nothing is recorded no label is taken.
    assert_eq!(client.post("/feedback", "{}")?.status, 404);
    Ok(())
}

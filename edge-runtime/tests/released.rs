//! The device host on releases: a real store, the real component, real HTTP, and swaps under load.

#[allow(dead_code, reason = "one schema is enough here")]
#[path = "../service/tests/fixture/mod.rs"]
mod fixture;

#[allow(dead_code, reason = "made for the attacks, which use more of it")]
#[path = "attacks/edge.rs"]
mod edge;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use edge::{Result, Store, key, key_set};
use picket_edge_runtime::record::{Pseudonyms, RecordMode, RecorderConfig};
use picket_edge_runtime::spool::{Folder, SpoolConfig, Survey};
use picket_edge_runtime::sync::DirectorySource;
use picket_edge_runtime::{
    HostConfig, LiveService, PoolConfig, Recording, RecordingConfig, Server, SyncOptions,
    start_released, start_released_with,
};
use picket_schema::ArtifactDigest;
use picket_schema::record::{Record, RecordKind};
use picket_schema::release::{Challenger, Manifest, ScorerRef, Tombstones};
use picket_service::Limits;

/// Valid whatever the clock says.
fn manifest(release: u64, model: &[u8]) -> Result<Manifest> {
    let mut manifest = edge::manifest(release, model)?;
    (manifest.not_before, manifest.expires) = (0, (1 << 53) - 1);
    Ok(manifest)
}

fn publish(store: &Store, release: u64) -> Result<()> {
    let model = edge::model(fixture::PHISHING, &format!("model {release}"))?;
    store.publish_as(&manifest(release, &model)?, &model, &[&key(1)])
}

/// Release 1, with a challenger that sees every row.
fn publish_first(store: &Store) -> Result<()> {
    let model = edge::model(fixture::PHISHING, "model 1")?;
    let other = edge::model(fixture::PHISHING, "the challenger")?;
    let named = manifest(1, &other)?;
    let mut first = manifest(1, &model)?;
    first.challenger = Some(Challenger {
        artifact: named.artifact,
        golden: named.golden,
        traffic_per_mille: 1000,
    });
    store.put("releases/1/challenger.picket", &other)?;
    store.publish_as(&first, &model, &[&key(1)])
}

/// Release 3, which withdraws release 2 and whose model never arrives.
fn revoke_second(store: &Store) -> Result<()> {
    let model = edge::model(fixture::PHISHING, "model 3")?;
    let mut third = manifest(3, &model)?;
    third.revoked.revoke_release(2);
    store.put_envelope(3, &third.sign(&[&key(1)])?)?;
    store.point_at(3)
}

/// A recording into a folder, with the challenger beside it and pseudonyms of sources.
fn recording(folder: &Path) -> Result<Recording> {
    let config = RecordingConfig {
        folder: folder.join("spool"),
        spool: SpoolConfig::default(),
        recorder: RecorderConfig {
            mode: RecordMode::Verdicts,
            pseudonyms: Some(Pseudonyms::new(PSEUDONYM_KEY)?),
            node: Some("gate-7".to_owned()),
            ..RecorderConfig::default()
        },
        upload: None,
    };
    Ok(Recording::start(&config)?)
}

const PSEUDONYM_KEY: &[u8] = b"a key of the test here";

/// What waits in the spool.
fn pending(folder: &Path) -> Result<Vec<Record>> {
    let disk = Folder::look(&folder.join("spool"))?;
    let mut records = Vec::new();
    Survey::of(&disk)?.pending(&disk, |_, bytes| {
        // Whatever the edge writes is a record by the schema.
        records.push(Record::from_json(bytes)?);
        Ok::<_, picket_schema::record::RecordError>(())
    })?;
    Ok(records)
}

/// Predictions, challengers' answers and labels that wait.
fn waiting(folder: &Path) -> Result<(usize, usize, usize)> {
    let records = pending(folder)?;
    let of = |kind| records.iter().filter(|it| it.kind() == kind).count();
    let (predictions, shadows) = (of(RecordKind::Prediction), of(RecordKind::Shadow));
    Ok((predictions, shadows, of(RecordKind::Label)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_challenger_says_is_recorded_and_tombstones_erase_what_waits() -> Result<()> {
    let Some(component) = std::env::var_os("PICKET_SCORER_COMPONENT").map(PathBuf::from) else {
        eprintln!(
            "SKIPPED: PICKET_SCORER_COMPONENT names no component; `cargo xtask build-wasm` builds it"
        );
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let store = Store {
        folder: folder.path().join("store"),
    };
    publish_first(&store)?;
    let trusted_keys = folder.path().join("trusted-keys.json");
    std::fs::write(&trusted_keys, key_set(1, 1, &[1])?.to_json()?)?;
    let config = HostConfig {
        model: PathBuf::new(),
        component,
        www: None,
        cache_dir: None,
        limits: Limits::default(),
        pool: PoolConfig::default(),
    };
    let options = SyncOptions {
        trusted_keys,
        state_dir: folder.path().join("state"),
        interval: Duration::from_millis(200),
        max_staleness: Duration::from_hours(1),
        allow_schema_change: false,
        require_log: false,
        fallback: None,
    };
    let recording = recording(folder.path())?;
    let source = Box::new(DirectorySource::new(store.folder.clone()));
    let released = start_released_with(&config, source, &options, Some(&recording))?;
    let server = Server::bind(released.service, ([127, 0, 0, 1], 0).into()).await?;
    let origin = format!("http://{}", server.address()?);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(async { drop(stopped.await) }));
    let place = folder.path().to_owned();
    let talking = tokio::task::spawn_blocking(move || {
        record_and_erase(&origin, &store, &place).map_err(|error| error.to_string())
    });
    talking.await??;
    stop.send(()).map_err(|()| "the server stopped by itself")?;
    tokio::time::timeout(Duration::from_mins(1), serving).await??;
    drop(recording);
    Ok(())
}

fn record_and_erase(origin: &str, store: &Store, folder: &Path) -> Result<()> {
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build(),
    );
    let post = |path: &str, source: &str, body: &str| -> Result<serde_json::Value> {
        let mut response = agent
            .post(format!("{origin}{path}"))
            .header("picket-source", source)
            .content_type("application/json")
            .send(body.as_bytes())?;
        let text = response.body_mut().read_to_string()?;
        assert!(response.status().is_success(), "{text}");
        Ok(serde_json::from_str(&text)?)
    };
    for source in ["ann", "bob", "bob"] {
        let answer = post("/predict", source, "{\"features\":{\"port\":-1}}")?;
        let id = answer["id"].as_str().ok_or("an id")?;
        let label = format!("{{\"prediction\":\"{id}\",\"label\":\"phishing\"}}");
        post("/feedback", source, &label)?;
    }
    until(|| Ok(waiting(folder)? == (3, 3, 3)))?;
    for record in pending(folder)? {
        assert_eq!(record.node(), Some("gate-7"));
        if let Record::Shadow(shadow) = record {
            assert_eq!(shadow.model.version, "the challenger");
            assert_eq!(shadow.champion.model.version, "model 1");
        }
    }
    // Signed by a key that nobody trusts, a list erases nothing.
    let bob = Pseudonyms::new(PSEUDONYM_KEY)?.of(b"bob");
    let far = edge::NOW * 10;
    let list = Tombstones::new(1, far, [bob.clone()].into())?;
    store.put("tombstones/1.dsse.json", &list.sign(&[&key(2)])?)?;
    let metrics = || -> Result<String> {
        let mut response = agent.get(format!("{origin}/metrics")).call()?;
        Ok(response.body_mut().read_to_string()?)
    };
    let refused = "picket_release_";
    std::thread::sleep(Duration::from_millis(600));
    assert!(metrics()?.contains(refused));
    assert_eq!(waiting(folder)?, (3, 3, 3));
    store.put("tombstones/1.dsse.json", &list.sign(&[&key(1)])?)?;
    until(|| Ok(waiting(folder)? == (1, 1, 1)))?;
    until(|| Ok(metrics()?.contains("picket_spool_dropped_total{reason=\"erased\"} 6\n")))?;
    for entry in std::fs::read_dir(folder.join("spool"))? {
        let bytes = std::fs::read(entry?.path())?;
        let found = bytes.windows(bob.len()).any(|it| it == bob.as_bytes());
        assert!(!found, "the pseudonym is on the disk still");
    }
    // The list was carried out once: the state says so as soon as it is.
    until(|| {
        let state = std::fs::read_to_string(folder.join("state/state.json"))?;
        Ok(state.contains("\"tombstones\":1"))
    })?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn releases_are_swapped_under_load_and_withheld_when_revoked() -> Result<()> {
    let Some(component) = std::env::var_os("PICKET_SCORER_COMPONENT").map(PathBuf::from) else {
        eprintln!(
            "SKIPPED: PICKET_SCORER_COMPONENT names no component; `cargo xtask build-wasm` builds it"
        );
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let store = Store {
        folder: folder.path().join("store"),
    };
    publish_first(&store)?;
    let trusted_keys = folder.path().join("trusted-keys.json");
    std::fs::write(&trusted_keys, key_set(1, 1, &[1])?.to_json()?)?;
    let config = HostConfig {
        model: PathBuf::new(),
        component,
        www: None,
        cache_dir: None,
        limits: Limits::default(),
        pool: PoolConfig::default(),
    };
    let options = SyncOptions {
        trusted_keys,
        state_dir: folder.path().join("state"),
        interval: Duration::from_millis(200),
        max_staleness: Duration::from_hours(1),
        allow_schema_change: false,
        require_log: false,
        fallback: None,
    };
    let source = Box::new(DirectorySource::new(store.folder.clone()));
    let released = start_released(&config, source, &options)?;
    let server = Server::bind(released.service, ([127, 0, 0, 1], 0).into()).await?;
    let origin = format!("http://{}", server.address()?);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(async { drop(stopped.await) }));
    let talking = tokio::task::spawn_blocking(move || {
        talk(&origin, &store).map_err(|error| error.to_string())
    });
    talking.await??;
    stop.send(()).map_err(|()| "the server stopped by itself")?;
    tokio::time::timeout(Duration::from_mins(1), serving).await??;
    Ok(())
}

fn talk(origin: &str, store: &Store) -> Result<()> {
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build(),
    );
    let metrics = || -> Result<String> {
        let mut response = agent.get(format!("{origin}/metrics")).call()?;
        Ok(response.body_mut().read_to_string()?)
    };
    for _ in 0..20 {
        assert_eq!(predict(&agent, origin)?, (200, "model 1".to_owned()));
    }
    let shadow =
        "picket_shadow_rows_total{result=\"agreed\",challenger_version=\"the challenger\"} 20\n";
    until(|| Ok(metrics()?.contains(shadow)))?;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| ask_until(&done, origin).map_err(|error| error.to_string())))
            .collect();
        let swapped =
            publish(store, 2).and_then(|()| until(|| Ok(predict(&agent, origin)?.1 == "model 2")));
        done.store(true, Ordering::Relaxed);
        for client in clients {
            let n_asked = client.join().map_err(|_| "a client panicked")??;
            assert!(n_asked > 0, "there was no load");
        }
        swapped
    })?;
    let text = metrics()?;
    assert!(text.contains("\npicket_release_number 2\n"), "{text}");
    assert!(
        !text.contains("picket_shadow"),
        "release 2 has no challenger"
    );
    // What was signed is there for a page to verify, and every answer names it.
    let mut signed = agent.get(format!("{origin}/release.dsse.json")).call()?;
    assert_eq!(signed.headers()["picket-release"], "2");
    let kept = std::fs::read(store.folder.join("releases/2/release.dsse.json"))?;
    assert_eq!(signed.body_mut().read_to_vec()?, kept);
    revoke_second(store)?;
    until(|| Ok(predict(&agent, origin)?.0 == 503))?;
    let ready = agent.get(format!("{origin}/ready")).call()?;
    assert_eq!(ready.status(), 503);
    let text = metrics()?;
    assert!(text.contains("\npicket_release_withheld 1\n"), "{text}");
    assert!(
        text.contains("picket_release_last_poll_info{result=\"file_absent\"} 1\n"),
        "{text}"
    );
    Ok(())
}

/// Status and model of an answer; the header and the body must name one model.
fn predict(agent: &ureq::Agent, origin: &str) -> Result<(u16, String)> {
    let mut response = agent
        .post(format!("{origin}/predict"))
        .content_type("application/json")
        .send(&b"{\"features\":{\"port\":-1}}"[..])?;
    let header = response.headers()["picket-model-version"].to_str()?;
    let header = header.to_owned();
    let body: serde_json::Value = serde_json::from_str(&response.body_mut().read_to_string()?)?;
    assert_eq!(body["model"]["version"], header.as_str());
    Ok((response.status().as_u16(), header))
}

/// Asks without a pause; every request is answered, and models never go back.
fn ask_until(done: &AtomicBool, origin: &str) -> Result<usize> {
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build(),
    );
    let (mut n_asked, mut last) = (0, String::new());
    while !done.load(Ordering::Relaxed) {
        let (status, model) = predict(&agent, origin)?;
        assert_eq!(status, 200);
        assert!(model >= last, "{model} after {last}");
        last = model;
        n_asked += 1;
    }
    Ok(n_asked)
}

fn until(mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !is_so()? {
        if start.elapsed() > Duration::from_mins(1) {
            return Err("it did not come about in 60 s".into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// The component with another constant in its exponential: margins are as they were, scores are not.
fn other_scorer(component: &[u8]) -> Vec<u8> {
    // -ln 2, the part of it that is taken from the argument.
    let ln_2 = 0xbfe6_2e42_fee0_0000_u64.to_le_bytes();
    let mut bytes = component.to_vec();
    let places: Vec<usize> = bytes
        .windows(8)
        .enumerate()
        .filter_map(|(at, it)| (it == ln_2).then_some(at))
        .collect();
    assert!(!places.is_empty(), "no exponential in the component");
    for at in places {
        bytes[at + 4] ^= 1;
    }
    bytes
}

/// A release whose manifest names a scorer, which may be another than the one that is there.
fn publish_with_scorer(store: &Store, release: u64, named: &[u8], there: &[u8]) -> Result<()> {
    let model = edge::model(fixture::PHISHING, &format!("model {release}"))?;
    let mut manifest = manifest(release, &model)?;
    manifest.scorer = Some(ScorerRef {
        digest: ArtifactDigest::of(named),
        size: named.len() as u64,
    });
    store.put(&format!("releases/{release}/scorer.wasm"), there)?;
    store.publish_as(&manifest, &model, &[&key(1)])
}

#[test]
fn a_scorer_that_comes_with_a_release_is_swapped_with_the_model() -> Result<()> {
    let Some(component) = std::env::var_os("PICKET_SCORER_COMPONENT").map(PathBuf::from) else {
        eprintln!(
            "SKIPPED: PICKET_SCORER_COMPONENT names no component; `cargo xtask build-wasm` builds it"
        );
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let store = Store {
        folder: folder.path().join("store"),
    };
    publish(&store, 1)?;
    let own = std::fs::read(&component)?;
    let other = other_scorer(&own);
    let trusted_keys = folder.path().join("trusted-keys.json");
    std::fs::write(&trusted_keys, key_set(1, 1, &[1])?.to_json()?)?;
    let config = HostConfig {
        model: PathBuf::new(),
        component,
        www: None,
        cache_dir: Some(folder.path().join("cache")),
        limits: Limits::default(),
        pool: PoolConfig {
            n_instances: 1,
            ..PoolConfig::default()
        },
    };
    let options = SyncOptions {
        trusted_keys,
        state_dir: folder.path().join("state"),
        interval: Duration::from_millis(100),
        max_staleness: Duration::from_hours(1),
        allow_schema_change: false,
        require_log: false,
        fallback: None,
    };
    let start = |store: &Store| {
        let source = Box::new(DirectorySource::new(store.folder.clone()));
        start_released(&config, source, &options)
    };
    let released = start(&store)?;
    let ask = |service: &LiveService| -> Result<(String, f64)> {
        let body = bytes::Bytes::from_static(b"{\"features\":{}}");
        let request = http::Request::post("/predict")
            .header("content-type", "application/json")
            .body(body)?;
        let response = service.current().handle(&request);
        let version = response.headers().get("picket-model-version");
        let version = version.ok_or("a version")?.to_str()?.to_owned();
        let answer: serde_json::Value = serde_json::from_slice(response.body())?;
        Ok((version, answer["score"].as_f64().ok_or("a score")?))
    };
    let serves = |service: &LiveService, version: &str| -> Result<f64> {
        until(|| Ok(ask(service)?.0 == version))?;
        Ok(ask(service)?.1)
    };
    let score = serves(&released.service, "model 1")?;
    // Model and code in one: the same margin, which the golden rows hold it to, and another score.
    publish_with_scorer(&store, 2, &other, &other)?;
    let by_other = serves(&released.service, "model 2")?;
    assert!((score - by_other).abs() > 1e-12, "{score} {by_other}");
    // Another module than the signed one, and a signed one that is no scorer: not served.
    let mut third = other.clone();
    third[8] ^= 1;
    publish_with_scorer(&store, 3, &third, &own)?;
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(ask(&released.service)?, ("model 2".to_owned(), by_other));
    publish_with_scorer(&store, 4, b"\0asm and no more", b"\0asm and no more")?;
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(ask(&released.service)?, ("model 2".to_owned(), by_other));
    // The next process serves what was kept, code included, without the source.
    drop(released);
    std::fs::remove_dir_all(&store.folder)?;
    let released = start(&store)?;
    assert_eq!(ask(&released.service)?, ("model 2".to_owned(), by_other));
    // A release without one goes back to the host's own.
    publish(&store, 5)?;
    assert_eq!(serves(&released.service, "model 5")?, score);
    Ok(())
}

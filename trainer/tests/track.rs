//! A run as a real MLflow server sees it. `PICKET_MLFLOW_URI` names the server (`cargo xtask test`
//! starts one); without it these tests say that they did not run.

#![allow(clippy::unwrap_used, reason = "a test fails by unwrapping")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use picket_trainer::track::{
    ArtifactFile, DatasetInput, RECORD_FILE, Registration, RunStatus, Tracked, TrackedRun,
    TrackingServer, track,
};
use serde_json::{Value, json};

/// Requests of a whole run: more than any test here makes.
const MANY: usize = 100;

fn server_uri() -> Option<String> {
    let uri = std::env::var("PICKET_MLFLOW_URI").ok();
    if uri.is_none() {
        eprintln!("SKIPPED: PICKET_MLFLOW_URI is not set, no MLflow server is asked");
    }
    uri
}

/// Names that no other test and no earlier run used.
fn unique(name: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format!("{name}-{}-{}", std::process::id(), now.as_nanos())
}

/// A run with everything that a run can have, and its files.
fn write_run(dir: &Path, name: &str, n_metrics: u32) -> TrackedRun {
    std::fs::create_dir_all(dir.join("model")).unwrap();
    std::fs::write(dir.join("model/model.picket"), b"bytes of a model").unwrap();
    std::fs::write(dir.join("report.html"), vec![b'x'; 300_000]).unwrap();
    let mut run = TrackedRun {
        run_id: unique(name),
        experiment: unique("picket-test"),
        name: name.to_owned(),
        started_ms: 1_790_000_000_000,
        ended_ms: 1_790_000_060_000,
        status: RunStatus::Finished,
        params: (0..120)
            .map(|n| (format!("p{n}"), "v".repeat(if n == 0 { 900 } else { 3 })))
            .collect(),
        tags: vec![("picket.outcome".to_owned(), "accepted".to_owned())],
        datasets: vec![DatasetInput {
            name: "phishing.csv".to_owned(),
            digest: format!("sha256:{}", "ab".repeat(32)),
            source_type: "local".to_owned(),
            source: r#"{"uri": "phishing.csv"}"#.to_owned(),
            schema: r#"{"mlflow_colspec": [{"name": "a", "type": "double"}]}"#.to_owned(),
            profile: r#"{"num_rows": 11055}"#.to_owned(),
            context: "training".to_owned(),
        }],
        artifacts: ["model/model.picket", "report.html"]
            .map(|path| ArtifactFile {
                path: path.to_owned(),
                name: path.to_owned(),
            })
            .to_vec(),
        registration: Some(Registration {
            model: unique("phishing"),
            artifact: "model".to_owned(),
            description: "F1 0.95".to_owned(),
            aliases: vec!["challenger".to_owned(), "champion".to_owned()],
        }),
        ..TrackedRun::default()
    };
    // Values whose last digits matter.
    for step in 0..n_metrics {
        let value = (f64::from(step) / 7.0).sqrt();
        run.add_metric(
            "fold/f1",
            value,
            1_790_000_000_000 + u64::from(step),
            i64::from(step),
        );
    }
    run.add_metric("f1", 0.9505, 1_790_000_050_000, 0);
    run.write(&dir.join(RECORD_FILE)).unwrap();
    run
}

fn ask(agent: &ureq::Agent, uri: &str, path: &str, query: &[(&str, &str)]) -> Value {
    let mut request = agent.get(format!("{uri}{path}"));
    for (name, value) in query {
        request = request.query(name, value);
    }
    let text = request.call().unwrap().body_mut().read_to_string().unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Holds what the server has against what was sent: all of it, and nothing twice.
fn check_server_has(uri: &str, run: &TrackedRun) {
    let agent = ureq::Agent::new_with_defaults();
    let experiment = ask(
        &agent,
        uri,
        "/api/2.0/mlflow/experiments/get-by-name",
        &[("experiment_name", &run.experiment)],
    );
    let experiment_id = experiment["experiment"]["experiment_id"].as_str().unwrap();
    let body = json!({ "experiment_ids": [experiment_id], "max_results": 10 });
    let found = agent
        .post(format!("{uri}/api/2.0/mlflow/runs/search"))
        .header("content-type", "application/json")
        .send(body.to_string())
        .unwrap()
        .body_mut()
        .read_to_string()
        .unwrap();
    let found: Value = serde_json::from_str(&found).unwrap();
    let runs = found["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1, "one run, not one for each attempt");
    let (info, data) = (&runs[0]["info"], &runs[0]["data"]);
    assert_eq!(info["status"], "FINISHED");
    assert_eq!(info["end_time"], 1_790_000_060_000_u64);
    assert_eq!(data["params"].as_array().unwrap().len(), run.params.len());
    let tags = data["tags"].as_array().unwrap();
    assert!(
        tags.iter()
            .any(|tag| tag["key"] == "picket.outcome" && tag["value"] == "accepted")
    );

    let run_id = info["run_id"].as_str().unwrap();
    let history = ask(
        &agent,
        uri,
        "/api/2.0/mlflow/metrics/get-history",
        &[
            ("run_id", run_id),
            ("metric_key", "fold/f1"),
            ("max_results", "25000"),
        ],
    );
    let history = history["metrics"].as_array().unwrap();
    let n_metrics = run.metrics.len() - 1;
    assert_eq!(history.len(), n_metrics, "every fold's metric once");
    let mut steps: Vec<i64> = history
        .iter()
        .map(|one| one["step"].as_i64().unwrap())
        .collect();
    steps.sort_unstable();
    let expected: Vec<i64> = (0..).take(n_metrics).collect();
    assert_eq!(steps, expected);

    let inputs = runs[0]["inputs"]["dataset_inputs"].as_array().unwrap();
    assert_eq!(inputs.len(), 1);
    assert_eq!(inputs[0]["dataset"]["name"], "phishing.csv");
    assert_eq!(inputs[0]["tags"][0]["value"], "training");

    let files = ask(
        &agent,
        uri,
        "/api/2.0/mlflow/artifacts/list",
        &[("run_id", run_id), ("path", "model")],
    );
    assert_eq!(files["files"][0]["path"], "model/model.picket");
    assert_eq!(files["files"][0]["file_size"].as_u64(), Some(16));
    let folder = format!("/api/2.0/mlflow-artifacts/artifacts/{experiment_id}/{run_id}/artifacts");
    let stored = agent
        .get(format!("{uri}{folder}/report.html"))
        .call()
        .unwrap();
    let stored = stored.into_body().read_to_vec().unwrap();
    assert_eq!(stored, vec![b'x'; 300_000]);

    let registration = run.registration.as_ref().unwrap();
    let filter = format!("name='{}'", registration.model);
    let versions = ask(
        &agent,
        uri,
        "/api/2.0/mlflow/model-versions/search",
        &[("filter", &filter)],
    );
    let versions = versions["model_versions"].as_array().unwrap();
    assert_eq!(versions.len(), 1, "one version, not one for each attempt");
    assert_eq!(versions[0]["run_id"], run_id);
    for alias in ["champion", "challenger"] {
        let found = ask(
            &agent,
            uri,
            "/api/2.0/mlflow/registered-models/alias",
            &[("name", &registration.model), ("alias", alias)],
        );
        assert_eq!(found["model_version"]["version"], versions[0]["version"]);
    }
}

#[test]
fn a_run_arrives_whole_and_again_changes_nothing() {
    let Some(uri) = server_uri() else { return };
    let dir = tempfile::tempdir().unwrap();
    let run = write_run(dir.path(), "whole", 1500);
    let server = TrackingServer::new(&uri).unwrap();
    for _ in 0..2 {
        let tracked = track(dir.path(), &server).unwrap();
        let Tracked::Sent { page } = tracked else {
            panic!("{tracked:?}")
        };
        assert!(page.starts_with(&uri), "{page}");
        check_server_has(&uri, &run);
    }
    // A record that forgot what was acknowledged doubles nothing either.
    run.write(&dir.path().join(RECORD_FILE)).unwrap();
    assert!(matches!(
        track(dir.path(), &server).unwrap(),
        Tracked::Sent { .. }
    ));
    check_server_has(&uri, &run);
}

/// Passes connections on to the server, and drops the answer of request number `lost` and of all
/// after it: the server did what was asked, and nobody hears of it.
struct LossyWire {
    uri: String,
    n_requests: Arc<AtomicUsize>,
}

fn lossy_wire(to: SocketAddr, lost: usize) -> LossyWire {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    let n_requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&n_requests);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let counter = Arc::clone(&counter);
            std::thread::spawn(move || pass_on(stream, to, lost, &counter));
        }
    });
    LossyWire { uri, n_requests }
}

/// One request at a time, for as long as the connection lives.
fn pass_on(mut client: TcpStream, to: SocketAddr, lost: usize, counter: &AtomicUsize) {
    let mut server = TcpStream::connect(to).unwrap();
    while let Some(request) = read_message(&mut client) {
        let number = counter.fetch_add(1, Ordering::SeqCst);
        if server.write_all(&request).is_err() {
            return;
        }
        let Some(answer) = read_message(&mut server) else {
            return;
        };
        if number >= lost || client.write_all(&answer).is_err() {
            return;
        }
    }
}

/// Head and body by their length.
fn read_message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(0, |length| length.trim().parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    bytes.extend(body);
    Some(bytes)
}

#[test]
fn wherever_the_wire_breaks_a_replay_completes_the_run_without_doubling() {
    let Some(uri) = server_uri() else { return };
    let to: SocketAddr = uri.trim_start_matches("http://").parse().unwrap();
    let server = TrackingServer::new(&uri).unwrap();
    let n_requests = {
        let dir = tempfile::tempdir().unwrap();
        write_run(dir.path(), "counted", 20);
        let wire = lossy_wire(to, MANY);
        let wired = TrackingServer::new(&wire.uri).unwrap();
        let tracked = track(dir.path(), &wired).unwrap();
        assert!(matches!(tracked, Tracked::Sent { .. }), "{tracked:?}");
        wire.n_requests.load(Ordering::SeqCst)
    };
    assert!((10..MANY).contains(&n_requests), "{n_requests}");
    for lost in 0..n_requests {
        let dir = tempfile::tempdir().unwrap();
        let run = write_run(dir.path(), &format!("lost{lost}"), 20);
        let wire = lossy_wire(to, lost);
        let wired = TrackingServer::new(&wire.uri).unwrap();
        // One attempt more: what the server did unheard is asked for again.
        let kept = track(dir.path(), &wired.with_pauses(&[Duration::ZERO])).unwrap();
        assert!(matches!(kept, Tracked::Kept(_)), "request {lost}: {kept:?}");
        // The record names the wire's end; to the replay it is the same server.
        let place = dir.path().join(RECORD_FILE);
        let record = std::fs::read_to_string(&place).unwrap();
        std::fs::write(&place, record.replace(&wire.uri, &uri)).unwrap();
        let sent = track(dir.path(), &server).unwrap();
        assert!(
            matches!(sent, Tracked::Sent { .. }),
            "request {lost}: {sent:?}"
        );
        check_server_has(&uri, &run);
    }
}

#[test]
fn runs_that_fail_say_so() {
    let Some(uri) = server_uri() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut run = TrackedRun {
        run_id: unique("failed"),
        experiment: unique("picket-test"),
        status: RunStatus::Failed,
        ..TrackedRun::default()
    };
    run.add_metric("f1", 0.5, 1, 0);
    run.write(&dir.path().join(RECORD_FILE)).unwrap();
    let server = TrackingServer::new(&uri).unwrap();
    let Tracked::Sent { page } = track(dir.path(), &server).unwrap() else {
        panic!("not sent")
    };
    let run_id = page.rsplit('/').next().unwrap();
    let agent = ureq::Agent::new_with_defaults();
    let found = ask(
        &agent,
        &uri,
        "/api/2.0/mlflow/runs/get",
        &[("run_id", run_id)],
    );
    assert_eq!(found["run"]["info"]["status"], "FAILED");
}

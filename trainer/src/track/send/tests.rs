//! Against small servers that fail on purpose. A real MLflow is asked in `trainer/tests/track.rs`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::track::{RECORD_FILE, Tracked, track};

const NO_PAUSES: [Duration; 2] = [Duration::ZERO; 2];

/// A server that gives one answer after the other and keeps what it was asked.
struct Script {
    uri: String,
    asked: Arc<Mutex<Vec<String>>>,
}

fn script(answers: Vec<(u16, String)>) -> Script {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    std::thread::spawn(move || {
        for (status, body) in answers {
            let Ok((mut stream, _)) = listener.accept() else {
                return;
            };
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut head, mut n_bytes) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                    break;
                }
                if let Some(length) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    n_bytes = length.trim().parse().unwrap();
                }
                head += &line;
            }
            let mut content = vec![0; n_bytes];
            reader.read_exact(&mut content).unwrap();
            kept.lock()
                .unwrap()
                .push(format!("{head}{}", String::from_utf8_lossy(&content)));
            let _ = write!(
                stream,
                "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    Script { uri, asked }
}

fn small_run() -> TrackedRun {
    let mut run = TrackedRun {
        run_id: "20260101T000000Z".to_owned(),
        experiment: "picket".to_owned(),
        name: "a run".to_owned(),
        ..TrackedRun::default()
    };
    run.add_metric("f1", 0.95, 1000, 0);
    run.add_metric("nothing", f64::NAN, 1000, 0);
    run
}

fn ok(body: &str) -> (u16, String) {
    (200, body.to_owned())
}

fn usual_answers() -> Vec<(u16, String)> {
    vec![
        ok(r#"{"experiment": {"experiment_id": "7"}}"#),
        ok("{}"),
        ok(
            r#"{"run": {"info": {"run_id": "r1", "artifact_uri": "mlflow-artifacts:/7/r1/artifacts"}}}"#,
        ),
        ok("{}"),
        ok("{}"),
    ]
}

#[test]
fn a_server_that_stumbles_is_asked_again() {
    let mut answers = vec![(503, String::new()), (429, String::new())];
    answers.extend(usual_answers());
    let script = script(answers);
    let server = TrackingServer::new(&script.uri)
        .unwrap()
        .with_token("s3cret")
        .with_pauses(&NO_PAUSES);
    let mut run = small_run();
    let page = send(&mut run, Path::new("."), &server).unwrap();
    assert_eq!(page, format!("{}/#/experiments/7/runs/r1", script.uri));
    assert!(run.is_sent());
    let asked = script.asked.lock().unwrap();
    assert_eq!(asked.len(), 7);
    assert!(
        asked
            .iter()
            .all(|request| request.contains("Bearer s3cret"))
    );
    assert!(!serde_json::to_string(&run).unwrap().contains("s3cret"));
    // JSON has no NaN, and so have servers.
    assert!(asked[5].contains(r#""key":"f1""#) && !asked[5].contains("nothing"));
}

#[test]
fn what_was_acknowledged_is_not_sent_again() {
    let mut answers = usual_answers();
    answers[4] = (
        400,
        r#"{"error_code": "BAD", "message": "token s3cret is no good"}"#.to_owned(),
    );
    let first = script(answers);
    let server = TrackingServer::new(&first.uri)
        .unwrap()
        .with_token("s3cret");
    let mut run = small_run();
    let error = send(&mut run, Path::new("."), &server).unwrap_err();
    assert!(error.has_code("BAD"));
    assert!(!error.to_string().contains("s3cret"), "{error}");
    assert_eq!(first.asked.lock().unwrap().len(), 5, "a refusal is final");
    assert!(!run.is_sent());

    // The same server, later.
    let second = script(vec![ok("{}")]);
    run.acknowledged.server.clone_from(&second.uri);
    let server = TrackingServer::new(&second.uri).unwrap();
    send(&mut run, Path::new("."), &server).unwrap();
    assert!(second.asked.lock().unwrap()[0].contains("runs/update"));

    // Another server has nothing of it.
    let third = script(usual_answers());
    let server = TrackingServer::new(&third.uri).unwrap();
    send(&mut run, Path::new("."), &server).unwrap();
    assert_eq!(third.asked.lock().unwrap().len(), 5);
}

#[test]
fn batches_keep_to_the_limits() {
    let mut answers = usual_answers();
    let end = answers.pop().unwrap();
    answers.extend([ok("{}"), ok("{}"), end]);
    let script = script(answers);
    let server = TrackingServer::new(&script.uri).unwrap();
    let mut run = small_run();
    for step in 1..2500 {
        run.add_metric("f1", 0.9, 1000, step);
    }
    run.params = (0..150)
        .map(|n| (format!("p{n}"), "x".repeat(600)))
        .collect();
    run.tags = (0..20).map(|n| (format!("t{n}"), String::new())).collect();
    send(&mut run, Path::new("."), &server).unwrap();
    let asked = script.asked.lock().unwrap();
    let sizes: Vec<[usize; 3]> = asked[3..6]
        .iter()
        .map(|request| {
            let body = request.split("\r\n").last().unwrap();
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            for param in body["params"].as_array().unwrap() {
                assert_eq!(param["value"].as_str().unwrap().chars().count(), 500);
            }
            ["params", "tags", "metrics"].map(|kind| body[kind].as_array().unwrap().len())
        })
        .collect();
    assert_eq!(sizes, [[100, 20, 880], [50, 0, 950], [0, 0, 670]]);
}

#[test]
fn a_server_that_is_not_there_costs_nothing_but_the_record_stays() {
    let dir = tempfile::tempdir().unwrap();
    small_run().write(&dir.path().join(RECORD_FILE)).unwrap();
    // A port that nobody listens on, and that no listener of another test is given.
    let free = "127.0.0.1:9";
    let server = TrackingServer::new(&format!("http://user:hunter2@{free}")).unwrap();
    let Tracked::Kept(error) = track(dir.path(), &server).unwrap() else {
        panic!("nobody was there to take it");
    };
    assert!(
        matches!(error, TrackError::NoAnswer { attempts: 4, .. }),
        "{error:?}"
    );
    let record = std::fs::read_to_string(dir.path().join(RECORD_FILE)).unwrap();
    assert!(!format!("{error} {error:?} {record}").contains("hunter2"));
    let run = TrackedRun::read(&dir.path().join(RECORD_FILE)).unwrap();
    assert_eq!(run.metrics, small_run().metrics);
    assert!(!run.is_sent());
}

#[test]
fn paths_and_ids_that_lead_elsewhere_are_refused() {
    assert!(inside("model/model.picket").is_ok());
    for path in ["", "/etc/passwd", "../secret", "a/../../b"] {
        assert!(inside(path).is_err(), "{path}");
    }
    assert!(check_run_id("20260101T000000Z-1").is_ok());
    for run_id in ["", "x' OR '1", "a b"] {
        assert!(check_run_id(run_id).is_err(), "{run_id}");
    }
}

#[test]
fn numbers_survive_the_record() {
    // A value that changed on its way through the record would be a second metric.
    let mut run = small_run();
    for at in 1..2000_u32 {
        let value = (f64::from(at) / 7.0).sqrt();
        run.add_metric("m", value, 1, 0);
    }
    let text = serde_json::to_string(&run).unwrap();
    let read: TrackedRun = serde_json::from_str(&text).unwrap();
    assert_eq!(read, run);
}

//! What the service tells of itself: traces at a collector of the test's own, a log in files of bounded size.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use serde_json::Value;

use crate::bench::Bench;
use crate::client::{Client, PATIENCE};
use crate::process::Process;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A collector; gives every span that arrives.
fn collector() -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (spans, arrived) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let spans = spans.clone();
            std::thread::spawn(move || answer(stream.unwrap(), &spans));
        }
    });
    (url, arrived)
}

fn answer(stream: TcpStream, spans: &std::sync::mpsc::Sender<Value>) {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if !line.trim().is_empty() {
            continue;
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let resource = &body["resourceSpans"][0];
        let name = &resource["resource"]["attributes"][0]["value"]["stringValue"];
        assert_eq!(name, "picket-trainer");
        for span in resource["scopeSpans"][0]["spans"].as_array().unwrap() {
            // A test that has seen enough listens no more.
            let _ = spans.send(span.clone());
        }
        let stream = reader.get_mut();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
            .unwrap();
    }
}

#[test]
fn a_training_is_told_under_the_request_that_asked_for_it() {
    let (url, arrived) = collector();
    let bench = Bench::small();
    let pipeline = bench.pipeline().display().to_string();
    // Only what a client says is to be kept is kept.
    let telling = ["--otlp-endpoint", &url, "--trace-share", "0"].map(str::to_owned);
    let mut working = bench.work_arguments();
    working.extend(telling);
    let mut serving = working.clone();
    serving.extend(["--insecure-local", "--no-work", "--pipeline", &pipeline].map(str::to_owned));
    // At the same time: both find no queue yet, and one of them makes it.
    let _worker = Process::worker(&working, None);
    let (_service, url) = Process::serve(&serving, None);
    let client = Client::new(&url, None);
    assert_eq!(client.get("/health").status, 200);
    let headers = [
        ("traceparent", PARENT),
        ("content-type", "application/json"),
    ];
    let asked = client.send("POST", "/train", &headers, b"{}");
    assert_eq!(asked.status, 202, "{asked:?}");
    let task_id = asked.json()["task_id"].as_str().unwrap().to_owned();
    assert_eq!(client.end_of(&task_id)["status"], "SUCCESS");

    let (mut spans, start) = (Vec::new(), Instant::now());
    while !spans.iter().any(|span: &Value| span["name"] == "training") {
        let left = PATIENCE.checked_sub(start.elapsed()).unwrap();
        spans.push(arrived.recv_timeout(left).unwrap());
    }
    let named = |name: &str| {
        let mut found = spans.iter().filter(|span| span["name"] == name);
        let one = found.next().unwrap_or_else(|| panic!("{name}: {spans:?}"));
        assert_eq!(found.next(), None, "{name} once");
        one.clone()
    };
    for span in &spans {
        assert_eq!(
            span["traceId"], "0af7651916cd43dd8448eb211c80319c",
            "{span}"
        );
    }
    let (request, training) = (named("POST /train"), named("training"));
    assert_eq!(request["parentSpanId"], "b7ad6b7169203331");
    assert_eq!(training["parentSpanId"], request["spanId"]);
    let attributes = training["attributes"].to_string();
    assert!(attributes.contains(&task_id) && attributes.contains("SUCCESS"));
    let stages: Vec<_> = spans
        .iter()
        .filter(|span| span["parentSpanId"] == training["spanId"])
        .collect();
    assert!(stages.len() > 3, "{spans:?}");
    let nanos = |span: &Value, key: &str| span[key].as_str().unwrap().parse::<u128>().unwrap();
    for stage in &stages {
        assert!(stage["name"].as_str().unwrap().starts_with("stage "));
        assert!(nanos(stage, "startTimeUnixNano") >= nanos(&training, "startTimeUnixNano"));
        assert!(nanos(stage, "endTimeUnixNano") <= nanos(&training, "endTimeUnixNano"));
    }
}

#[test]
fn the_log_goes_to_files_of_bounded_size_and_names_requests_and_runs() {
    let bench = Bench::small();
    let log = bench.path("service.log");
    let mut arguments = bench.work_arguments();
    let words = [
        "--insecure-local",
        "--pipeline",
        &bench.pipeline().display().to_string(),
        "--log-file",
        &log.display().to_string(),
        "--log-max-bytes",
        "4096",
        "--log-files",
        "3",
    ];
    arguments.extend(words.map(str::to_owned));
    let (service, url) = Process::serve(&arguments, None);
    let client = Client::new(&url, None);
    for _ in 0..40 {
        client.get("/health");
    }
    let headers = [
        ("x-request-id", "please-train"),
        ("content-type", "application/json"),
    ];
    let asked = client.send("POST", "/train", &headers, b"{}");
    let task_id = asked.json()["task_id"].as_str().unwrap().to_owned();
    client.wait_for(&task_id, &["SUCCESS"]);
    assert_eq!(service.terminate(), Some(0));

    let mut lines = Vec::new();
    for (name, is_there) in [
        ("service.log.3", false),
        ("service.log.2", true),
        ("service.log.1", true),
        ("service.log", true),
    ] {
        let place = bench.path(name);
        assert_eq!(place.exists(), is_there, "{name}");
        if is_there {
            let text = std::fs::read_to_string(&place).unwrap();
            assert!(text.len() <= 4096, "{name}: {}", text.len());
            lines.extend(
                text.lines()
                    .map(|line| serde_json::from_str::<Value>(line).unwrap()),
            );
        }
    }
    let ended = lines
        .iter()
        .find(|line| line["event"] == "training_ended")
        .unwrap();
    assert_eq!(
        (ended["run_id"].as_str(), ended["task_id"].as_str()),
        (Some(task_id.as_str()), Some(task_id.as_str()))
    );
    let begun = lines.iter().find(|line| line["event"] == "training_begins");
    if let Some(begun) = begun {
        assert_eq!(begun["request_id"], "please-train");
    }
    let requests = lines.iter().filter(|line| line["event"] == "request");
    assert!(requests.clone().count() > 0);
    assert!(requests.clone().all(|line| line["request_id"].is_string()));
}

//! The audit log of a service: after a crash, cut off, changed, moved aside.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use picket_access::audit;
use serde_json::Value;

use crate::bench::Bench;
use crate::client::Client;
use crate::process::{Process, run, trainer};

fn arguments(bench: &Bench) -> Vec<String> {
    let mut arguments = bench.work_arguments();
    let pipeline = bench.pipeline().display().to_string();
    let more = ["--insecure-local", "--no-work", "--pipeline", &pipeline];
    arguments.extend(more.map(str::to_owned));
    arguments
}

fn serve(bench: &Bench) -> (Process, Client) {
    let (process, url) = Process::serve(&arguments(bench), None);
    (process, Client::new(&url, None))
}

/// Starts a service that must not come up, and gives what it says.
fn refused(bench: &Bench) -> String {
    let mut child = trainer()
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(arguments(bench))
        .env_remove("REDIS_URL")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(30) {
            child.kill().unwrap();
            panic!("it comes up");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn verify(bench: &Bench) -> (Option<i32>, String) {
    let log = bench.state().join("audit.jsonl").display().to_string();
    let (code, out, said) = run(&["audit", "verify", &log]);
    (code, out + &said)
}

#[test]
fn a_service_goes_on_after_a_crash_and_tells_it() {
    let bench = Bench::small();
    let log = bench.state().join("audit.jsonl");
    let (process, client) = serve(&bench);
    client.train("{}");
    process.kill();
    let mut bytes = fs::read(&log).unwrap();
    let torn = b"{\"number\":2,\"time\":\"2026-";
    bytes.extend(torn);
    fs::write(&log, bytes).unwrap();
    let (code, said) = verify(&bench);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains(&format!("torn {} bytes", torn.len())),
        "{said}"
    );
    let (_process, client) = serve(&bench);
    client.train("{}");
    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let actions: Vec<&str> = lines
        .iter()
        .map(|line| line["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["train.start", "audit.torn", "train.start"]);
    assert_eq!(lines[1]["details"]["bytes"], torn.len().to_string());
    assert_eq!(audit::verify(&log).unwrap().n_events, 3);
}

#[test]
fn a_log_that_was_tampered_with_is_told_and_moved_aside() {
    let bench = Bench::small();
    let log = bench.state().join("audit.jsonl");
    let (process, client) = serve(&bench);
    for _ in 0..3 {
        client.train("{}");
    }
    assert_eq!(process.terminate(), Some(0));
    let good = fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = good.split_inclusive('\n').collect();
    let changed = good.replacen("phishing", "anything", 1);
    for (text, words) in [
        (changed, "line 2"),
        ([lines[0], lines[2]].concat(), "line 2"),
        (lines[..2].concat(), "cut off"),
        (String::new(), "cut off"),
    ] {
        fs::write(&log, &text).unwrap();
        let said = refused(&bench);
        assert!(
            said.contains(words) && said.contains("audit verify"),
            "{said}"
        );
        let (code, said) = verify(&bench);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(words), "{said}");
        // No token is made that the log would not tell of.
        let state = bench.state().display().to_string();
        let (code, out, _) = run(&["token", "add", "eve", "--role", "admin", "--state", &state]);
        assert_eq!((code, out.as_str()), (Some(2), ""));
        assert!(!bench.state().join("tokens.json").exists());
        assert_eq!(
            fs::read_to_string(&log).unwrap(),
            text,
            "it is left as it is"
        );
    }
    // As the message says: the log and its digest aside, and a new one begins.
    fs::rename(&log, bench.path("aside.jsonl")).unwrap();
    fs::rename(
        bench.state().join("audit.jsonl.head"),
        bench.path("aside.jsonl.head"),
    )
    .unwrap();
    let (_process, client) = serve(&bench);
    client.train("{}");
    assert_eq!(audit::verify(&log).unwrap().n_events, 1);
}

#[test]
fn nothing_changes_while_the_log_is_away() {
    let bench = Bench::small();
    let log = bench.state().join("audit.jsonl");
    let (_process, client) = serve(&bench);
    let task_id = client.train("{}");
    let aside = bench.path("aside.jsonl");
    fs::rename(&log, &aside).unwrap();
    for (method, path) in [
        // First: what comes of it is known, and written down, only when it is done.
        ("POST", "/models/1/promote".to_owned()),
        ("POST", "/train".to_owned()),
        ("DELETE", format!("/task/{task_id}")),
    ] {
        let answer = client.send(method, &path, &[], b"");
        assert_eq!(answer.status, 503, "{method} {path}: {answer:?}");
        let detail = answer.json()["detail"].clone();
        assert!(detail.as_str().unwrap().contains("audit log"), "{answer:?}");
    }
    assert_eq!(
        client.get("/task").json()["total"],
        1,
        "looking is no change"
    );
    let task = client.get(&format!("/task/{task_id}")).json();
    assert_eq!(task["status"], "PENDING", "{task}");
    fs::rename(&aside, &log).unwrap();
    client.train("{}");
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.contains("\"audit.resume\""), "{text}");
    audit::verify(&log).unwrap();
}

//! Trainings as jobs: one at a time, stopped, gone on with, spread over workers, put into the queue again.

use std::fs;
use std::time::{Duration, Instant};

use crate::bench::Bench;
use crate::client::{Client, PATIENCE};
use crate::process::Process;

/// Candidates that take a while.
const SLOW: &str =
    "[[search.candidates]]\nmodel = \"boosting\"\nn_trees = [300, 400, 500, 600]\nmax_depth = 9";

fn serve(bench: &Bench, more: &[&str]) -> (Process, Client) {
    let mut arguments = bench.work_arguments();
    let pipeline = bench.pipeline().display().to_string();
    arguments.extend(["--insecure-local", "--pipeline", &pipeline].map(str::to_owned));
    arguments.extend(more.iter().map(|word| (*word).to_owned()));
    let (process, url) = Process::serve(&arguments, None);
    (process, Client::new(&url, None))
}

#[test]
fn one_training_at_a_time_and_a_cancelled_one_stops() {
    let bench = Bench::new(4000, SLOW);
    let (_process, client) = serve(&bench, &["--trainings", "2"]);
    let (first, second) = (client.train("{}"), client.train("{}"));
    let running = client.wait_for(&first, &["STARTED"]);
    assert_eq!(running["result"], serde_json::Value::Null);
    let start = Instant::now();
    loop {
        let task = client.get(&format!("/task/{first}")).json();
        if task["progress"]["stage"] == "search" {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{task}");
        std::thread::sleep(Duration::from_millis(50));
    }
    // Time enough to begin, for one that may.
    std::thread::sleep(Duration::from_secs(2));
    let waiting = client.get(&format!("/task/{second}")).json();
    assert_eq!(waiting["status"], "PENDING", "the same schema: {waiting}");
    let asked = client.send("DELETE", &format!("/task/{first}"), &[], b"");
    assert_eq!(asked.status, 202);
    let ended = client.end_of(&first);
    assert_eq!(ended["status"], "CANCELLED", "{ended}");
    assert_eq!(ended["result"], "cancelled by local");
    client.wait_for(&second, &["STARTED"]);
    client.send("DELETE", &format!("/task/{second}"), &[], b"");
    assert_eq!(client.end_of(&second)["status"], "CANCELLED");
}

#[test]
fn a_running_training_says_how_far_it_is_and_what_is_best_so_far() {
    let bench = Bench::new(4000, SLOW);
    let (_process, client) = serve(&bench, &[]);
    let task_id = client.train("{}");
    let start = Instant::now();
    loop {
        let task = client.get(&format!("/task/{task_id}")).json();
        let progress = &task["progress"];
        let (percent, eta) = (progress["percent"].as_f64(), progress["eta_s"].as_f64());
        if progress["stage"] == "search" && !progress["best"].is_null() {
            let (percent, best) = (percent.unwrap(), &progress["best"]);
            assert!(
                percent > 0.0 && percent < 100.0,
                "the search goes on: {task}"
            );
            assert!(eta.unwrap() > 0.0, "{task}");
            assert_eq!(best["model"], "boosting");
            assert!(
                best["mean"].as_f64().is_some() && best["candidate_idx"].is_u64(),
                "{task}"
            );
            break;
        }
        let status = task["status"].as_str().unwrap();
        assert!(matches!(status, "PENDING" | "STARTED"), "{task}");
        assert!(start.elapsed() < PATIENCE, "{task}");
        std::thread::sleep(Duration::from_millis(50));
    }
    client.send("DELETE", &format!("/task/{task_id}"), &[], b"");
}

#[test]
fn a_training_that_cannot_succeed_says_why() {
    let bench = Bench::small();
    let (_process, client) = serve(&bench, &[]);
    fs::write(bench.path("rows.csv"), "a,b\n1,2\n").unwrap();
    let task = client.end_of(&client.train("{}"));
    assert_eq!(task["status"], "FAILURE", "{task}");
    assert!(
        task["result"].as_str().unwrap().contains("validation"),
        "{task}"
    );
}

#[test]
fn a_killed_service_goes_on_where_it_was() {
    let bench = Bench::new(3000, SLOW);
    let (process, client) = serve(&bench, &[]);
    let task_id = client.train("{}");
    let tasks = bench
        .state()
        .join("runs")
        .join(&task_id)
        .join(".search-tasks");
    let n_done = || {
        let entries = fs::read_dir(&tasks).into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.path().extension().is_some_and(|kind| kind == "task"))
            .count()
    };
    let start = Instant::now();
    while n_done() < 2 {
        assert!(start.elapsed() < PATIENCE, "no task of the search is done");
        std::thread::sleep(Duration::from_millis(20));
    }
    process.kill();
    let before = n_done();
    let (_process, client) = serve(&bench, &[]);
    let task = client.end_of(&task_id);
    assert_eq!(
        (task["status"].as_str(), task["attempt"].as_u64()),
        (Some("SUCCESS"), Some(2)),
        "{task}"
    );
    assert!(before >= 2);
}

#[test]
fn a_training_that_takes_every_worker_with_it_ends() {
    let bench = Bench::small();
    let (process, client) = serve(&bench, &["--no-work"]);
    let (once_more, too_often) = (client.train("{}"), client.train("{\"seed\": 5}"));
    process.kill();
    for (task_id, attempt) in [(&once_more, 19), (&too_often, 20)] {
        let place = bench.state().join("tasks").join(task_id).join("start.json");
        let start = format!(
            "{{\"worker\":\"gone-1-a\",\"started\":\"2026-01-01T00:00:00Z\",\"attempt\":{attempt}}}"
        );
        fs::write(place, start).unwrap();
    }
    let (_process, client) = serve(&bench, &[]);
    assert_eq!(client.end_of(&once_more)["status"], "SUCCESS");
    let task = client.end_of(&too_often);
    assert_eq!(task["status"], "FAILURE", "{task}");
    let reason = task["result"].as_str().unwrap();
    assert!(reason.starts_with("begun 20 times"), "{reason}");
}

#[test]
fn a_lost_queue_is_made_up_from_the_tasks() {
    let bench = Bench::small();
    let (process, client) = serve(&bench, &["--no-work"]);
    let task_id = client.train("{}");
    process.kill();
    for file in ["queue.sqlite", "queue.sqlite-wal", "queue.sqlite-shm"] {
        // The later two may have gone with the process.
        let _ = fs::remove_file(bench.state().join(file));
    }
    let (_process, client) = serve(&bench, &[]);
    let task = client.end_of(&task_id);
    assert_eq!(task["status"], "SUCCESS", "{task}");
    assert!(
        client
            .get("/metrics")
            .body
            .contains("picket_jobs_requeued_total 1")
    );
}

#[test]
fn a_worker_whose_queue_fails_is_started_again_and_old_jobs_go() {
    let bench = Bench::small();
    let (_process, client) = serve(&bench, &["--keep", "0"]);
    let first = client.end_of(&client.train("{}"));
    assert_eq!(first["status"], "SUCCESS", "{first}");
    // The next sign of life of a worker that is not registered is an error, after which apalis takes no more jobs.
    let place = bench.state().join("queue.sqlite");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let count = |query: &'static str| {
        runtime.block_on(async {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&place);
            let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
            let done = sqlx::query(query)
                .execute(&pool)
                .await
                .unwrap()
                .rows_affected();
            pool.close().await;
            done
        })
    };
    count("UPDATE Jobs SET lock_by = NULL");
    assert!(count("DELETE FROM Workers") > 0);
    let start = Instant::now();
    while client
        .get("/metrics")
        .body
        .contains("picket_jobs_worker_restarts_total 0")
    {
        assert!(
            start.elapsed() < PATIENCE,
            "{}",
            client.get("/metrics").body
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    let second = client.end_of(&client.train("{\"seed\": 5}"));
    assert_eq!(second["status"], "SUCCESS", "{second}");
}

//! Workers and the service are killed, and nothing is lost, done twice or left hanging.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use picket_trainer::jobs::{Job, Lane, Queue, RedisServer, TaskId};
use serde_json::Value;

use crate::bench::Bench;
use crate::client::{Client, PATIENCE};
use crate::process::{Process, run};
use crate::redis::redis_url;

const N_TASKS: u64 = 20;
const N_SEEDS: u64 = 4;
const N_WORKERS: usize = 3;
const N_KILLS: usize = 15;
/// Messages about each task.
const N_MESSAGES: usize = 3;

/// The digests of what one process alone makes of each seed.
fn alone(bench: &Bench) -> BTreeMap<u64, String> {
    let pipeline = bench.pipeline().display().to_string();
    let artifacts = bench.path("alone").display().to_string();
    // Nothing is published: the same model would be the champion's rival.
    let text = fs::read_to_string(bench.pipeline()).unwrap();
    let (kept, _) = text.split_once("[publish]").unwrap();
    let place = bench.path("alone.toml");
    fs::write(&place, kept).unwrap();
    assert!(Path::new(&pipeline).exists());
    let digest = |seed: u64| {
        let place = place.display().to_string();
        let seed_text = seed.to_string();
        let (code, out, said) = run(&[
            "run",
            &place,
            "--seed",
            &seed_text,
            "--artifacts",
            &artifacts,
            "--json",
        ]);
        assert!(matches!(code, Some(0 | 3 | 4)), "{said}");
        let outcome: Value = serde_json::from_str(&out).unwrap();
        (seed, outcome["model_digest"].as_str().unwrap().to_owned())
    };
    (0..N_SEEDS).map(digest).collect()
}

/// Puts a message about a task into the queue once more.
fn push_again(bench: &Bench, redis_url: Option<&str>, task_id: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let server = redis_url.map(|url| RedisServer::new(url, None).unwrap());
        let queue = Queue::open(&bench.state(), server.as_ref(), Duration::from_secs(1)).await;
        let job = Job::Training(TaskId::parse(task_id).unwrap());
        let queue = queue.unwrap();
        let pushed = queue.push(Lane::Trainings, job, Duration::ZERO).await;
        pushed.unwrap();
    });
}

/// By the log of the workers a training was begun again only after the worker that was at it had been killed, and it
/// ended once. `killed` has when each process was.
fn counts_once(log: &str, task_id: &str, n_attempts: u64, killed: &BTreeMap<u32, SystemTime>) {
    // A worker that is killed may have written half a line.
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_task: Vec<Value> = lines.filter(|line| line["task_id"] == task_id).collect();
    let events = |name: &'static str| of_task.iter().filter(move |line| line["event"] == name);
    let mut begun: Vec<(u64, SystemTime, u32)> = events("training_begins")
        .map(|line| {
            assert_eq!(line["run_id"], task_id, "{line}");
            let worker = line["worker"].as_str().unwrap();
            let process = worker.rsplit('-').nth(1).unwrap().parse().unwrap();
            let time = humantime::parse_rfc3339(line["time"].as_str().unwrap()).unwrap();
            (line["attempt"].as_u64().unwrap(), time, process)
        })
        .collect();
    begun.sort_unstable();
    for pair in begun.windows(2) {
        let ((_, _, before), (_, time, _)) = (pair[0], pair[1]);
        let is_dead = killed.get(&before).is_some_and(|killed| *killed <= time);
        assert!(is_dead, "process {before} was at it and alive: {of_task:?}");
    }
    assert!(events("training_begins").count() as u64 <= n_attempts);
    // None where the worker was killed after the end and before it could say so.
    let ends: Vec<&Value> = events("training_ended").collect();
    assert!(ends.len() <= 1, "it ended twice: {ends:?}");
}

/// What was handed out twice is acknowledged too.
fn comes_to_rest(client: &Client) {
    let start = Instant::now();
    while client
        .get("/metrics")
        .body
        .lines()
        .any(|line| line.starts_with("picket_queue_unfinished") && !line.ends_with(" 0"))
    {
        assert!(
            start.elapsed() < PATIENCE,
            "{}",
            client.get("/metrics").body
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn survive(redis_url: Option<&str>) {
    let bench = Bench::small();
    let expected = alone(&bench);
    let mut arguments = bench.work_arguments();
    arguments.extend(["--per-schema".to_owned(), "2".to_owned()]);
    let mut serving = arguments.clone();
    let pipeline = bench.pipeline().display().to_string();
    serving.extend(["--insecure-local", "--no-work", "--pipeline", &pipeline].map(str::to_owned));
    let n_workers = std::cell::Cell::new(0);
    let log_of = |n: usize| bench.path(&format!("worker-{n}.jsonl"));
    let worker = || {
        let log = fs::File::create(log_of(n_workers.replace(n_workers.get() + 1)));
        Process::worker_logging(&arguments, redis_url, log.unwrap())
    };
    let mut killed = BTreeMap::new();

    let (service, url) = Process::serve(&serving, redis_url);
    let mut client = Client::new(&url, None);
    let tasks: Vec<(u64, String)> = (0..N_TASKS)
        .map(|idx| {
            let task_id = client.train(&format!("{{\"seed\": {}}}", idx % N_SEEDS));
            // A queue may hand a message out more than once: here it always does.
            for _ in 1..N_MESSAGES {
                push_again(&bench, redis_url, &task_id);
            }
            (idx % N_SEEDS, task_id)
        })
        .collect();
    let mut workers: Vec<Process> = (0..N_WORKERS).map(|_| worker()).collect();

    // Which worker, and how long until the next: any sequence will do, and this one is the same each time.
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut service = Some(service);
    for n in 0..N_KILLS {
        std::thread::sleep(Duration::from_millis(300 + next() % 1500));
        let place = (next() % N_WORKERS as u64) as usize;
        killed.insert(workers[place].id(), SystemTime::now());
        std::mem::replace(&mut workers[place], worker()).kill();
        if n == N_KILLS / 2 {
            // The one that takes requests too.
            service.take().unwrap().kill();
            let (again, url) = Process::serve(&serving, redis_url);
            service = Some(again);
            client = Client::new(&url, None);
        }
    }
    for (seed, task_id) in &tasks {
        let task = client.end_of(task_id);
        assert_eq!(task["status"], "SUCCESS", "{task}");
        assert_eq!(
            task["result"]["model_digest"],
            expected[seed].as_str(),
            "the same bytes as alone: {task}"
        );
    }
    // Each task counts once: one run, and at most one release of it.
    let runs = client.get("/runs?limit=200").json();
    assert_eq!(runs["total"], N_TASKS);
    let models = client.get("/models").json();
    let of_runs: Vec<&str> = models["releases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["run_id"].as_str().unwrap())
        .collect();
    let distinct: BTreeSet<&str> = of_runs.iter().copied().collect();
    assert_eq!(of_runs.len(), distinct.len(), "no run has published twice");
    assert_eq!(of_runs.len() as u64, N_TASKS);
    let mut n_taken_over = 0;
    for (_, task_id) in &tasks {
        let attempt = client.get(&format!("/task/{task_id}")).json()["attempt"]
            .as_u64()
            .unwrap();
        n_taken_over += u64::from(attempt > 1);
    }
    println!("{n_taken_over} of {N_TASKS} trainings were taken over");
    let logs = (0..n_workers.get()).map(|n| fs::read_to_string(log_of(n)).unwrap() + "\n");
    let written: String = logs.collect();
    for (_, task_id) in &tasks {
        let attempt = client.get(&format!("/task/{task_id}")).json()["attempt"].clone();
        counts_once(&written, task_id, attempt.as_u64().unwrap(), &killed);
    }
    assert!(n_taken_over > 0, "no kill fell into a training");
    comes_to_rest(&client);
}

#[test]
fn killed_workers_are_taken_over_with_sqlite() {
    survive(None);
}

#[test]
fn killed_workers_are_taken_over_with_redis() {
    if let Some(url) = redis_url(1) {
        survive(Some(&url));
    }
}

//! A worker that is taken for dead and is not: it is stopped (SIGSTOP) for longer than its signs of life allow, its
//! messages go to another, and then it goes on, or is killed.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::Connection as _;

use crate::bench::Bench;
use crate::client::{Client, PATIENCE};
use crate::process::Process;
use crate::redis::redis_url;

/// Candidates that take a while.
const SLOW: &str =
    "[[search.candidates]]\nmodel = \"boosting\"\nn_trees = [150, 200]\nmax_depth = 7";

struct Stand {
    bench: Bench,
    client: Client,
    redis_url: Option<String>,
    n_workers: usize,
    _service: Process,
}

impl Stand {
    fn new(redis_url: Option<String>) -> Self {
        let bench = Bench::new(2500, SLOW);
        let mut arguments = bench.work_arguments();
        let pipeline = bench.pipeline().display().to_string();
        arguments
            .extend(["--insecure-local", "--no-work", "--pipeline", &pipeline].map(str::to_owned));
        let (service, url) = Process::serve(&arguments, redis_url.as_deref());
        Self {
            bench,
            client: Client::new(&url, None),
            redis_url,
            n_workers: 0,
            _service: service,
        }
    }

    fn worker(&mut self) -> Process {
        let log = self.bench.path(&format!("worker-{}.jsonl", self.n_workers));
        self.n_workers += 1;
        let log = fs::File::create(log).unwrap();
        Process::worker_logging(&self.bench.work_arguments(), self.redis_url.as_deref(), log)
    }

    /// How often the workers' logs tell an event of a task.
    fn n_events(&self, name: &str, task_id: &str) -> usize {
        let text: String = (0..self.n_workers)
            .map(|n| {
                fs::read_to_string(self.bench.path(&format!("worker-{n}.jsonl"))).unwrap() + "\n"
            })
            .collect();
        // A worker that is killed may have written half a line.
        text.lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|line| line["event"] == name && line["task_id"] == task_id)
            .count()
    }

    /// Whether nobody holds the lock of a queue in SQLite.
    fn can_write(&self) -> bool {
        if self.redis_url.is_some() {
            return true;
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let options = sqlx::sqlite::SqliteConnectOptions::new()
                .filename(self.bench.state().join("queue.sqlite"))
                .busy_timeout(Duration::from_millis(500));
            let mut connection = sqlx::SqliteConnection::connect_with(&options)
                .await
                .unwrap();
            let begun = sqlx::query("BEGIN IMMEDIATE")
                .execute(&mut connection)
                .await;
            let is_free = begun.is_ok();
            connection.close().await.unwrap();
            is_free
        })
    }

    fn wait(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !is_so(self) {
            assert!(start.elapsed() < PATIENCE, "{what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Begins a training with `worker`, stops that worker in its midst, and waits until another has been handed the
    /// message and laid it down again, because the training is not free.
    fn freeze(&mut self, worker: &Process, settings: &str) -> (String, Process) {
        let task_id = self.client.train(settings);
        let start = Instant::now();
        while self.client.get(&format!("/task/{task_id}")).json()["progress"]["stage"] != "search" {
            assert!(start.elapsed() < PATIENCE, "the search has not begun");
            std::thread::sleep(Duration::from_millis(20));
        }
        worker.signal("STOP");
        while !self.can_write() {
            // It was writing to the queue's database, which is locked for all as long as it is stopped.
            worker.signal("CONT");
            std::thread::sleep(Duration::from_millis(10));
            worker.signal("STOP");
        }
        let other = self.worker();
        self.wait("the message goes to the other", |stand| {
            let page = stand.client.get("/metrics").body;
            page.lines().any(|line| {
                line.starts_with("picket_queue_unfinished")
                    && line.contains("trainings")
                    && line.ends_with(" 0")
            })
        });
        // Time enough to begin, for one that may not.
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(self.n_events("training_begins", &task_id), 1, "it is taken");
        let task = self.client.get(&format!("/task/{task_id}")).json();
        assert_eq!(
            (&task["status"], &task["attempt"]),
            (&"STARTED".into(), &1.into()),
            "{task}"
        );
        (task_id, other)
    }

    fn ends_once(&self, task_id: &str, n_attempts: u64) {
        let task = self.client.end_of(task_id);
        assert_eq!(task["status"], "SUCCESS", "{task}");
        assert_eq!(task["attempt"], n_attempts, "{task}");
        self.wait("the log tells the end", |stand| {
            stand.n_events("training_ended", task_id) > 0
        });
        assert_eq!(self.n_events("training_begins", task_id) as u64, n_attempts);
        assert_eq!(self.n_events("training_ended", task_id), 1);
        let models = self.client.get("/models").json();
        let releases = models["releases"].as_array().unwrap();
        let n_published = releases.iter().filter(|one| one["run_id"] == task_id);
        assert_eq!(n_published.count(), 1, "{models}");
    }
}

fn one_that_wakes_up_and_one_that_does_not(redis_url: Option<String>) {
    let mut stand = Stand::new(redis_url);
    let first = stand.worker();
    let (woken, second) = stand.freeze(&first, "{}");
    first.signal("CONT");
    stand.ends_once(&woken, 1);
    // The second now dies frozen, when no message tells of its training any more.
    drop(first);
    let (dead, _third) = stand.freeze(&second, "{\"seed\": 5}");
    second.kill();
    stand.ends_once(&dead, 2);
}

#[test]
fn a_frozen_worker_keeps_its_training_until_it_dies_with_sqlite() {
    one_that_wakes_up_and_one_that_does_not(None);
}

#[test]
fn a_frozen_worker_keeps_its_training_until_it_dies_with_redis() {
    let Some(url) = redis_url(5) else { return };
    one_that_wakes_up_and_one_that_does_not(Some(url));
}

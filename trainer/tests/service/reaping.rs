//! Finished jobs go when they are old, in SQLite and in a real Redis; nothing else goes, and nothing grows.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apalis::prelude::AbortError;
use picket_trainer::jobs::{Handler, Job, Lane, Queue, RedisServer, TaskId};
use tokio::sync::{Notify, watch};

use crate::bench::Bench;
use crate::client::{Client, PATIENCE};
use crate::process::Process;
use crate::queue_probe::Probe;
use crate::redis::redis_url;

const HOUR: Duration = Duration::from_hours(1);
const HEARTBEAT: Duration = Duration::from_secs(1);

/// A worker with its own ways for some jobs.
#[derive(Default)]
struct Ways {
    handled: Mutex<Vec<TaskId>>,
    /// These wait until they are let go.
    held: Mutex<BTreeSet<TaskId>>,
    /// Those of them that a worker is at.
    holding: Mutex<BTreeSet<TaskId>>,
    /// These fail, once.
    failing: Mutex<BTreeSet<TaskId>>,
    /// These fail for good.
    dying: Mutex<BTreeSet<TaskId>>,
    let_go: Notify,
}

impl Ways {
    fn handler(self: &Arc<Self>) -> Handler {
        let ways = Arc::clone(self);
        Arc::new(move |job| {
            let ways = Arc::clone(&ways);
            Box::pin(async move {
                let Job::Training(id) = job else {
                    panic!("a training")
                };
                if ways.failing.lock().unwrap().remove(&id) {
                    return Err("not now".into());
                }
                if ways.dying.lock().unwrap().remove(&id) {
                    return Err(AbortError::new("never").into());
                }
                while ways.held.lock().unwrap().contains(&id) {
                    ways.holding.lock().unwrap().insert(id.clone());
                    ways.let_go.notified().await;
                }
                ways.handled.lock().unwrap().push(id);
                Ok(())
            })
        })
    }

    fn n_handled(&self) -> usize {
        self.handled.lock().unwrap().len()
    }
}

/// A worker that goes with its test.
struct Worker {
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Worker {
    fn start(queue: &Queue, lane: Lane, n_at_once: usize, ways: &Arc<Ways>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (queue, handler) = (queue.clone(), ways.handler());
        let name = TaskId::new().unwrap().to_string();
        // A thread of its own, as the service does it.
        let runtime = tokio::runtime::Handle::current();
        let task = tokio::task::spawn_blocking(move || {
            let worked = queue.work(lane, &name, n_at_once, handler, stopped);
            runtime.block_on(worked).unwrap();
        });
        Self { stop, task }
    }

    async fn stop(self) {
        self.stop.send(true).unwrap();
        self.task.await.unwrap();
    }
}

async fn wait_until<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn push(queue: &Queue, lane: Lane, n_jobs: usize, delay: Duration) -> Vec<TaskId> {
    let ids: Vec<TaskId> = (0..n_jobs).map(|_| TaskId::new().unwrap()).collect();
    for id in &ids {
        let job = Job::Training(id.clone());
        queue.push(lane, job, delay).await.unwrap();
    }
    ids
}

/// Pushes jobs and waits until a worker has done them all.
async fn do_jobs(queue: &Queue, lane: Lane, n_jobs: usize) {
    let ways = Arc::new(Ways::default());
    push(queue, lane, n_jobs, Duration::ZERO).await;
    let worker = Worker::start(queue, lane, 4, &ways);
    wait_until("the jobs are done", || async {
        queue.n_unfinished(lane).await.unwrap() == 0
    })
    .await;
    worker.stop().await;
    assert_eq!(ways.n_handled(), n_jobs);
}

async fn only_old_finished_jobs_go(queue: &Queue, probe: &Probe) {
    let lane = Lane::Trainings;
    do_jobs(queue, lane, 30).await;
    do_jobs(queue, Lane::SearchTasks, 3).await;
    // Beside them: one that failed and is to be tried again, two that a worker is at, some that wait, some for later.
    let ways = Arc::new(Ways::default());
    let dying = push(queue, lane, 3, Duration::ZERO).await;
    ways.dying.lock().unwrap().extend(dying.clone());
    let failed = push(queue, lane, 1, Duration::ZERO).await;
    ways.failing.lock().unwrap().extend(failed.clone());
    let worker = Worker::start(queue, lane, 2, &ways);
    wait_until("it has failed", || async {
        ways.failing.lock().unwrap().is_empty() && ways.dying.lock().unwrap().is_empty()
    })
    .await;
    let held: Vec<TaskId> = (0..2).map(|_| TaskId::new().unwrap()).collect();
    // Before they are pushed: a worker may be quick.
    ways.held.lock().unwrap().extend(held.clone());
    for id in &held {
        let job = Job::Training(id.clone());
        queue.push(lane, job, Duration::ZERO).await.unwrap();
    }
    let waiting = push(queue, lane, 5, Duration::ZERO).await;
    let later = push(queue, lane, 4, HOUR).await;
    wait_until("what failed for good is put down", || async {
        probe.size().await.dead == dying.len() as u64
    })
    .await;
    // From then on the worker has no hand free, and nothing else ends.
    wait_until("both are held", || async {
        ways.holding.lock().unwrap().len() == 2
    })
    .await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    probe.fail_one_that_waits(lane).await;
    probe.age(lane, 20).await;
    probe.age(Lane::SearchTasks, 2).await;
    let before = probe.size().await;
    let n_unfinished = queue.n_unfinished(lane).await.unwrap();
    assert!(n_unfinished >= (held.len() + later.len()) as u64);
    let n_dead = before.dead;
    assert_eq!(n_dead, dying.len() as u64);

    assert_eq!(queue.reap(lane, HOUR).await.unwrap(), 20 + n_dead);
    let after = probe.size().await;
    assert_eq!(after.dead, 0);
    assert_eq!(
        after.finished,
        before.finished - 20,
        "the younger ones stay"
    );
    assert_eq!(
        after.jobs,
        before.jobs - 20 - n_dead,
        "nothing is left of what went"
    );
    assert_eq!(
        queue.reap(lane, HOUR).await.unwrap(),
        0,
        "and nothing more goes"
    );
    assert_eq!(queue.reap(Lane::SearchTasks, HOUR).await.unwrap(), 2);
    assert_eq!(
        queue.reap(lane, 3 * HOUR).await.unwrap(),
        0,
        "none is that old"
    );

    // What had not ended is done now, each once.
    ways.held.lock().unwrap().clear();
    ways.let_go.notify_waiters();
    let expected: BTreeSet<TaskId> = [failed, held, waiting].concat().into_iter().collect();
    wait_until("all are done", || async {
        ways.let_go.notify_waiters();
        queue.n_unfinished(lane).await.unwrap() == later.len() as u64
    })
    .await;
    let handled = ways.handled.lock().unwrap().clone();
    assert_eq!(handled.len(), expected.len(), "once");
    assert_eq!(handled.into_iter().collect::<BTreeSet<_>>(), expected);
    worker.stop().await;
}

async fn the_queue_does_not_grow(queue: &Queue, probe: &Probe) {
    let lane = Lane::Trainings;
    let mut sizes = Vec::new();
    for _ in 0..6 {
        // Every time a worker with another name, as after a restart.
        do_jobs(queue, lane, 150).await;
        assert_eq!(probe.size().await.finished, 150);
        assert_eq!(queue.reap(lane, Duration::ZERO).await.unwrap(), 150);
        let size = probe.size().await;
        assert_eq!((size.jobs, size.finished), (0, 0), "{size:?}");
        sizes.push(size);
    }
    // What SQLite has freed it uses again; of Redis no key is left but those of workers, which go when these are silent.
    let grown = sizes[5].parts.cast_signed() - sizes[1].parts.cast_signed();
    let of_workers = (sizes[5].workers - sizes[1].workers).cast_signed();
    assert!(grown <= of_workers + 2, "{sizes:?}");
    let ways = Arc::new(Ways::default());
    let worker = Worker::start(queue, lane, 1, &ways);
    wait_until("workers that are gone are forgotten", || async {
        queue.reap(lane, Duration::ZERO).await.unwrap();
        probe.size().await.workers == 1
    })
    .await;
    // The one that is alive is not, and goes on taking jobs.
    tokio::time::sleep(4 * HEARTBEAT).await;
    queue.reap(lane, Duration::ZERO).await.unwrap();
    assert_eq!(probe.size().await.workers, 1);
    push(queue, lane, 1, Duration::ZERO).await;
    wait_until("it works", || async { ways.n_handled() == 1 }).await;
    worker.stop().await;
}

fn in_runtime(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let done = catch_unwind(AssertUnwindSafe(|| runtime.block_on(test)));
    // A test that fails leaves workers with jobs that never end.
    runtime.shutdown_background();
    if let Err(panic) = done {
        resume_unwind(panic);
    }
}

async fn redis_queue(url: &str) -> (Queue, Probe) {
    let probe = Probe::redis(url).await;
    if let Probe::Redis(connection) = &probe {
        let mut connection = connection.clone();
        let () = redis::cmd("FLUSHDB")
            .query_async(&mut connection)
            .await
            .unwrap();
    }
    let server = RedisServer::new(url, None).unwrap();
    let queue = Queue::open(Path::new("."), Some(&server), HEARTBEAT).await;
    (queue.unwrap(), probe)
}

async fn sqlite_queue(folder: &Path) -> (Queue, Probe) {
    let queue = Queue::open(folder, None, HEARTBEAT).await.unwrap();
    (queue, Probe::sqlite(folder).await)
}

#[test]
fn sqlite_loses_old_finished_jobs_only() {
    let dir = tempfile::tempdir().unwrap();
    in_runtime(async {
        let (queue, probe) = sqlite_queue(dir.path()).await;
        only_old_finished_jobs_go(&queue, &probe).await;
    });
}

#[test]
fn sqlite_does_not_grow() {
    let dir = tempfile::tempdir().unwrap();
    in_runtime(async {
        let (queue, probe) = sqlite_queue(dir.path()).await;
        the_queue_does_not_grow(&queue, &probe).await;
    });
}

#[test]
fn redis_loses_old_finished_jobs_only() {
    let Some(url) = redis_url(2) else { return };
    in_runtime(async {
        let (queue, probe) = redis_queue(&url).await;
        only_old_finished_jobs_go(&queue, &probe).await;
    });
}

#[test]
fn redis_does_not_grow() {
    let Some(url) = redis_url(3) else { return };
    in_runtime(async {
        let (queue, probe) = redis_queue(&url).await;
        the_queue_does_not_grow(&queue, &probe).await;
    });
}

/// Trains, then starts the service again with another `--keep`: it reaps soon after its start.
fn the_service_reaps(bench: &Bench, redis_url: Option<&str>) {
    let serve = |keep: &str| {
        let mut arguments = bench.work_arguments();
        let pipeline = bench.pipeline().display().to_string();
        arguments.extend(
            ["--insecure-local", "--pipeline", &pipeline, "--keep", keep].map(str::to_owned),
        );
        let (process, url) = Process::serve(&arguments, redis_url);
        (process, Client::new(&url, None))
    };
    let reaped = |client: &Client| -> u64 {
        let page = client.get("/metrics").body;
        let line = page
            .lines()
            .find(|line| line.starts_with("picket_jobs_reaped_total "));
        line.unwrap().rsplit_once(' ').unwrap().1.parse().unwrap()
    };
    let (process, client) = serve("1");
    let task_id = client.train("{}");
    assert_eq!(client.end_of(&task_id)["status"], "SUCCESS");
    assert_eq!(process.terminate(), Some(0));
    let (process, client) = serve("1");
    std::thread::sleep(3 * HEARTBEAT);
    assert_eq!(reaped(&client), 0, "they are young");
    assert_eq!(client.get(&format!("/task/{task_id}")).status, 200);
    assert_eq!(process.terminate(), Some(0));
    let (_process, client) = serve("0");
    let start = Instant::now();
    // The training, and at least one message of its search.
    while reaped(&client) < 2 || client.get(&format!("/task/{task_id}")).status != 404 {
        assert!(
            start.elapsed() < PATIENCE,
            "{}",
            client.get("/metrics").body
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    // The run stays.
    assert_eq!(client.get(&format!("/runs/{task_id}")).status, 200);
}

#[test]
fn a_service_reaps_with_sqlite() {
    let bench = Bench::small();
    the_service_reaps(&bench, None);
    in_runtime(async {
        let size = Probe::sqlite(&bench.state()).await.size().await;
        assert_eq!((size.jobs, size.finished), (0, 0), "{size:?}");
    });
}

#[test]
fn a_service_reaps_with_redis() {
    let Some(url) = redis_url(4) else { return };
    in_runtime(async {
        redis_queue(&url).await;
    });
    the_service_reaps(&Bench::small(), Some(&url));
    in_runtime(async {
        let size = Probe::redis(&url).await.size().await;
        assert_eq!((size.jobs, size.finished), (0, 0), "{size:?}");
    });
}

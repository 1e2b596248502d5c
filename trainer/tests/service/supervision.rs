//! Workers whose queue fails, or who take nothing of it, are started again.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::bench::Bench;
use crate::client::{Client, PATIENCE};
use crate::process::Process;
use crate::redis::OwnRedis;

fn serve(bench: &Bench, redis_url: Option<&str>) -> (Process, Client) {
    let mut arguments = bench.work_arguments();
    let pipeline = bench.pipeline().display().to_string();
    arguments.extend(["--insecure-local", "--pipeline", &pipeline].map(str::to_owned));
    let (process, url) = Process::serve(&arguments, redis_url);
    (process, Client::new(&url, None))
}

fn n_restarts(client: &Client) -> u64 {
    let page = client.get("/metrics").body;
    let mut lines = page.lines();
    let line = lines.find(|line| line.starts_with("picket_jobs_worker_restarts_total "));
    line.unwrap().rsplit_once(' ').unwrap().1.parse().unwrap()
}

fn wait_for_restart(client: &Client) {
    let start = Instant::now();
    while n_restarts(client) == 0 {
        assert!(start.elapsed() < PATIENCE, "no worker was started again");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What apalis does after an error of its backend is to end its worker.
#[test]
fn a_redis_that_dies_and_comes_back_empty_is_worked_with_again() {
    let bench = Bench::small();
    let Some(mut redis) = OwnRedis::start(bench.dir.path()) else {
        return;
    };
    let (_process, client) = serve(&bench, Some(&redis.url()));
    let task = client.end_of(&client.train("{}"));
    assert_eq!(task["status"], "SUCCESS", "{task}");
    redis.kill();
    // It is taken all the same: what is true of a task does not stand in Redis.
    let meanwhile = client.train("{\"seed\": 5}");
    let waiting = client.get(&format!("/task/{meanwhile}")).json();
    assert_eq!(waiting["status"], "PENDING", "{waiting}");
    wait_for_restart(&client);
    redis.start_again(bench.dir.path());
    for task_id in [meanwhile, client.train("{\"seed\": 6}")] {
        let task = client.end_of(&task_id);
        assert_eq!(task["status"], "SUCCESS", "{task}");
    }
}

/// A worker that is alive and takes nothing of what is there; a job that nobody can take makes every worker look so.
#[test]
fn a_worker_that_takes_nothing_of_what_is_there_is_started_again() {
    let bench = Bench::small();
    let (_process, client) = serve(&bench, None);
    let task = client.end_of(&client.train("{}"));
    assert_eq!(task["status"], "SUCCESS", "{task}");
    assert_eq!(n_restarts(&client), 0);
    // A job that waits under another worker's name.
    hold_back_a_job(&bench.state().join("queue.sqlite"));
    wait_for_restart(&client);
    let task = client.end_of(&client.train("{\"seed\": 5}"));
    assert_eq!(task["status"], "SUCCESS", "{task}");
    // The one that was put away still shows signs of life for a while: the next has another name.
    assert_eq!(n_restarts(&client), 1, "the first try works");
}

fn hold_back_a_job(database: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(database);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        let query = "UPDATE Jobs SET status = 'Pending', done_at = NULL, attempts = 0, \
            lock_by = (SELECT id FROM Workers LIMIT 1) WHERE id = \
            (SELECT id FROM Jobs WHERE job_type = 'picket:trainings:1' AND status = 'Done' LIMIT 1)";
        let changed = sqlx::query(query).execute(&pool).await.unwrap();
        assert_eq!(changed.rows_affected(), 1);
        pool.close().await;
    });
}

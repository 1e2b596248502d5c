//! Counting and removing jobs in apalis' keys in Redis.

use apalis_redis::{Config, ConnectionManager};
use redis::{AsyncCommands, RedisError};

use crate::jobs::error::JobError;
use crate::jobs::queue::failed;

/// How many keys are asked for at a time.
const BATCH: usize = 500;

/// Jobs that are not done: waiting, delayed, and with a worker.
pub(super) async fn n_unfinished(
    connection: &ConnectionManager,
    config: &Config,
) -> Result<u64, JobError> {
    let failed = |error: RedisError| failed("counting jobs", &error);
    let mut connection = connection.clone();
    let waiting: u64 = connection
        .llen(config.active_jobs_list())
        .await
        .map_err(failed)?;
    let delayed: u64 = connection
        .zcard(config.scheduled_jobs_set())
        .await
        .map_err(failed)?;
    let workers: Vec<String> = connection
        .zrange(config.workers_set(), 0, -1)
        .await
        .map_err(failed)?;
    let mut n = waiting + delayed;
    for worker in workers {
        let key = format!("{}:{worker}", config.inflight_jobs_set());
        let held: u64 = connection.scard(key).await.map_err(failed)?;
        n += held;
    }
    Ok(n)
}

/// Jobs that somebody could take now.
pub(super) async fn n_ready(
    connection: &ConnectionManager,
    config: &Config,
) -> Result<u64, JobError> {
    let failed = |error: RedisError| failed("counting jobs", &error);
    let mut connection = connection.clone();
    let waiting: u64 = connection
        .llen(config.active_jobs_list())
        .await
        .map_err(failed)?;
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    let now = now.unwrap_or_default().as_secs();
    let due: u64 = connection
        .zcount(config.scheduled_jobs_set(), 0, now)
        .await
        .map_err(failed)?;
    Ok(waiting + due)
}

/// Removes what was done before a time (seconds since 1970): its data, what is known of it, and its place in the sets
/// of done and dead jobs, which apalis fills and never empties. What apalis keeps of workers that are gone goes too.
pub(super) async fn reap(
    connection: &ConnectionManager,
    config: &Config,
    before: u64,
) -> Result<u64, JobError> {
    let mut connection = connection.clone();
    let mut n_removed = 0;
    for set in [config.done_jobs_set(), config.dead_jobs_set()] {
        let mut cursor = 0_u64;
        loop {
            let found: Result<(u64, Vec<String>), RedisError> = redis::cmd("SSCAN")
                .arg(&set)
                .arg(cursor)
                .arg("COUNT")
                .arg(BATCH)
                .query_async(&mut connection)
                .await;
            let (next, ids) = found.map_err(|it| removing(&it))?;
            n_removed += reap_ids(&mut connection, config, &set, ids, before).await?;
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
    }
    forget_workers(&mut connection, config).await?;
    Ok(n_removed)
}

/// Removes those of some finished jobs that were done before a time.
async fn reap_ids(
    connection: &mut ConnectionManager,
    config: &Config,
    set: &str,
    ids: Vec<String>,
    before: u64,
) -> Result<u64, JobError> {
    if ids.is_empty() {
        return Ok(0);
    }
    let meta = |id: &String| format!("{}:{id}", config.job_meta_hash());
    let mut asking = redis::pipe();
    for id in &ids {
        asking.hget(meta(id), "done_at");
    }
    let times: Result<Vec<Option<u64>>, RedisError> = asking.query_async(connection).await;
    let mut removal = redis::pipe();
    removal.atomic();
    let mut n_old = 0;
    for (id, done_at) in ids.iter().zip(times.map_err(|it| removing(&it))?) {
        if done_at.is_none_or(|done_at| done_at <= before) {
            removal.hdel(config.job_data_hash(), id).ignore();
            removal.del(meta(id)).ignore();
            removal.srem(set, id);
            n_old += 1;
        }
    }
    if n_old == 0 {
        return Ok(0);
    }
    // Another process may be removing the same: each counts what it took away.
    let removed: Result<Vec<u64>, RedisError> = removal.query_async(connection).await;
    Ok(removed.map_err(|it| removing(&it))?.iter().sum())
}

/// Removes what is known of workers that are no longer registered: every start of a worker leaves some.
async fn forget_workers(
    connection: &mut ConnectionManager,
    config: &Config,
) -> Result<(), JobError> {
    // As `Config::worker_metadata_key` has it, of which only workers can be asked.
    let prefix = format!("{}:metadata:", config.workers_set());
    let mut cursor = 0_u64;
    loop {
        let found: Result<(u64, Vec<String>), RedisError> = redis::cmd("SCAN")
            .arg(cursor)
            .arg("MATCH")
            .arg(format!("{prefix}*"))
            .arg("COUNT")
            .arg(BATCH)
            .query_async(connection)
            .await;
        let (next, keys) = found.map_err(|it| removing(&it))?;
        for key in keys {
            let Some(name) = key.strip_prefix(&prefix) else {
                continue;
            };
            let set = config.workers_set();
            let seen: Option<f64> = connection
                .zscore(set, name)
                .await
                .map_err(|it| removing(&it))?;
            if seen.is_none() {
                let _: () = connection.del(&key).await.map_err(|it| removing(&it))?;
            }
        }
        cursor = next;
        if cursor == 0 {
            return Ok(());
        }
    }
}

fn removing(error: &RedisError) -> JobError {
    failed("removing finished jobs", error)
}

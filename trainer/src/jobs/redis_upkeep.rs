//! Counting and removing jobs in apalis' keys in Redis.

use apalis_redis::{Config, ConnectionManager};
use redis::{AsyncCommands, RedisError};

use crate::jobs::error::JobError;
use crate::jobs::queue::failed;

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
/// of done and dead jobs, which apalis fills and never empties.
pub(super) async fn reap(
    connection: &ConnectionManager,
    config: &Config,
    before: u64,
) -> Result<u64, JobError> {
    let failed = |error: RedisError| failed("removing finished jobs", &error);
    let mut connection = connection.clone();
    let mut n_removed = 0;
    for set in [config.done_jobs_set(), config.dead_jobs_set()] {
        let mut cursor = 0_u64;
        loop {
            let (next, ids): (u64, Vec<String>) = redis::cmd("SSCAN")
                .arg(&set)
                .arg(cursor)
                .arg("COUNT")
                .arg(500)
                .query_async(&mut connection)
                .await
                .map_err(failed)?;
            for id in ids {
                let meta = format!("{}:{id}", config.job_meta_hash());
                let done_at: Option<u64> =
                    connection.hget(&meta, "done_at").await.map_err(failed)?;
                if done_at.is_some_and(|done_at| done_at > before) {
                    continue;
                }
                redis::pipe()
                    .atomic()
                    .hdel(config.job_data_hash(), &id)
                    .del(&meta)
                    .srem(&set, &id)
                    .exec_async(&mut connection)
                    .await
                    .map_err(failed)?;
                n_removed += 1;
            }
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
    }
    Ok(n_removed)
}

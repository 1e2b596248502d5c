//! Counting and removing jobs in apalis' tables in SQLite.

use sqlx::SqlitePool;

use crate::jobs::error::JobError;
use crate::jobs::queue::{Lane, failed};

/// Jobs that are not done.
pub(super) async fn n_unfinished(pool: &SqlitePool, lane: Lane) -> Result<u64, JobError> {
    count(
        pool,
        lane,
        "SELECT COUNT(*) FROM Jobs WHERE job_type = ?1 AND (status IN ('Pending', 'Queued', 'Running') \
         OR (status = 'Failed' AND attempts < max_attempts))",
    )
    .await
}

/// Jobs that somebody could take now.
pub(super) async fn n_ready(pool: &SqlitePool, lane: Lane) -> Result<u64, JobError> {
    count(
        pool,
        lane,
        "SELECT COUNT(*) FROM Jobs WHERE job_type = ?1 AND (status = 'Pending' \
         OR (status = 'Failed' AND attempts < max_attempts)) AND run_at <= CAST(strftime('%s', 'now') AS INTEGER)",
    )
    .await
}

async fn count(pool: &SqlitePool, lane: Lane, query: &'static str) -> Result<u64, JobError> {
    let counted = sqlx::query_scalar::<_, i64>(query)
        .bind(lane.name())
        .fetch_one(pool)
        .await;
    let n = counted.map_err(|error| failed("counting jobs", &error))?;
    Ok(n.max(0) as u64)
}

/// Removes what was done before a time (seconds since 1970), and workers that were not heard of since another.
pub(super) async fn reap(
    pool: &SqlitePool,
    lane: Lane,
    before: u64,
    silent: u64,
) -> Result<u64, JobError> {
    let failed = |error: sqlx::Error| failed("removing finished jobs", &error);
    let removed = sqlx::query(
        "DELETE FROM Jobs WHERE job_type = ?1 AND done_at IS NOT NULL \
         AND CAST(done_at AS INTEGER) <= ?2 \
         AND (status IN ('Done', 'Killed') OR (status = 'Failed' AND attempts >= max_attempts))",
    )
    .bind(lane.name())
    .bind(before.cast_signed())
    .execute(pool)
    .await
    .map_err(failed)?;
    // A job of a worker that is not in the table would never be taken over.
    sqlx::query(
        "DELETE FROM Workers WHERE worker_type = ?1 AND CAST(last_seen AS INTEGER) <= ?2 \
         AND NOT EXISTS (SELECT 1 FROM Jobs WHERE Jobs.lock_by = Workers.id)",
    )
    .bind(lane.name())
    .bind(silent.cast_signed())
    .execute(pool)
    .await
    .map_err(failed)?;
    Ok(removed.rows_affected())
}

//! Looks into a queue behind its back, and makes its jobs older than they are.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use picket_trainer::jobs::Lane;
use redis::AsyncCommands;

/// What jobs are made older by is twice this.
const HOUR: Duration = Duration::from_hours(1);

/// Looks into a queue behind its back.
pub(crate) enum Probe {
    Sqlite(sqlx::SqlitePool),
    Redis(redis::aio::MultiplexedConnection),
}

/// What a queue holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Jobs, in whatever state.
    pub(crate) jobs: u64,
    /// Finished ones.
    pub(crate) finished: u64,
    /// Those that failed for good.
    pub(crate) dead: u64,
    /// Workers that are known.
    pub(crate) workers: u64,
    /// SQLite: pages of the file. Redis: keys of the database.
    pub(crate) parts: u64,
}

impl Probe {
    pub(crate) async fn sqlite(folder: &Path) -> Self {
        let options =
            sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join("queue.sqlite"));
        Self::Sqlite(sqlx::SqlitePool::connect_with(options).await.unwrap())
    }

    pub(crate) async fn redis(url: &str) -> Self {
        let client = redis::Client::open(url).unwrap();
        Self::Redis(client.get_multiplexed_async_connection().await.unwrap())
    }

    async fn number(&self, query: &'static str) -> u64 {
        let Self::Sqlite(pool) = self else {
            panic!("a question for SQLite")
        };
        let n: i64 = sqlx::query_scalar(query).fetch_one(pool).await.unwrap();
        n.cast_unsigned()
    }

    pub(crate) async fn size(&self) -> Size {
        match self {
            Self::Sqlite(_) => Size {
                jobs: self.number("SELECT COUNT(*) FROM Jobs").await,
                finished: self
                    .number("SELECT COUNT(*) FROM Jobs WHERE status = 'Done'")
                    .await,
                dead: self
                    .number("SELECT COUNT(*) FROM Jobs WHERE status = 'Killed'")
                    .await,
                workers: self.number("SELECT COUNT(*) FROM Workers").await,
                parts: self.number("PRAGMA page_count").await,
            },
            Self::Redis(connection) => {
                let mut connection = connection.clone();
                let mut size = Size {
                    jobs: 0,
                    finished: 0,
                    dead: 0,
                    workers: 0,
                    parts: redis::cmd("DBSIZE")
                        .query_async(&mut connection)
                        .await
                        .unwrap(),
                };
                for lane in Lane::ALL {
                    let name = lane.name();
                    size.jobs += connection
                        .hlen::<_, u64>(format!("{name}:data"))
                        .await
                        .unwrap();
                    size.finished += connection
                        .scard::<_, u64>(format!("{name}:done"))
                        .await
                        .unwrap();
                    size.dead += connection
                        .scard::<_, u64>(format!("{name}:dead"))
                        .await
                        .unwrap();
                    let pattern = format!("{name}:workers:metadata:*");
                    let keys: Vec<String> = connection.keys(pattern).await.unwrap();
                    size.workers += keys.len() as u64;
                }
                size
            }
        }
    }

    /// Makes some finished jobs of a lane two hours old, and what has failed too, for good or to be tried again.
    pub(crate) async fn age(&self, lane: Lane, n_jobs: usize) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let then = since.as_secs() - 2 * HOUR.as_secs();
        match self {
            Self::Sqlite(pool) => {
                let query = "UPDATE Jobs SET done_at = ?1, run_at = ?1 WHERE id IN \
                    (SELECT id FROM Jobs WHERE job_type = ?2 AND status = 'Done' ORDER BY id LIMIT ?3) \
                    OR (job_type = ?2 AND status IN ('Failed', 'Killed'))";
                let changed = sqlx::query(query)
                    .bind(then.cast_signed())
                    .bind(lane.name())
                    .bind(i64::try_from(n_jobs).unwrap())
                    .execute(pool)
                    .await
                    .unwrap();
                assert!(changed.rows_affected() >= n_jobs as u64);
            }
            Self::Redis(connection) => {
                let (mut connection, name) = (connection.clone(), lane.name());
                let done: BTreeSet<String> =
                    connection.smembers(format!("{name}:done")).await.unwrap();
                assert!(done.len() >= n_jobs);
                let failed: Vec<String> = connection
                    .zrange(format!("{name}:scheduled"), 0, -1)
                    .await
                    .unwrap();
                let dead: Vec<String> = connection.smembers(format!("{name}:dead")).await.unwrap();
                for id in done.into_iter().take(n_jobs).chain(failed).chain(dead) {
                    let meta = format!("{name}:meta:{id}");
                    let _: u64 = connection.hset(meta, "done_at", then).await.unwrap();
                }
            }
        }
    }

    /// Makes of a job that waits one that failed two hours ago and is to be tried again. SQLite only has such: with
    /// Redis a job that is to be tried again waits like others.
    pub(crate) async fn fail_one_that_waits(&self, lane: Lane) {
        let Self::Sqlite(pool) = self else { return };
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let then = since.as_secs() - 2 * HOUR.as_secs();
        let query = "UPDATE Jobs SET status = 'Failed', attempts = 1, done_at = ?1, run_at = ?1 WHERE id = \
            (SELECT id FROM Jobs WHERE job_type = ?2 AND status = 'Pending' AND run_at <= ?3 LIMIT 1)";
        let changed = sqlx::query(query)
            .bind(then.cast_signed())
            .bind(lane.name())
            .bind(since.as_secs().cast_signed())
            .execute(pool)
            .await
            .unwrap();
        assert_eq!(
            changed.rows_affected(),
            1,
            "both places are taken, and some wait"
        );
    }
}

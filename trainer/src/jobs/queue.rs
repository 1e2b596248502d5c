//! Who should look at what: a queue in SQLite for one machine, in Redis for several, both by apalis.
//!
//! What is known of apalis 1.0, and what is done about it:
//!
//! - A worker whose backend has failed once (a locked database, a connection that broke) ends and does not come
//!   back. [`crate::jobs::worker`] starts it again.
//! - Without a poll interval an idle worker looks at its queue only with its heartbeat. It gets an interval.
//! - A worker with more than one fetched task sends no heartbeats while it is busy, and is taken for dead. Tasks
//!   are fetched one by one.
//! - Finished jobs stay for ever: Redis has no end for them, and the SQLite query that should remove old ones
//!   compares a number with text and removes all. [`Queue::reap`] removes what is old enough.
//! - A job may be handed out twice. What it does is safe to do twice: see [`crate::jobs::StateFolder`].

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use apalis::prelude::{
    BackendExt, BoxDynError, TaskBuilder, TaskSink, WorkerBuilder, WorkerBuilderExt,
};
use apalis_redis::{ConnectionManager, RedisStorage};
use apalis_sqlite::SqliteStorage;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::watch;

use crate::jobs::error::JobError;
use crate::jobs::redis_server::RedisServer;
use crate::jobs::redis_upkeep;
use crate::jobs::search_job::SearchJob;
use crate::jobs::sqlite_upkeep;
use crate::jobs::task_id::TaskId;

/// How often an idle worker looks.
const POLL: Duration = Duration::from_millis(250);
/// How often a handler's failure is tried again: only a state folder that cannot be used makes one.
const MAX_ATTEMPTS: usize = 20;
/// Heartbeats that a worker may miss before its jobs go to another.
const MISSED_HEARTBEATS: usize = 3;
/// Connections of one process to SQLite.
const MAX_CONNECTIONS: u32 = 4;

/// Which queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Whole trainings.
    Trainings,
    /// Candidates on folds.
    SearchTasks,
}

impl Lane {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Trainings, Self::SearchTasks];

    /// The queue's name, with the number of what its messages look like.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Trainings => "picket:trainings:1",
            Self::SearchTasks => "picket:search-tasks:1",
        }
    }
}

/// A message. It names work; what the work is stands in the state folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Job {
    /// A training.
    Training(TaskId),
    /// A candidate on a fold.
    Search(SearchJob),
}

/// What does jobs.
pub type Handler = Arc<dyn Fn(Job) -> BoxFuture<'static, Result<(), BoxDynError>> + Send + Sync>;

/// The queues of a service.
#[derive(Clone, Debug)]
pub struct Queue {
    backend: Backend,
    heartbeat: Duration,
}

#[derive(Clone)]
enum Backend {
    Sqlite(SqlitePool),
    Redis(ConnectionManager),
}

impl std::fmt::Debug for Backend {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A connection's address may hold a password.
        formatter.write_str(match self {
            Self::Sqlite(_) => "Sqlite",
            Self::Redis(_) => "Redis",
        })
    }
}

impl Queue {
    /// Opens the queue of a service: in Redis where there is a server, else in `queue.sqlite` of the state folder.
    /// A worker that is silent for three `heartbeat`s is taken for dead.
    ///
    /// # Errors
    /// [`JobError::Queue`], and those of a connection to Redis.
    pub async fn open(
        state: &Path,
        redis: Option<&RedisServer>,
        heartbeat: Duration,
    ) -> Result<Self, JobError> {
        let backend = match redis {
            Some(server) => Backend::Redis(server.connect().await?),
            None => Backend::Sqlite(open_sqlite(&state.join("queue.sqlite")).await?),
        };
        Ok(Self {
            backend,
            // Both count in whole seconds.
            heartbeat: heartbeat.max(Duration::from_secs(1)),
        })
    }

    /// What it is kept in.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.backend {
            Backend::Sqlite(_) => "sqlite",
            Backend::Redis(_) => "redis",
        }
    }

    fn sqlite(&self, lane: Lane, pool: &SqlitePool) -> SqliteStorage<Job> {
        let config = apalis_sqlite::Config::default()
            .queue(lane.name())
            .batch_size(1)
            .lock_tasks(false)
            .heartbeat_interval(self.heartbeat)
            .missed_heartbeats(MISSED_HEARTBEATS);
        SqliteStorage::new(pool).with_config(config)
    }

    fn redis(&self, lane: Lane, connection: &ConnectionManager) -> RedisStorage<Job> {
        RedisStorage::new(connection.clone()).with_config(self.redis_config(lane))
    }

    fn redis_config(&self, lane: Lane) -> apalis_redis::Config {
        apalis_redis::Config::default()
            .queue(lane.name())
            .batch_size(1)
            .lock_tasks(false)
            .heartbeat_interval(self.heartbeat)
            .missed_heartbeats(MISSED_HEARTBEATS)
    }

    /// Puts a job into a queue; nobody takes it before `delay` is over.
    ///
    /// # Errors
    /// [`JobError::Queue`].
    pub async fn push(&self, lane: Lane, job: Job, delay: Duration) -> Result<(), JobError> {
        let mut task = TaskBuilder::new(job).max_attempts(MAX_ATTEMPTS);
        if !delay.is_zero() {
            task = task.run_after(delay);
        }
        let task = task.build();
        match &self.backend {
            Backend::Sqlite(pool) => {
                let pushed = self.sqlite(lane, pool).push_task(task).await;
                pushed.map_err(|error| failed("adding a job", &error))
            }
            Backend::Redis(connection) => {
                let pushed = self.redis(lane, connection).push_task(task).await;
                pushed.map_err(|error| failed("adding a job", &error))
            }
        }
    }

    /// Takes jobs until told to stop, `n_at_once` at a time. `name` must be of one start of one process only.
    ///
    /// # Errors
    /// [`JobError::Queue`] where the backend failed: then no more jobs are taken, and this has to be called again.
    pub async fn work(
        &self,
        lane: Lane,
        name: &str,
        n_at_once: usize,
        handler: Handler,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), JobError> {
        let stopped = async move {
            // Where the sender is gone the process ends.
            let _ = stop.wait_for(|stop| *stop).await;
            Ok::<(), std::io::Error>(())
        };
        let handle = move |job: Job| handler(job);
        let builder = WorkerBuilder::new(name);
        let result = match &self.backend {
            Backend::Sqlite(pool) => {
                let storage = self.sqlite(lane, pool).poll_with_interval(POLL);
                let builder = builder.backend(storage).concurrency(n_at_once.max(1));
                builder.build(handle).run_until(stopped).await
            }
            Backend::Redis(connection) => {
                let storage = self.redis(lane, connection).poll_with_interval(POLL);
                let builder = builder.backend(storage).concurrency(n_at_once.max(1));
                builder.build(handle).run_until(stopped).await
            }
        };
        result.map_err(|error| failed("taking jobs", &error))
    }

    /// How many jobs are not done, those under way included.
    ///
    /// # Errors
    /// [`JobError::Queue`].
    pub async fn n_unfinished(&self, lane: Lane) -> Result<u64, JobError> {
        match &self.backend {
            Backend::Sqlite(pool) => sqlite_upkeep::n_unfinished(pool, lane).await,
            Backend::Redis(connection) => {
                redis_upkeep::n_unfinished(connection, &self.redis_config(lane)).await
            }
        }
    }

    /// How many jobs wait that somebody could take now.
    ///
    /// # Errors
    /// [`JobError::Queue`].
    pub async fn n_ready(&self, lane: Lane) -> Result<u64, JobError> {
        match &self.backend {
            Backend::Sqlite(pool) => sqlite_upkeep::n_ready(pool, lane).await,
            Backend::Redis(connection) => {
                redis_upkeep::n_ready(connection, &self.redis_config(lane)).await
            }
        }
    }

    /// Removes jobs that were done longer ago than `keep`, and workers that have been silent as long. Gives how many
    /// jobs.
    ///
    /// # Errors
    /// [`JobError::Queue`].
    pub async fn reap(&self, lane: Lane, keep: Duration) -> Result<u64, JobError> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let before = |age: Duration| {
            now.clone()
                .unwrap_or_default()
                .saturating_sub(age)
                .as_secs()
        };
        // A worker that is alive must stay registered, however soon finished jobs go.
        let silent = before(keep.max(self.heartbeat * (2 * MISSED_HEARTBEATS as u32)));
        let before = before(keep);
        match &self.backend {
            Backend::Sqlite(pool) => sqlite_upkeep::reap(pool, lane, before, silent).await,
            Backend::Redis(connection) => {
                redis_upkeep::reap(connection, &self.redis_config(lane), before).await
            }
        }
    }
}

async fn open_sqlite(place: &Path) -> Result<SqlitePool, JobError> {
    // Two processes that begin at the same time would both make the tables, and one would fail.
    let _held = hold(place.with_extension("lock")).await?;
    let opening = |error: sqlx::Error| failed("opening the queue's database", &error);
    let options = SqliteConnectOptions::new()
        .filename(place)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(Duration::from_secs(30));
    let pool = SqlitePoolOptions::new()
        .max_connections(MAX_CONNECTIONS)
        .connect_with(options)
        .await
        .map_err(opening)?;
    // Not `SqliteStorage::setup`: that switches the disk's syncs off.
    let migrated = SqliteStorage::migrations().run(&pool).await;
    migrated.map_err(|error| failed("making the queue's tables", &error))?;
    Ok(pool)
}

/// Waits for a lock that is held until this goes.
async fn hold(place: PathBuf) -> Result<File, JobError> {
    let waited = tokio::task::spawn_blocking(move || {
        let file = File::create(place)?;
        file.lock()?;
        Ok::<_, std::io::Error>(file)
    });
    let failed = |error: &dyn std::fmt::Display| failed("locking the queue's tables", &error);
    let held = waited.await.map_err(|error| failed(&error))?;
    held.map_err(|error| failed(&error))
}

pub(super) fn failed(operation: &'static str, error: &impl std::fmt::Display) -> JobError {
    JobError::Queue {
        operation,
        reason: error.to_string(),
    }
}

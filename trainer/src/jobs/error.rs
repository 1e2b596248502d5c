//! What goes wrong with jobs.

/// Why a job could not be kept or handed out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The queue does not answer, or not as it should.
    #[error("the queue failed while {operation}: {reason}")]
    Queue {
        /// What was being done.
        operation: &'static str,
        /// What the queue's library said.
        reason: String,
    },
    /// An address that is none of a Redis server, or options that do not go with it.
    #[error("REDIS_URL: found {found}; expected {expected}")]
    RedisUrl {
        /// What was found, without what may be secret.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A file of authorities that is none.
    #[error("{file}: {reason}; expected certificates of authorities in PEM")]
    RedisCa {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Text that is no task's id.
    #[error("{found:?} is no task's id: expected 32 hexadecimal digits in groups of 8-4-4-4-12")]
    TaskId {
        /// What was found.
        found: String,
    },
    /// There is no such task.
    #[error("there is no task {task_id}")]
    NoSuchTask {
        /// The id.
        task_id: String,
    },
    /// A file of a task is not what was written there.
    #[error("{file}: {reason}")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A cron expression that is none.
    #[error(
        "{found:?}: {reason}; expected five fields: minute, hour, day of month, month, day of week"
    )]
    Cron {
        /// What was found.
        found: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl JobError {
    /// Whether the user can mend it.
    #[must_use]
    pub fn is_input_error(&self) -> bool {
        !matches!(self, Self::Queue { .. })
    }
}

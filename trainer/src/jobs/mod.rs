//! Trainings as jobs: kept, handed to workers on one machine or many, taken over where a worker dies.
//!
//! [`StateFolder`] holds what is true of a task, [`Queue`] says who should look at it, [`Workers`] do it. A training's search is
//! spread over the workers too: each candidate on each fold is a task whose result is the same wherever it is
//! computed, so the model is the same bytes for any number of workers. `docs/service.md` tells how to run it.

mod cron;
mod error;
mod job_metrics;
mod job_settings;
mod queue;
mod redis_server;
mod redis_upkeep;
mod schedule;
mod search_job;
mod shared_store;
mod sqlite_upkeep;
mod state_folder;
#[cfg(test)]
mod state_folder_tests;
mod task;
mod task_id;
mod task_watch;
mod training_job;
mod training_trace;
mod trigger;
mod upkeep;
mod worker;

pub use cron::CronExpression;
pub use error::JobError;
pub use job_metrics::JobMetrics;
pub use job_settings::JobSettings;
pub use queue::{Handler, Job, Lane, Queue};
pub use redis_server::RedisServer;
pub use schedule::{Schedule, ScheduleAudit};
pub use search_job::{Done, SearchJob, SearchWorker};
pub use shared_store::SharedStores;
pub use state_folder::{HeldLock, StateFolder};
pub(crate) use state_folder::{now, read_json};
pub use task::{
    BestSoFar, Task, TaskEnd, TaskProgress, TaskRequest, TaskResult, TaskStart, TaskStatus,
};
pub use task_id::TaskId;
pub(crate) use training_job::in_words;
pub use training_job::{Handled, TrainingWorker};
pub(crate) use training_trace::random;
pub use trigger::{
    AccuracyTrigger, CronTrigger, DriftTrigger, LabelTrigger, LiveNumbers, Trigger, TriggerTimes,
};
pub use worker::{Jobs, Workers};

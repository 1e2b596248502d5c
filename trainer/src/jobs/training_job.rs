//! A whole training: the pipeline, from the first stage or from where another worker was killed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use picket_telemetry::{Tracer, log};
use serde_json::json;

use crate::error::TrainerError;
use crate::jobs::error::JobError;
use crate::jobs::job_settings::JobSettings;
use crate::jobs::queue::Queue;
use crate::jobs::shared_store::SharedStores;
use crate::jobs::state_folder::{HeldLock, StateFolder, now};
use crate::jobs::task::{Task, TaskEnd, TaskResult, TaskStatus};
use crate::jobs::task_id::TaskId;
use crate::jobs::task_watch::TaskWatch;
use crate::jobs::training_trace::TrainingTrace;
use crate::pipeline::{
    RECORD_FILE, RunOptions, RunRecord, RunState, StopFlag, resume, run_pipeline,
};
use crate::progress_watch::WatchedProgress;

/// A training that was begun so often and never came to an end takes its worker with it.
const MAX_STARTS: u32 = 20;
/// How often a running training asks whether it is to stop.
const ASK_EVERY: Duration = Duration::from_millis(100);
/// Others look at a lock for a moment; who works holds it for longer.
const LOCK_WAIT: Duration = Duration::from_millis(500);
/// How long a training waits in a worker's place for another of its schema, before it makes room.
const SCHEMA_WAIT: Duration = Duration::from_secs(3);
/// A worker's last words are cut to this many characters.
const MAX_REASON: usize = 4000;

/// Does trainings.
#[derive(Clone, Debug)]
pub struct TrainingWorker {
    /// The shared folder.
    pub state: StateFolder,
    /// Where tasks of the search are put.
    pub queue: Queue,
    /// How much at a time.
    pub settings: JobSettings,
    /// The worker's name.
    pub name: String,
    /// What runs the queue's operations.
    pub runtime: tokio::runtime::Handle,
    /// Where traces go.
    pub tracer: Option<Arc<Tracer>>,
    /// Raised when the process is to end: the training stops where nothing is lost, and another goes on.
    pub shutdown: Arc<AtomicBool>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// The task has ended, now or before; or another is at it.
    Done,
    /// The task has ended by this call.
    Ended(TaskStatus),
    /// Another training of the schema runs: try again.
    Later,
    /// The process is to end; another worker is to go on.
    Unfinished,
}

impl TrainingWorker {
    /// Brings a task to its end, if nobody else is at it.
    ///
    /// # Errors
    /// A [`TrainerError`] where the state folder cannot be used: another try may help.
    pub fn run(&self, task_id: &TaskId) -> Result<Handled, TrainerError> {
        if self.state.has_ended(task_id) {
            return Ok(Handled::Done);
        }
        let Some(_held) = self.lock(task_id)? else {
            return Ok(Handled::Done);
        };
        let task = match self.state.task(task_id) {
            Ok(task) => task,
            Err(TrainerError::Jobs(JobError::NoSuchTask { .. })) => return Ok(Handled::Done),
            Err(TrainerError::Jobs(error @ JobError::Damaged { .. })) => {
                return self.end(task_id, &TaskEnd::failure(error.to_string()));
            }
            Err(error) => return Err(error),
        };
        if task.end.is_some() {
            return Ok(Handled::Done);
        }
        let Some(_place) = self.wait_for_schema(&task)? else {
            return Ok(Handled::Later);
        };
        if self.state.is_cancelled(task_id) {
            let by = self.state.canceller(task_id);
            return self.end(task_id, &TaskEnd::cancelled(&by));
        }
        let attempt = self.state.begin(task_id, &self.name)?;
        if attempt > MAX_STARTS {
            let reason = format!(
                "begun {MAX_STARTS} times, and every time the worker ended before the training did"
            );
            return self.end(task_id, &TaskEnd::failure(reason));
        }
        log(
            "info",
            "training_begins",
            &[
                ("task_id", json!(task_id)),
                ("run_id", json!(task_id)),
                ("request_id", json!(task.request.request_id)),
                ("worker", json!(self.name)),
                ("attempt", json!(attempt)),
            ],
        );
        let asked_by = task.request.traceparent.as_deref();
        let trace = TrainingTrace::begin(self.tracer.as_ref(), task_id, asked_by);
        let (handled, status) = self.train(task_id, task, trace.as_ref())?;
        if let Some(trace) = trace {
            let is_failed = status == Some(TaskStatus::Failure);
            let status = status.map_or("UNFINISHED", TaskStatus::name);
            trace.end(status, is_failed, &self.name, attempt);
        }
        Ok(handled)
    }

    fn lock(&self, task_id: &TaskId) -> Result<Option<HeldLock>, TrainerError> {
        let start = Instant::now();
        loop {
            match self.state.lock_task(task_id) {
                Ok(None) if start.elapsed() < LOCK_WAIT => std::thread::sleep(ASK_EVERY / 4),
                // The folder of a task that was forgotten.
                Err(TrainerError::Write { source, .. })
                    if source.kind() == std::io::ErrorKind::NotFound =>
                {
                    return Ok(None);
                }
                other => return other,
            }
        }
    }

    /// A place among the trainings of the schema.
    fn wait_for_schema(&self, task: &Task) -> Result<Option<HeldLock>, TrainerError> {
        let digest = task.request.schema.digest().to_string();
        let start = Instant::now();
        loop {
            if let Some(held) = self.state.lock_schema(&digest, self.settings.per_schema)? {
                return Ok(Some(held));
            }
            if start.elapsed() > SCHEMA_WAIT || self.shutdown.load(Ordering::Relaxed) {
                return Ok(None);
            }
            std::thread::sleep(ASK_EVERY);
        }
    }

    /// Trains; and how it ended, where it did.
    fn train(
        &self,
        task_id: &TaskId,
        task: Task,
        trace: Option<&Arc<TrainingTrace>>,
    ) -> Result<(Handled, Option<TaskStatus>), TrainerError> {
        let stop = StopFlag::new();
        let is_over = AtomicBool::new(false);
        let trained = std::thread::scope(|scope| {
            scope.spawn(|| self.raise_when_asked(task_id, &stop, &is_over));
            let trained = catch_unwind(AssertUnwindSafe(|| {
                self.pipeline(task_id, task, trace, &stop)
            }));
            is_over.store(true, Ordering::Relaxed);
            trained
        });
        let end = match trained {
            Ok(Ok(record)) => success(record),
            Ok(Err(TrainerError::Interrupted { .. })) if self.state.is_cancelled(task_id) => {
                TaskEnd::cancelled(&self.state.canceller(task_id))
            }
            Ok(Err(TrainerError::Interrupted { .. })) => return Ok((Handled::Unfinished, None)),
            Ok(Err(error)) => TaskEnd::failure(in_words(&error)),
            Err(_) => TaskEnd::failure("the training panicked; that is a defect".to_owned()),
        };
        Ok((self.end(task_id, &end)?, Some(end.status)))
    }

    /// Runs the pipeline, or goes on with it.
    fn pipeline(
        &self,
        task_id: &TaskId,
        task: Task,
        trace: Option<&Arc<TrainingTrace>>,
        stop: &StopFlag,
    ) -> Result<RunRecord, TrainerError> {
        let mut config = task.request.config;
        config.artifacts = self.state.runs();
        let metric = config.search.metric;
        let watch = TaskWatch::new(self.state.clone(), task_id.clone(), metric, trace.cloned());
        let watched = WatchedProgress::new(Arc::new(watch));
        let task_stores = Arc::new(SharedStores {
            task_id: task_id.clone(),
            queue: self.queue.clone(),
            runtime: self.runtime.clone(),
            patience: self.settings.patience(),
        });
        let folder = self.state.run(task_id);
        let known = folder.join(RECORD_FILE).exists();
        if known {
            let record = RunRecord::read(&folder)?;
            if record.state == RunState::Finished {
                return Ok(record);
            }
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.settings.threads.max(1))
            .build()
            .map_err(TrainerError::Threads)?;
        let reporter = watched.reporter();
        let result = pool.install(|| {
            if known {
                return resume(&folder, reporter, stop.clone(), task_stores);
            }
            run_pipeline(RunOptions {
                config,
                schema: task.request.schema,
                reporter,
                stop: stop.clone(),
                run_id: Some(task_id.to_string()),
                task_stores,
            })
        })?;
        Ok(result.record)
    }

    fn raise_when_asked(&self, task_id: &TaskId, stop: &StopFlag, is_over: &AtomicBool) {
        while !is_over.load(Ordering::Relaxed) {
            if self.shutdown.load(Ordering::Relaxed) || self.state.is_cancelled(task_id) {
                stop.raise();
                return;
            }
            std::thread::sleep(ASK_EVERY);
        }
    }

    fn end(&self, task_id: &TaskId, end: &TaskEnd) -> Result<Handled, TrainerError> {
        let is_ours = self.state.end(task_id, end)?;
        log(
            if end.status == TaskStatus::Failure {
                "warn"
            } else {
                "info"
            },
            "training_ended",
            &[
                ("task_id", json!(task_id)),
                ("run_id", json!(task_id)),
                ("status", json!(end.status)),
                ("reason", json!(end.reason)),
                ("worker", json!(self.name)),
            ],
        );
        Ok(if is_ours {
            Handled::Ended(end.status)
        } else {
            Handled::Done
        })
    }
}

fn success(record: RunRecord) -> TaskEnd {
    TaskEnd {
        status: TaskStatus::Success,
        result: Some(TaskResult {
            run_id: record.run_id,
            model_digest: record.model_digest,
            algorithm: record.algorithm,
            metrics: record.metrics,
            outcome: record.outcome,
        }),
        reason: None,
        finished: now(),
    }
}

/// An error and its causes on one line.
pub(crate) fn in_words(error: &TrainerError) -> String {
    use std::error::Error;
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let words = next.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = next.source();
    }
    text.chars().take(MAX_REASON).collect()
}

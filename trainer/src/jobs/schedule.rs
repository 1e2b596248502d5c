//! Asks the triggers, and begins the trainings that they want.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use picket_schema::FeatureSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::watch;

use crate::error::TrainerError;
use crate::jobs::state_folder::now;
use crate::jobs::task::TaskRequest;
use crate::jobs::task_id::TaskId;
use crate::jobs::training_job::in_words;
use crate::jobs::trigger::{Trigger, TriggerTimes};
use crate::jobs::worker::Jobs;
use crate::pipeline::PipelineConfig;
use picket_telemetry::log;

/// The triggers' memory, and the lock of the process that asks them.
const MEMORY: &str = "schedule";

/// A pipeline and what may ask for it.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The pipeline.
    pub config: PipelineConfig,
    /// What a row holds.
    pub schema: FeatureSchema,
    /// What may ask for a training.
    pub triggers: Vec<Arc<dyn Trigger>>,
    /// How often they are asked.
    pub every: Duration,
}

/// Where is written down that a trigger begins a training.
pub trait ScheduleAudit: Debug + Send + Sync {
    /// Writes it down, before the training is begun.
    ///
    /// # Errors
    /// A [`TrainerError`] where it cannot be written; then nothing is begun.
    fn begins(&self, request: &TaskRequest) -> Result<(), TrainerError>;
}

/// What is remembered from one time to the next, over restarts too.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Memory {
    /// Seconds since 1970.
    asked: u64,
    /// When the last training was asked for, in milliseconds since 1970: its task is forgotten some day.
    #[serde(default)]
    trained_ms: u64,
}

impl Schedule {
    /// Asks until told to stop. Of several processes over a state folder one asks; another goes on when that ends.
    pub async fn run(
        self,
        jobs: Jobs,
        audit: Arc<dyn ScheduleAudit>,
        mut stop: watch::Receiver<bool>,
    ) {
        let schedule = Arc::new(self);
        loop {
            let (asking, at, audit) = (Arc::clone(&schedule), jobs.clone(), Arc::clone(&audit));
            let asked = tokio::task::spawn_blocking(move || {
                asking.ask(&at, audit.as_ref(), SystemTime::now())
            });
            let begun = match asked.await {
                Ok(Ok(Some(request))) => begin(&jobs, &request).await.map_err(|it| it.to_string()),
                Ok(Ok(None)) => Ok(()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(reason) = begun {
                log("warn", "schedule_failed", &[("reason", json!(reason))]);
            }
            let waiting = stop.wait_for(|stop| *stop);
            if let Ok(Ok(_)) = tokio::time::timeout(schedule.every, waiting).await {
                return;
            }
        }
    }

    /// Asks the triggers, and keeps the task that one wants now, where none of this pipeline is under way. It is to be put
    /// into the queue.
    ///
    /// # Errors
    /// A [`TrainerError`] where the state folder or the audit log cannot be used.
    pub fn ask(
        &self,
        jobs: &Jobs,
        audit: &dyn ScheduleAudit,
        at: SystemTime,
    ) -> Result<Option<TaskRequest>, TrainerError> {
        let state = &jobs.state;
        // Held until the task is there, so that the next process that asks sees it.
        let Some(_held) = state.lock_schema(MEMORY, 1)? else {
            return Ok(None);
        };
        let seconds = |time| since_1970(time).as_secs();
        let of_seconds = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let place = state
            .path()
            .join(format!("{MEMORY}-{}.json", file_part(&self.config.name)));
        let memory = remembered(&place);
        // What was due before there was a schedule is not made up for.
        let asked = memory.map_or(at, |memory| of_seconds(memory.asked));
        let (last, is_under_way) = self.last_training(jobs)?;
        let remembered = Duration::from_millis(memory.map_or(0, |memory| memory.trained_ms));
        let trained = last.max(SystemTime::UNIX_EPOCH + remembered);
        let times = TriggerTimes {
            now: at,
            asked,
            trained,
        };
        let wanted = self.wanted(&times).filter(|_| !is_under_way);
        let request = match wanted {
            Some(cause) => Some(self.request(cause)?),
            None => None,
        };
        if let Some(request) = &request {
            audit.begins(request)?;
            state.create(request)?;
        }
        let begun = request.as_ref().map(|it| it.task_id.time().max(at));
        let trained = begun.unwrap_or(trained);
        let memory = Memory {
            asked: seconds(at),
            trained_ms: since_1970(trained).as_millis() as u64,
        };
        crate::OutputFile::write(&place, &serde_json::to_vec(&memory)?)?;
        Ok(request)
    }

    /// The first reason that a trigger has. One that cannot tell does not keep the others from being asked.
    fn wanted(&self, times: &TriggerTimes) -> Option<String> {
        let mut wanted = None;
        for trigger in &self.triggers {
            match trigger.reason(times) {
                Ok(None) => {}
                Ok(Some(reason)) => {
                    wanted.get_or_insert(format!("{}: {reason}", trigger.name()));
                }
                Err(error) => log(
                    "warn",
                    "trigger_failed",
                    &[
                        ("trigger", json!(trigger.name())),
                        ("reason", json!(in_words(&error))),
                    ],
                ),
            }
        }
        wanted
    }

    fn request(&self, cause: String) -> Result<TaskRequest, TrainerError> {
        Ok(TaskRequest {
            task_id: TaskId::new()?,
            config: self.config.clone(),
            schema: self.schema.clone(),
            created: now(),
            by: MEMORY.to_owned(),
            cause,
            request_id: None,
            traceparent: None,
        })
    }

    /// When the last training of this pipeline was asked for, and whether one is under way.
    fn last_training(&self, jobs: &Jobs) -> Result<(SystemTime, bool), TrainerError> {
        let (mut last, mut is_under_way) = (SystemTime::UNIX_EPOCH, false);
        for task_id in jobs.state.task_ids()? {
            let Ok(task) = jobs.state.task(&task_id) else {
                continue;
            };
            if task.request.config.name != self.config.name {
                continue;
            }
            is_under_way |= task.end.is_none();
            // To the millisecond: a label of the same second is not counted for two trainings.
            last = last.max(task_id.time());
        }
        Ok((last, is_under_way))
    }
}

fn since_1970(time: SystemTime) -> Duration {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default()
}

async fn begin(jobs: &Jobs, request: &TaskRequest) -> Result<(), TrainerError> {
    log(
        "info",
        "training_triggered",
        &[
            ("task_id", json!(request.task_id)),
            ("run_id", json!(request.task_id)),
            ("cause", json!(request.cause)),
        ],
    );
    jobs.enqueue(&request.task_id).await
}

/// What was remembered. A file that cannot be understood is as good as none: the tasks say most of it too.
fn remembered(place: &Path) -> Option<Memory> {
    crate::jobs::read_json(place).unwrap_or_else(|error| {
        let reason = json!(error.to_string());
        log("warn", "schedule_forgotten", &[("reason", reason)]);
        None
    })
}

/// A pipeline's name as part of a file's name.
fn file_part(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '_'
            }
        })
        .take(80)
        .collect()
}

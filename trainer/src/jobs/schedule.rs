//! Asks the triggers, and begins the trainings that they want.

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
use crate::jobs::trigger::{Trigger, TriggerTimes};
use crate::jobs::worker::Jobs;
use crate::pipeline::PipelineConfig;
use picket_telemetry::log;

/// How often the triggers are asked; a minute of the clock must not pass unasked.
const ASK_EVERY: Duration = Duration::from_secs(20);
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
}

/// What is remembered from one time to the next, over restarts too.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Memory {
    /// Seconds since 1970.
    asked: u64,
}

impl Schedule {
    /// Asks until told to stop. Of several processes over a state folder one asks; another goes on when that ends.
    pub async fn run(self, jobs: Jobs, mut stop: watch::Receiver<bool>) {
        let schedule = Arc::new(self);
        loop {
            let (asking, at) = (Arc::clone(&schedule), jobs.clone());
            let asked = tokio::task::spawn_blocking(move || asking.ask(&at, SystemTime::now()));
            match asked.await {
                Ok(Ok(Some(request))) => {
                    log(
                        "info",
                        "training_triggered",
                        &[
                            ("task_id", json!(request.task_id)),
                            ("cause", json!(request.cause)),
                        ],
                    );
                    if let Err(error) = jobs.submit(&request).await {
                        log(
                            "warn",
                            "trigger_failed",
                            &[("reason", json!(error.to_string()))],
                        );
                    }
                }
                Ok(Ok(None)) => {}
                Ok(Err(error)) => {
                    log(
                        "warn",
                        "trigger_failed",
                        &[("reason", json!(error.to_string()))],
                    );
                }
                Err(error) => {
                    log(
                        "error",
                        "trigger_failed",
                        &[("reason", json!(error.to_string()))],
                    );
                }
            }
            let waiting = stop.wait_for(|stop| *stop);
            if let Ok(Ok(_)) = tokio::time::timeout(ASK_EVERY, waiting).await {
                return;
            }
        }
    }

    /// The task that a trigger wants now, where one does and none of this pipeline is under way.
    ///
    /// # Errors
    /// A [`TrainerError`] where the state folder cannot be used, or a trigger fails.
    pub fn ask(&self, jobs: &Jobs, at: SystemTime) -> Result<Option<TaskRequest>, TrainerError> {
        let state = &jobs.state;
        let Some(_held) = state.lock_schema(MEMORY, 1)? else {
            return Ok(None);
        };
        let seconds = |time: SystemTime| {
            let since = time.duration_since(SystemTime::UNIX_EPOCH);
            since.unwrap_or_default().as_secs()
        };
        let of_seconds = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let place = state
            .path()
            .join(format!("{MEMORY}-{}.json", file_part(&self.config.name)));
        let memory: Option<Memory> = crate::jobs::read_json(&place)?;
        // What was due before there was a schedule is not made up for.
        let asked = memory.map_or(at, |memory| of_seconds(memory.asked));
        let (trained, is_under_way) = self.last_training(jobs)?;
        let times = TriggerTimes {
            now: at,
            asked,
            trained,
        };
        let mut wanted = None;
        for trigger in &self.triggers {
            if let Some(reason) = trigger.reason(&times)? {
                wanted.get_or_insert(format!("{}: {reason}", trigger.name()));
            }
        }
        let memory = Memory { asked: seconds(at) };
        crate::OutputFile::write(&place, &serde_json::to_vec(&memory)?)?;
        let Some(cause) = wanted.filter(|_| !is_under_way) else {
            return Ok(None);
        };
        Ok(Some(TaskRequest {
            task_id: TaskId::new()?,
            config: self.config.clone(),
            schema: self.schema.clone(),
            created: now(),
            by: MEMORY.to_owned(),
            cause,
            request_id: None,
            traceparent: None,
        }))
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
            let created = humantime::parse_rfc3339(&task.request.created);
            last = last.max(created.unwrap_or(SystemTime::UNIX_EPOCH));
        }
        Ok((last, is_under_way))
    }
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

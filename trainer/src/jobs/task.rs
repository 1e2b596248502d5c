//! A task: what was asked for, how far it is, how it ended.

use picket_schema::FeatureSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::jobs::TaskId;
use crate::pipeline::{MetricRecord, OutcomeRecord, PipelineConfig};

/// What was asked for. It never changes.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct TaskRequest {
    /// The task, and the run that it makes.
    pub task_id: TaskId,
    /// The pipeline. Where runs are kept is not said here: the state folder may lie elsewhere on another machine.
    pub config: PipelineConfig,
    /// What a row holds.
    pub schema: FeatureSchema,
    /// When it was asked for, as RFC 3339.
    pub created: String,
    /// Who asked: a token's name, or the schedule.
    pub by: String,
    /// Why: `request`, or which trigger fired.
    pub cause: String,
    /// The request that asked.
    #[serde(default)]
    pub request_id: Option<String>,
    /// Where in a trace the training is told, as a W3C `traceparent`.
    #[serde(default)]
    pub traceparent: Option<String>,
}

/// The states of a task, by the names that Celery gives them; only `CANCELLED` is called `REVOKED` there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum TaskStatus {
    /// Nobody has begun.
    Pending,
    /// A worker is at it, or was when it was killed: then another goes on.
    Started,
    /// There is a model.
    Success,
    /// There is none, and a reason.
    Failure,
    /// Somebody asked to stop it.
    Cancelled,
}

impl TaskStatus {
    /// Whether nothing more happens.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(self, Self::Success | Self::Failure | Self::Cancelled)
    }

    /// As in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Started => "STARTED",
            Self::Success => "SUCCESS",
            Self::Failure => "FAILURE",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// The best candidate of a search so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BestSoFar {
    /// The candidate's number.
    pub candidate_idx: u64,
    /// The kind of model.
    pub model: String,
    /// What candidates are compared by.
    pub metric: String,
    /// The mean over the folds.
    pub mean: f64,
}

/// How far a task is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskProgress {
    /// The stage of the pipeline.
    pub stage: String,
    /// How much of the stage is done, from 0 to 100, where its steps can be counted.
    pub percent: Option<f64>,
    /// Seconds that the stage still takes, if it goes on like this.
    pub eta_s: Option<f64>,
    /// The best candidate so far.
    pub best: Option<BestSoFar>,
    /// When this was written.
    pub updated: String,
}

/// Who is at it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskStart {
    /// The worker.
    pub worker: String,
    /// The first start, as RFC 3339.
    pub started: String,
    /// How often it was begun: more than once where a worker was killed.
    pub attempt: u32,
}

/// What a training came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskResult {
    /// The run.
    pub run_id: String,
    /// The model's digest.
    pub model_digest: Option<String>,
    /// The kind of model that won.
    pub algorithm: Option<String>,
    /// The metrics on the test rows.
    pub metrics: Vec<MetricRecord>,
    /// Whether the model may replace the champion, and why.
    pub outcome: Option<OutcomeRecord>,
}

/// How a task ended. It is written once, whoever finished it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskEnd {
    /// How.
    pub status: TaskStatus,
    /// What it came to, where it succeeded.
    #[serde(default)]
    pub result: Option<TaskResult>,
    /// Why not, in words.
    #[serde(default)]
    pub reason: Option<String>,
    /// When, as RFC 3339.
    pub finished: String,
}

/// All that is known of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// What was asked for.
    pub request: TaskRequest,
    /// Who is at it.
    pub start: Option<TaskStart>,
    /// How far it is.
    pub progress: Option<TaskProgress>,
    /// How it ended.
    pub end: Option<TaskEnd>,
    /// Whether somebody asked to stop it.
    pub is_cancelled: bool,
}

impl Task {
    /// Its state.
    #[must_use]
    pub fn status(&self) -> TaskStatus {
        match (&self.end, &self.start) {
            (Some(end), _) => end.status,
            (None, Some(_)) => TaskStatus::Started,
            (None, None) => TaskStatus::Pending,
        }
    }
}

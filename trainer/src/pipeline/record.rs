//! What a run leaves behind about itself: who, when, from what, and how it ended.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::TrainerError;
use crate::output_file::OutputFile;

/// The file in a run's folder.
pub const RECORD_FILE: &str = "run.json";

/// How far a run or a stage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// At work, or killed at work.
    Running,
    /// Done.
    Finished,
    /// Stopped by its user; it can be resumed.
    Interrupted,
    /// Ended with an error.
    Failed,
}

/// One stage of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageRecord {
    /// The stage's name, which is its folder's.
    pub name: String,
    /// How far it is.
    pub state: RunState,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// A metric with its 95 % interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricRecord {
    /// The metric.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

/// What became of the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeRecord {
    /// Whether it may replace the champion.
    pub accepted: bool,
    /// `accept`, `reject` or `not-enough-evidence`.
    pub verdict: String,
    /// Why, in words.
    pub reason: String,
}

/// A run. Clock, host and user stand here and nowhere in the artifact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The folder's name.
    pub run_id: String,
    /// The pipeline's name.
    pub name: String,
    /// How far it is.
    pub state: RunState,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The seed of every random choice.
    pub seed: u64,
    /// The trainer's version.
    pub code_version: String,
    /// The digest of the feature schema.
    #[serde(default)]
    pub schema_digest: Option<String>,
    /// The digest of the labelled rows.
    #[serde(default)]
    pub data_digest: Option<String>,
    /// The artifact's digest.
    #[serde(default)]
    pub model_digest: Option<String>,
    /// The kind of model that won.
    #[serde(default)]
    pub algorithm: Option<String>,
    /// When it began, as RFC 3339.
    pub started: String,
    /// When it ended.
    #[serde(default)]
    pub finished: Option<String>,
    /// Who began it.
    pub user: String,
    /// Where.
    pub host: String,
    /// The stages, in their order.
    pub stages: Vec<StageRecord>,
    /// The metrics on the test rows.
    #[serde(default)]
    pub metrics: Vec<MetricRecord>,
    /// What became of the model.
    #[serde(default)]
    pub outcome: Option<OutcomeRecord>,
}

impl RunRecord {
    /// Reads the record of a run's folder.
    ///
    /// # Errors
    /// [`TrainerError::Read`] where there is none, [`TrainerError::RunFolder`] where it is none.
    pub fn read(folder: &Path) -> Result<Self, TrainerError> {
        let place = folder.join(RECORD_FILE);
        let bytes = std::fs::read(&place).map_err(|source| TrainerError::Read {
            file: place.display().to_string(),
            source,
        })?;
        serde_json::from_slice(&bytes).map_err(|error| TrainerError::RunFolder {
            folder: place.display().to_string(),
            found: error.to_string(),
            expected: "the record of a run".to_owned(),
        })
    }

    /// Writes the record.
    ///
    /// # Errors
    /// [`TrainerError::Write`] where the system refuses.
    pub fn write(&self, folder: &Path) -> Result<(), TrainerError> {
        let text = serde_json::to_string_pretty(self)?;
        OutputFile::write(&folder.join(RECORD_FILE), text.as_bytes())
    }
}

//! The record of a run: everything to send, and what the server has acknowledged.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::TrainerError;
use crate::output_file::OutputFile;
use crate::track::error::TrackError;

/// No honest record is larger.
const MAX_RECORD_BYTES: u64 = 64 << 20;

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// To its end.
    #[default]
    Finished,
    /// Before it.
    Failed,
}

/// A number of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoggedMetric {
    /// Such as `fold/f1`.
    pub key: String,
    /// Its value.
    pub value: f64,
    /// When it was measured, in milliseconds since 1970. It must not change between two attempts to
    /// send: the server takes a metric with the same key, step, time and value for the same one.
    pub timestamp_ms: u64,
    /// Its step: the number of the fold, or 0.
    pub step: i64,
}

/// A data set that a run read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DatasetInput {
    /// Its name.
    pub name: String,
    /// Its digest; MLflow keeps 36 characters of it.
    pub digest: String,
    /// The kind of source, such as `local` or `mongodb`.
    pub source_type: String,
    /// Where it came from, without credentials.
    pub source: String,
    /// Its columns, as JSON text.
    pub schema: String,
    /// Its numbers of rows, as JSON text.
    pub profile: String,
    /// What it was used for: `training`, `evaluation`, `reference`.
    pub context: String,
}

/// A file of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ArtifactFile {
    /// Where it lies, relative to the run's directory, with slashes.
    pub path: String,
    /// Where it goes among the artifacts of the server's run, with slashes.
    pub name: String,
}

/// A version to add to the model registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Registration {
    /// The registered model's name.
    pub model: String,
    /// The folder or file among the run's artifacts.
    pub artifact: String,
    /// What is new in it.
    pub description: String,
    /// Names that point to this version from now on: `champion`, `challenger`.
    pub aliases: Vec<String>,
}

/// What the server has acknowledged: how many of each, in their order. A new run starts with none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Acknowledged {
    /// The server's address. Another server has acknowledged nothing.
    pub server: String,
    /// The server's id of the experiment.
    pub experiment_id: Option<String>,
    /// The server's id of the run.
    pub run_id: Option<String>,
    /// Where the server's run keeps its artifacts.
    pub artifact_uri: Option<String>,
    /// Parameters.
    pub n_params: usize,
    /// Metrics.
    pub n_metrics: usize,
    /// Tags.
    pub n_tags: usize,
    /// Data sets.
    pub n_datasets: usize,
    /// Files.
    pub n_artifacts: usize,
    /// The version in the model registry.
    pub model_version: Option<String>,
    /// Names that point to the version.
    pub n_aliases: usize,
    /// Whether the run's end is known.
    pub is_ended: bool,
}

/// A run as a tracking server is told of it.
///
/// Parameters, metrics, tags, data sets and artifacts may be added until the server has the end of the
/// run; what is there must not be changed or reordered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrackedRun {
    /// Our id of the run: a tag by which the server's run is found again.
    pub run_id: String,
    /// The experiment's name.
    pub experiment: String,
    /// The run's name.
    pub name: String,
    /// When it started, in milliseconds since 1970.
    pub started_ms: u64,
    /// When it ended, in milliseconds since 1970.
    pub ended_ms: u64,
    /// How it ended.
    pub status: RunStatus,
    /// Parameters. Values of more than 500 characters are shortened.
    pub params: Vec<(String, String)>,
    /// Metrics. Those that are not finite are left out.
    pub metrics: Vec<LoggedMetric>,
    /// Tags.
    pub tags: Vec<(String, String)>,
    /// Data sets.
    pub datasets: Vec<DatasetInput>,
    /// Files.
    pub artifacts: Vec<ArtifactFile>,
    /// A version for the model registry.
    pub registration: Option<Registration>,
    /// What the server has.
    pub acknowledged: Acknowledged,
}

impl TrackedRun {
    /// Reads a record.
    ///
    /// # Errors
    /// [`TrainerError::Read`] where there is none, [`TrackError::Record`] where it is none.
    pub fn read(place: &Path) -> Result<Self, TrainerError> {
        let file = place.display().to_string();
        let wrong = |source| TrainerError::Read {
            file: file.clone(),
            source,
        };
        let n_bytes = fs::metadata(place).map_err(wrong)?.len();
        if n_bytes > MAX_RECORD_BYTES {
            let found = format!("{n_bytes} bytes, at most {MAX_RECORD_BYTES} are expected");
            return Err(TrackError::Record { file, found }.into());
        }
        let bytes = fs::read(place).map_err(wrong)?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let found = error.to_string();
            TrackError::Record { file, found }.into()
        })
    }

    /// Writes the record.
    ///
    /// # Errors
    /// [`TrainerError::Write`] where the system refuses.
    pub fn write(&self, place: &Path) -> Result<(), TrainerError> {
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder).map_err(|source| TrainerError::Write {
                file: folder.to_owned(),
                source,
            })?;
        }
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        OutputFile::write(place, &bytes)
    }

    /// Whether a server has all of it.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        let has = &self.acknowledged;
        has.is_ended
            && has.n_params == self.params.len()
            && has.n_metrics == self.metrics.len()
            && has.n_tags == self.tags.len()
            && has.n_datasets == self.datasets.len()
            && has.n_artifacts == self.artifacts.len()
            && self.registration.as_ref().is_none_or(|registration| {
                has.model_version.is_some() && has.n_aliases == registration.aliases.len()
            })
    }

    /// Adds a metric, unless it is not finite: servers keep no such numbers.
    pub fn add_metric(&mut self, key: &str, value: f64, timestamp_ms: u64, step: i64) {
        if value.is_finite() {
            self.metrics.push(LoggedMetric {
                key: key.to_owned(),
                value,
                timestamp_ms,
                step,
            });
        }
    }
}

//! A run's record, as much of it as listing and comparing need.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::TrainerError;
use crate::runs::RECORD_FILE;

/// No honest record is larger.
const MAX_RECORD_BYTES: u64 = 16 << 20;

/// A measured number with its 95 % interval.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Measured {
    /// Such as `f1`.
    pub name: String,
    /// The value.
    pub value: f64,
    /// The interval's lower bound.
    pub low: f64,
    /// The interval's upper bound.
    pub high: f64,
}

/// A stage of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StageRecord {
    /// Its name.
    pub name: String,
    /// How far it is.
    pub state: String,
    /// How long it took.
    pub seconds: f64,
}

/// What was decided about a run's model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// Whether it may replace the champion.
    pub accepted: bool,
    /// The decision as a word, such as `not-enough-evidence`.
    pub verdict: String,
    /// The reason in words.
    pub reason: String,
}

impl Outcome {
    /// The decision in words.
    #[must_use]
    pub fn in_words(&self) -> String {
        match (self.verdict.as_str(), self.accepted) {
            ("accept", _) | ("", true) => "accepted".to_owned(),
            ("reject", _) | ("", false) => "rejected".to_owned(),
            (other, _) => other.replace('-', " "),
        }
    }
}

/// A run's record. What is not there is empty: a run that was stopped has less.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunRecord {
    /// The run's id.
    pub run_id: String,
    /// The run's name.
    pub name: String,
    /// How far it is.
    pub state: String,
    /// The seed of every random choice.
    pub seed: u64,
    /// The version of the code.
    pub code_version: String,
    /// The digest of the feature schema.
    pub schema_digest: Option<String>,
    /// The digest of the rows.
    pub data_digest: Option<String>,
    /// When it started.
    pub started: Option<String>,
    /// When it ended.
    pub finished: Option<String>,
    /// Its stages.
    pub stages: Vec<StageRecord>,
    /// The digest of its model.
    pub model_digest: Option<String>,
    /// What was measured.
    pub metrics: Vec<Measured>,
    /// What was decided.
    pub outcome: Option<Outcome>,
    /// Who ran it.
    pub user: Option<String>,
    /// Where.
    pub host: Option<String>,
}

/// A run: its directory and its record.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// The directory.
    pub dir: PathBuf,
    /// The record.
    #[serde(flatten)]
    pub record: RunRecord,
}

impl Run {
    /// Reads the run in a directory.
    ///
    /// # Errors
    /// [`TrainerError::Read`] where there is no record, [`TrainerError::RunRecord`] where it is none.
    pub fn read(dir: &Path) -> Result<Self, TrainerError> {
        let place = dir.join(RECORD_FILE);
        let file = place.display().to_string();
        let wrong = |source| TrainerError::Read {
            file: file.clone(),
            source,
        };
        let n_bytes = fs::metadata(&place).map_err(wrong)?.len();
        if n_bytes > MAX_RECORD_BYTES {
            return Err(TrainerError::RunRecord {
                file,
                found: format!("{n_bytes} bytes, at most {MAX_RECORD_BYTES} are expected"),
            });
        }
        let bytes = fs::read(&place).map_err(wrong)?;
        let record = serde_json::from_slice(&bytes).map_err(|error| TrainerError::RunRecord {
            file: file.clone(),
            found: error.to_string(),
        })?;
        Ok(Self {
            dir: dir.to_owned(),
            record,
        })
    }

    /// The runs in a folder, by the names of their directories. Folders without a record are none.
    ///
    /// # Errors
    /// [`TrainerError::Read`] where the folder cannot be read.
    pub fn all(folder: &Path) -> Result<Vec<Result<Self, TrainerError>>, TrainerError> {
        let wrong = |source| TrainerError::Read {
            file: folder.display().to_string(),
            source,
        };
        let mut dirs = Vec::new();
        for entry in fs::read_dir(folder).map_err(wrong)? {
            let dir = entry.map_err(wrong)?.path();
            if dir.join(RECORD_FILE).is_file() {
                dirs.push(dir);
            }
        }
        dirs.sort();
        Ok(dirs.iter().map(|dir| Self::read(dir)).collect())
    }
}

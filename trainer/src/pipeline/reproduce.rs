//! Fits the model of a run again and compares the bytes.

use std::path::Path;

use picket_schema::artifact::Artifact;

use crate::error::TrainerError;
use crate::pipeline::choice::Choice;
use crate::pipeline::dataset_file::{self, DATASET_FILE};
use crate::pipeline::learn_stages::train_options;
use crate::pipeline::record::RunRecord;
use crate::pipeline::run::settings_of;
use crate::progress::Reporter;
use crate::training::train;

/// A model that was fitted again, to the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reproduced {
    /// The run.
    pub run_id: String,
    /// The digest of both.
    pub digest: String,
}

/// Fits the choice of a run again to the rows of the run.
///
/// # Errors
/// A [`TrainerError`] where the run's files are not whole, and [`TrainerError::NotReproduced`] where the refit
/// gives other bytes.
pub fn reproduce(folder: &Path, reporter: Reporter) -> Result<Reproduced, TrainerError> {
    let record = RunRecord::read(folder)?;
    let (config, schema) = settings_of(folder)?;
    let data = dataset_file::read(&schema, &folder.join("ingest").join(DATASET_FILE))?;
    let place = folder.join("search/choice.json");
    let text = std::fs::read(&place).map_err(|source| TrainerError::Read {
        file: place.display().to_string(),
        source,
    })?;
    let choice: Choice = serde_json::from_slice(&text)?;
    let trained = train(&data, &train_options(&config, &choice)?, reporter)?;
    let found = Artifact::digest(&trained.bytes).to_string();
    let expected = record.model_digest.unwrap_or_default();
    if found != expected {
        return Err(TrainerError::NotReproduced { found, expected });
    }
    Ok(Reproduced {
        run_id: record.run_id,
        digest: found,
    })
}

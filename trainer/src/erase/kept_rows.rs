//! Models that keep training rows: nobody's name stands in them, but a row may equal one that was recorded.

use std::path::Path;

use picket_schema::artifact::{ModelTable, Step, Transform};
use picket_schema::limits::MAX_ARTIFACT_BYTES;
use picket_schema::{Artifact, ArtifactDigest};
use serde::Serialize;

use crate::error::TrainerError;
use crate::publish::{ReleaseStore, Releases};
use crate::runs::Run;

use super::subject_rows::SubjectRows;

/// Where a model lies that keeps training rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// In a release.
    Release(u64),
    /// In a run's folder, by its file.
    Run(String),
}

/// A model that keeps training rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeepsRows {
    /// Where it lies.
    #[serde(flatten)]
    pub place: Kept,
    /// The artifact's digest.
    pub artifact: String,
    /// What keeps them.
    pub what: &'static str,
    /// How many of the rows equal one that was recorded of the subject; `None` where none was recorded with its
    /// features, so that nothing could be compared.
    pub n_equal: Option<u64>,
}

impl KeepsRows {
    fn of(bytes: &[u8], place: Kept, subject: &SubjectRows) -> Result<Option<Self>, TrainerError> {
        let artifact = Artifact::decode(bytes)?;
        Ok(keeps_rows(&artifact).map(|what| Self {
            place,
            artifact: ArtifactDigest::of(bytes).to_string(),
            what,
            n_equal: (!subject.is_empty()).then(|| subject.n_equal(&artifact)),
        }))
    }
}

/// What of a model keeps training rows, where something does. Trees, linear models and histograms keep counts and
/// thresholds, no rows.
#[must_use]
pub fn keeps_rows(artifact: &Artifact<'_>) -> Option<&'static str> {
    let of_table = |table: &ModelTable<'_>| match table {
        ModelTable::Neighbours(_) => Some("nearest neighbours"),
        ModelTable::Kernel(_) => Some("support vectors"),
        ModelTable::Trees(_) | ModelTable::Linear(_) | ModelTable::Blend(_) => None,
    };
    let of_model = match &artifact.model {
        ModelTable::Blend(blend) => blend.members.iter().find_map(|it| of_table(&it.model)),
        table => of_table(table),
    };
    of_model.or_else(|| imputes_by_neighbours(artifact).then_some("imputation by neighbours"))
}

fn imputes_by_neighbours(artifact: &Artifact<'_>) -> bool {
    let Transform(steps) = &artifact.transform;
    steps.iter().any(|it| matches!(it, Step::Neighbours(_)))
}

/// The releases of a store whose models keep training rows, held against the rows of a subject.
///
/// # Errors
/// What the store says, and [`TrainerError::Artifact`] for a damaged artifact.
pub fn models_with_rows(
    store: &dyn ReleaseStore,
    subject: &SubjectRows,
) -> Result<Vec<KeepsRows>, TrainerError> {
    let mut found = Vec::new();
    for listed in Releases::new(store).list()? {
        let release = listed.manifest.release;
        for file in ["model.picket", "challenger.picket"] {
            let name = format!("releases/{release}/{file}");
            if let Some((bytes, _)) = store.read(&name, MAX_ARTIFACT_BYTES as u64)? {
                found.extend(KeepsRows::of(&bytes, Kept::Release(release), subject)?);
            }
        }
    }
    Ok(found)
}

/// The runs of a folder whose models keep training rows, held against the rows of a subject: the model that was
/// shipped and the one that was measured.
///
/// # Errors
/// [`TrainerError::Read`] where the folder or a model cannot be read, and [`TrainerError::Artifact`] for a damaged one.
pub fn runs_with_rows(
    folder: &Path,
    subject: &SubjectRows,
) -> Result<Vec<KeepsRows>, TrainerError> {
    let mut found = Vec::new();
    for run in Run::all(folder)? {
        let run = run?;
        for file in ["model/model.picket", "model/measured.picket"] {
            let place = run.dir.join(file);
            let shown = place.display().to_string();
            let bytes = match std::fs::read(&place) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(source) => {
                    return Err(TrainerError::Read {
                        file: shown,
                        source,
                    });
                }
            };
            found.extend(KeepsRows::of(&bytes, Kept::Run(shown), subject)?);
        }
    }
    Ok(found)
}

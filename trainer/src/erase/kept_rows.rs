//! Models that keep training rows: nobody's name stands in them, and nobody's row can be told from another's.

use picket_schema::Artifact;
use picket_schema::artifact::{ModelTable, Step, Transform};
use picket_schema::limits::MAX_ARTIFACT_BYTES;
use serde::Serialize;

use crate::error::TrainerError;
use crate::publish::{ReleaseStore, Releases};

/// A published model that keeps training rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeepsRows {
    /// The release.
    pub release: u64,
    /// The artifact's digest.
    pub artifact: String,
    /// What keeps them.
    pub what: &'static str,
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

/// The releases of a store whose models keep training rows.
///
/// # Errors
/// What the store says, and [`TrainerError::Artifact`] for a damaged artifact.
pub fn models_with_rows(store: &dyn ReleaseStore) -> Result<Vec<KeepsRows>, TrainerError> {
    let mut found = Vec::new();
    for listed in Releases::new(store).list()? {
        let release = listed.manifest.release;
        let name = format!("releases/{release}/model.picket");
        let Some((bytes, _)) = store.read(&name, MAX_ARTIFACT_BYTES as u64)? else {
            continue;
        };
        if let Some(what) = keeps_rows(&Artifact::decode(&bytes)?) {
            found.push(KeepsRows {
                release,
                artifact: listed.manifest.artifact.digest,
                what,
            });
        }
    }
    Ok(found)
}

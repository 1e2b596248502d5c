//! The rows of a run, kept beside its results: a run that goes on needs no source, and `trainer reproduce`
//! fits to the very rows.

use std::path::Path;

use picket_schema::FeatureSchema;
use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::error::TrainerError;

/// The file's name in the folder of the ingest stage.
pub(crate) const DATASET_FILE: &str = "dataset.msgpack";

#[derive(Serialize, Deserialize)]
struct Content {
    /// Of schema, rows and labels.
    digest: String,
    n_rows: u64,
    /// f32, little-endian, row by row.
    #[serde(with = "serde_bytes")]
    values: Vec<u8>,
    /// A byte a row, 1 for positive.
    #[serde(with = "serde_bytes")]
    labels: Vec<u8>,
}

/// The rows as bytes.
///
/// # Errors
/// [`TrainerError::Write`] where they cannot be encoded.
pub(crate) fn encode(data: &Dataset) -> Result<Vec<u8>, TrainerError> {
    let values = data.features().iter().flat_map(|value| value.to_le_bytes());
    let content = Content {
        digest: data.digest().to_string(),
        n_rows: data.n_rows() as u64,
        values: values.collect(),
        labels: data.labels().iter().map(|label| u8::from(*label)).collect(),
    };
    rmp_serde::to_vec_named(&content).map_err(|error| TrainerError::Write {
        file: DATASET_FILE.into(),
        source: std::io::Error::other(error),
    })
}

/// Reads the rows of a run back.
///
/// # Errors
/// [`TrainerError::Read`] where the file is missing, [`TrainerError::RunFolder`] where it is not what was written.
pub(crate) fn read(schema: &FeatureSchema, place: &Path) -> Result<Dataset, TrainerError> {
    let file = place.display().to_string();
    let bytes = std::fs::read(place).map_err(|source| TrainerError::Read {
        file: file.clone(),
        source,
    })?;
    let broken = |found: String| TrainerError::RunFolder {
        folder: file.clone(),
        found,
        expected: "the rows that this run read, for the same schema".to_owned(),
    };
    let content: Content =
        rmp_serde::from_slice(&bytes).map_err(|error| broken(error.to_string()))?;
    let (values, rest) = content.values.as_chunks();
    if !rest.is_empty() || content.labels.len() as u64 != content.n_rows {
        return Err(broken("tables of the wrong length".to_owned()));
    }
    let values = values
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    let labels = content.labels.iter().map(|label| *label == 1).collect();
    let data = Dataset::new(schema.clone(), values, labels, &file)?;
    let found = data.digest().to_string();
    if found != content.digest {
        return Err(broken(format!(
            "rows with the digest {found}, not {}",
            content.digest
        )));
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{phishing_schema, synthetic_rows};

    #[test]
    fn rows_come_back_as_they_were_and_damage_is_seen() {
        let schema = phishing_schema().unwrap();
        let data = synthetic_rows(&schema, 50, 1).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join(DATASET_FILE);
        let bytes = encode(&data).unwrap();
        std::fs::write(&place, &bytes).unwrap();
        assert_eq!(read(&schema, &place).unwrap().digest(), data.digest());
        let mut damaged = bytes.clone();
        let at = damaged.len() - 60;
        damaged[at] ^= 1;
        for bad in [&damaged[..], &bytes[..bytes.len() / 2], b"rows"] {
            std::fs::write(&place, bad).unwrap();
            assert!(read(&schema, &place).is_err());
        }
    }
}

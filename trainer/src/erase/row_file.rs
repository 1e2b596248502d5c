//! Files of labelled rows, as `trainer ingest` writes them: with the pseudonym of each row's source.

use std::collections::BTreeSet;
use std::io::BufRead as _;
use std::path::Path;

use crate::error::TrainerError;
use crate::ingest::{PARQUET_MAGIC, open_input};

/// The column with the pseudonym.
pub(super) const SOURCE_COLUMN: &str = "source";

/// Takes the rows of subjects out of a file, CSV or Parquet as its first bytes say, and gives their number. The file is
/// replaced as a whole, or left as it is where none is theirs.
///
/// # Errors
/// [`TrainerError::Read`], [`TrainerError::Ingest`] and [`TrainerError::Write`]; [`TrainerError::Usage`] for a file without
/// the column `source`: nobody can be found in it.
pub fn erase_rows(file: &Path, subjects: &BTreeSet<String>) -> Result<u64, TrainerError> {
    let mut input = open_input(file)?;
    let start = input.source.fill_buf();
    let start = start.map_err(|source| TrainerError::Read {
        file: input.name.clone(),
        source,
    })?;
    if start.starts_with(PARQUET_MAGIC) {
        erase_parquet(file, subjects)
    } else {
        super::csv_rows::erase(file, subjects)
    }
}

/// Where the pseudonyms stand in a header: in every column of that name.
///
/// # Errors
/// [`TrainerError::Usage`] where there is none.
pub(super) fn source_columns<'h>(
    file: &Path,
    header: impl Iterator<Item = &'h [u8]>,
) -> Result<Vec<usize>, TrainerError> {
    let named = header
        .enumerate()
        .filter(|(_, name)| *name == SOURCE_COLUMN.as_bytes());
    let columns: Vec<usize> = named.map(|(column_idx, _)| column_idx).collect();
    if columns.is_empty() {
        return Err(wrong_source(
            file,
            "expected a column \"source\" with pseudonyms",
        ));
    }
    Ok(columns)
}

/// A file in which nobody can be found.
pub(super) fn wrong_source(file: &Path, expected: &str) -> TrainerError {
    TrainerError::Usage {
        option: format!("--rows {}", file.display()),
        expected: expected.to_owned(),
    }
}

#[cfg(feature = "parquet")]
fn erase_parquet(file: &Path, subjects: &BTreeSet<String>) -> Result<u64, TrainerError> {
    super::parquet_rows::erase(file, subjects)
}

#[cfg(not(feature = "parquet"))]
fn erase_parquet(file: &Path, _: &BTreeSet<String>) -> Result<u64, TrainerError> {
    let file = file.display().to_string();
    let feature = "parquet";
    Err(crate::ingest::IngestError::NotBuilt { file, feature }.into())
}

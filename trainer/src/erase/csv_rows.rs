//! Rows of a CSV file.

use std::collections::BTreeSet;
use std::path::Path;

use super::row_file::source_columns;
use crate::error::TrainerError;
use crate::output_file::OutputFile;

/// Takes the rows of subjects out of a CSV file, and gives their number.
///
/// # Errors
/// As [`super::erase_rows`].
pub(super) fn erase(file: &Path, subjects: &BTreeSet<String>) -> Result<u64, TrainerError> {
    let wrong = |error: csv::Error| TrainerError::Read {
        file: file.display().to_string(),
        source: match error.into_kind() {
            csv::ErrorKind::Io(source) => source,
            other => std::io::Error::other(format!("{other:?}")),
        },
    };
    let mut reader = csv::Reader::from_path(file).map_err(wrong)?;
    let header = reader.byte_headers().map_err(wrong)?.clone();
    let columns = source_columns(file, header.iter())?;
    let cannot_write = |source: std::io::Error| TrainerError::Write {
        file: file.to_owned(),
        source,
    };
    let mut out = OutputFile::create(file)?;
    let mut n_erased = 0;
    {
        let mut writer = csv::Writer::from_writer(&mut out);
        let failed = |error: csv::Error| cannot_write(std::io::Error::other(error.to_string()));
        writer.write_byte_record(&header).map_err(failed)?;
        for record in reader.byte_records() {
            let record = record.map_err(wrong)?;
            let is_theirs = |column_idx: &usize| {
                let source = record.get(*column_idx);
                let source = source.and_then(|it| std::str::from_utf8(it).ok());
                source.is_some_and(|it| subjects.contains(it))
            };
            if columns.iter().any(is_theirs) {
                n_erased += 1;
            } else {
                writer.write_byte_record(&record).map_err(failed)?;
            }
        }
        writer.flush().map_err(cannot_write)?;
    }
    if n_erased > 0 {
        out.commit()?;
    }
    Ok(n_erased)
}

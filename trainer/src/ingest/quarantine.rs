//! Rows that cannot be used, kept in a file with what is wrong with them.

use std::path::{Path, PathBuf};

use super::error::IngestError;
use super::table::Table;
use crate::error::TrainerError;
use crate::output_file::OutputFile;

/// The columns in front of a row's own.
const ADDED: [&str; 4] = ["_source", "_row", "_line", "_reasons"];

/// A CSV file of refused rows: where each stood, why it was refused, and its fields as they stood.
///
/// Once mended it can be read as data: ingest ignores columns that the schema does not know. Columns are
/// those of the first table; what another table has besides stands in a last column, as
/// `name=value`. The file appears only where a row was refused.
#[derive(Debug)]
pub struct Quarantine {
    place: PathBuf,
    file: Option<QuarantineFile>,
    n_rows: u64,
}

#[derive(Debug)]
struct QuarantineFile {
    writer: csv::Writer<OutputFile>,
    columns: Vec<String>,
}

impl Quarantine {
    /// The name of the last column.
    const REST: &str = "_rest";

    /// A quarantine that will stand at `place`.
    #[must_use]
    pub fn new(place: &Path) -> Self {
        Self {
            place: place.to_owned(),
            file: None,
            n_rows: 0,
        }
    }

    /// How many rows were taken.
    #[must_use]
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// Takes the current row of `table`.
    ///
    /// # Errors
    /// [`TrainerError::Write`] where the file cannot be written.
    pub fn take(&mut self, table: &dyn Table, reasons: &[IngestError]) -> Result<(), TrainerError> {
        let wrong = |place: &Path, error: csv::Error| TrainerError::Write {
            file: place.to_owned(),
            source: std::io::Error::other(error),
        };
        if self.file.is_none() {
            let mut writer = csv::Writer::from_writer(OutputFile::create(&self.place)?);
            let columns = table.columns().to_vec();
            let header = ADDED
                .iter()
                .copied()
                .chain(
                    columns
                        .iter()
                        .map(|name| name.trim_start_matches('\u{feff}')),
                )
                .chain([Self::REST]);
            writer
                .write_record(header)
                .map_err(|error| wrong(&self.place, error))?;
            self.file = Some(QuarantineFile { writer, columns });
        }
        let Some(QuarantineFile { writer, columns }) = &mut self.file else {
            return Ok(());
        };
        let place = table.place();
        let reasons: Vec<String> = reasons.iter().map(IngestError::reason).collect();
        let mut record = vec![
            table.name().to_owned(),
            place.row.to_string(),
            place
                .line
                .map(|line| line.to_string())
                .or(place.id)
                .unwrap_or_default(),
            reasons.join("; "),
        ];
        let n_own = ADDED.len();
        record.resize(n_own + columns.len(), String::new());
        let mut rest = Vec::new();
        for column_idx in 0..table.n_cells() {
            let name = table.columns().get(column_idx);
            let text = table.cell(column_idx).text();
            // Usually the same columns in the same order.
            let own = match name {
                Some(name) if columns.get(column_idx) == Some(name) => Some(column_idx),
                Some(name) => columns.iter().position(|column| column == name),
                None => None,
            };
            match own {
                Some(column_idx) => record[n_own + column_idx] = text.into_owned(),
                None => rest.push(format!("{}={text}", name.map_or("", String::as_str))),
            }
        }
        record.push(rest.join("; "));
        writer
            .write_record(&record)
            .map_err(|error| wrong(&self.place, error))?;
        self.n_rows += 1;
        Ok(())
    }

    /// Puts the file in its place, where there is one, and says how many rows it holds.
    ///
    /// # Errors
    /// [`TrainerError::Write`] where the file cannot be written.
    pub fn commit(self) -> Result<u64, TrainerError> {
        if let Some(QuarantineFile { writer, .. }) = self.file {
            let file = writer.into_inner().map_err(|error| TrainerError::Write {
                file: self.place,
                source: error.into_error(),
            })?;
            file.commit()?;
        }
        Ok(self.n_rows)
    }
}

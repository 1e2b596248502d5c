//! Reads rows from CSV, one at a time, by the names in the header.

use std::io::Read;

use csv::{ByteRecord, ReaderBuilder};
use picket_schema::{ColumnMap, Feature, FeatureSchema};

use crate::ingest_error::IngestError;
use crate::line_counter::{CountedLines, LineCounter};

/// Reads the rows of a CSV file in constant memory.
///
/// A quoted header, a byte-order mark, CRLF line ends, columns in another order and columns that
/// the schema does not know are all fine.
#[derive(Debug)]
pub struct RowReader<'s, R> {
    reader: csv::Reader<CountedLines<R>>,
    lines: LineCounter,
    file: String,
    schema: &'s FeatureSchema,
    header: ByteRecord,
    columns: ColumnMap,
    record: ByteRecord,
    row: u64,
}

impl<'s, R: Read> RowReader<'s, R> {
    /// Reads the header. `file` names the source in error messages.
    ///
    /// # Errors
    /// An [`IngestError`] for an empty file or a header that does not fit the schema.
    pub fn new(source: R, file: &str, schema: &'s FeatureSchema) -> Result<Self, IngestError> {
        // Flexible: a row of the wrong length gets this project's message, not the csv crate's.
        let lines = LineCounter::default();
        let mut reader = ReaderBuilder::new()
            .flexible(true)
            .from_reader(lines.count(source));
        let header = reader
            .byte_headers()
            .map_err(|error| read_error(file, error))?
            .clone();
        if header.is_empty() || header.iter().all(<[u8]>::is_empty) {
            return Err(IngestError::Empty {
                file: file.to_owned(),
            });
        }
        let names: Vec<String> = header
            .iter()
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect();
        let columns = ColumnMap::from_header(schema, &names).map_err(|error| {
            let other = [';', '\t', '|']
                .into_iter()
                .find(|found| names[0].contains(*found));
            match other {
                Some(found) if names.len() == 1 => IngestError::Delimiter {
                    file: file.to_owned(),
                    found,
                },
                _ => IngestError::Header {
                    file: file.to_owned(),
                    schema: schema.name.clone(),
                    error,
                },
            }
        })?;
        let (file, record) = (file.to_owned(), ByteRecord::new());
        Ok(Self {
            reader,
            lines,
            file,
            schema,
            header,
            columns,
            record,
            row: 0,
        })
    }

    /// The header's fields as they stand in the file.
    #[must_use]
    pub fn header(&self) -> &ByteRecord {
        &self.header
    }

    /// The fields of the row read last, as they stand in the file.
    #[must_use]
    pub fn record(&self) -> &ByteRecord {
        &self.record
    }

    /// How many rows were read.
    #[must_use]
    pub fn n_rows(&self) -> u64 {
        self.row
    }

    /// Reads the next row into `features`, which then has shape `(n_features,)`. Returns whether
    /// there was one.
    ///
    /// # Errors
    /// An [`IngestError`] with the row, line and column of the first field that is wrong.
    pub fn read(&mut self, features: &mut Vec<f32>) -> Result<bool, IngestError> {
        self.lines.pass(self.record_end());
        let is_row = self
            .reader
            .read_byte_record(&mut self.record)
            .map_err(|error| read_error(&self.file, error))?;
        if !is_row {
            return Ok(false);
        }
        self.row += 1;
        let (found, expected) = (self.record.len(), self.header.len());
        if found != expected {
            let (row, line) = (self.row, self.line());
            return Err(IngestError::FieldCount {
                file: self.file.clone(),
                row,
                line,
                found,
                expected,
            });
        }
        features.clear();
        for (feature, column_idx) in self.schema.features.iter().zip(&self.columns.features) {
            features.push(self.field(feature, *column_idx)?);
        }
        Ok(true)
    }

    /// Whether the row read last is of the positive class.
    ///
    /// # Errors
    /// [`IngestError::NoLabel`] where the file has no label column, else as [`RowReader::read`].
    pub fn label(&self) -> Result<bool, IngestError> {
        let label = &self.schema.label;
        let Some(column_idx) = self.columns.label else {
            return Err(IngestError::NoLabel {
                file: self.file.clone(),
                column: label.name.clone(),
            });
        };
        let text = self.text(column_idx, &label.name, || label.in_words())?;
        label
            .is_positive(text)
            .map_err(|error| self.field_error(error))
    }

    fn field(&self, feature: &Feature, column_idx: usize) -> Result<f32, IngestError> {
        let text = self.text(column_idx, &feature.name, || feature.domain.in_words())?;
        feature
            .parse_text(text)
            .map_err(|error| self.field_error(error))
    }

    fn text(
        &self,
        column_idx: usize,
        column: &str,
        expected: impl Fn() -> String,
    ) -> Result<&str, IngestError> {
        std::str::from_utf8(&self.record[column_idx]).map_err(|_| IngestError::NotUtf8 {
            file: self.file.clone(),
            row: self.row,
            line: self.line(),
            column: column.to_owned(),
            expected: expected(),
        })
    }

    fn field_error(&self, error: picket_schema::FieldError) -> IngestError {
        IngestError::Field {
            file: self.file.clone(),
            row: self.row,
            line: self.line(),
            error,
        }
    }

    /// The offset of the last byte of the row read last: of its line end, or of the CR of a CRLF.
    fn record_end(&self) -> u64 {
        self.reader.position().byte().saturating_sub(1)
    }

    /// The line on which the row read last starts, counted from 1.
    fn line(&self) -> u64 {
        let inside = self.record.as_slice().iter().filter(|byte| **byte == b'\n');
        self.lines.line_at(self.record_end()) - inside.count() as u64
    }
}

fn read_error(file: &str, error: csv::Error) -> IngestError {
    let source = match error.into_kind() {
        csv::ErrorKind::Io(source) => source,
        other => std::io::Error::other(format!("{other:?}")),
    };
    IngestError::Read {
        file: file.to_owned(),
        source,
    }
}

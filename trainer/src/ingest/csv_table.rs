//! Rows of text separated by commas, tabs or another character.

use std::io::Read;

use csv::{ByteRecord, ReaderBuilder};

use super::cell::Cell;
use super::error::IngestError;
use super::line_counter::{CountedLines, LineCounter};
use super::row_place::RowPlace;
use super::table::Table;

/// Delimiters that a header is searched for where it makes no sense.
const KNOWN_DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

/// A CSV file, read in constant memory.
///
/// A quoted header, a byte-order mark, CRLF line ends and blank lines are all fine.
#[derive(Debug)]
pub struct CsvTable<R> {
    reader: csv::Reader<CountedLines<R>>,
    lines: LineCounter,
    file: String,
    delimiter: u8,
    header: ByteRecord,
    columns: Vec<String>,
    record: ByteRecord,
    row: u64,
}

impl<R: Read> CsvTable<R> {
    /// Reads the header. `file` names the source in error messages.
    ///
    /// # Errors
    /// [`IngestError::Empty`] without a header, [`IngestError::Read`] where the source fails.
    pub fn new(source: R, file: &str, delimiter: u8) -> Result<Self, IngestError> {
        // Flexible: a row of the wrong length gets this project's message, not the csv crate's.
        let lines = LineCounter::default();
        let mut reader = ReaderBuilder::new()
            .flexible(true)
            .delimiter(delimiter)
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
        let columns = header
            .iter()
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect();
        Ok(Self {
            reader,
            lines,
            file: file.to_owned(),
            delimiter,
            header,
            columns,
            record: ByteRecord::new(),
            row: 0,
        })
    }

    /// The header's fields as they stand in the file.
    #[must_use]
    pub fn header(&self) -> &ByteRecord {
        &self.header
    }

    /// The fields of the current row, as they stand in the file.
    #[must_use]
    pub fn record(&self) -> &ByteRecord {
        &self.record
    }

    /// The offset of the last byte of the current row: of its line end, or of the CR of a CRLF.
    fn record_end(&self) -> u64 {
        self.reader.position().byte().saturating_sub(1)
    }

    /// The line on which the current row starts, counted from 1.
    fn line(&self) -> u64 {
        let inside = self.record.as_slice().iter().filter(|byte| **byte == b'\n');
        self.lines.line_at(self.record_end()) - inside.count() as u64
    }
}

impl<R: Read> Table for CsvTable<R> {
    fn name(&self) -> &str {
        &self.file
    }

    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn advance(&mut self) -> Result<bool, IngestError> {
        self.lines.pass(self.record_end());
        let is_row = self
            .reader
            .read_byte_record(&mut self.record)
            .map_err(|error| read_error(&self.file, error))?;
        self.row += u64::from(is_row);
        Ok(is_row)
    }

    fn place(&self) -> RowPlace {
        RowPlace {
            row: self.row,
            line: Some(self.line()),
            id: None,
        }
    }

    fn n_cells(&self) -> usize {
        self.record.len()
    }

    fn cell(&self, column_idx: usize) -> Cell<'_> {
        std::str::from_utf8(&self.record[column_idx]).map_or(Cell::NotText, Cell::Text)
    }

    fn n_bytes_read(&self) -> u64 {
        self.reader.position().byte()
    }

    fn other_delimiter(&self) -> Option<(char, char)> {
        let expected = char::from(self.delimiter);
        let [only] = self.columns.as_slice() else {
            return None;
        };
        KNOWN_DELIMITERS
            .into_iter()
            .find(|found| *found != expected && only.contains(*found))
            .map(|found| (found, expected))
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

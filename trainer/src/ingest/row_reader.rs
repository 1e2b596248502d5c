//! From the fields of a table to the numbers of a row, by the names in the header.

use std::io::Read;

use csv::ByteRecord;
use picket_schema::{ColumnMap, Feature, FeatureSchema, FieldError};

use super::bucket_column::{bucket_of, with_buckets};
use super::cell::Cell;
use super::csv_table::CsvTable;
use super::error::IngestError;
use super::table::Table;

/// Reads the rows of a table in constant memory.
///
/// Columns in another order and columns that the schema does not know are fine.
#[derive(Debug)]
pub struct RowReader<'s, T> {
    table: T,
    schema: &'s FeatureSchema,
    columns: ColumnMap,
    /// Which features stand in the table as buckets. Shape: `(n_features,)`.
    in_buckets: Vec<bool>,
    row: u64,
}

impl<'s, R: Read> RowReader<'s, CsvTable<R>> {
    /// Reads the header of comma-separated text. `file` names the source in error messages.
    ///
    /// # Errors
    /// An [`IngestError`] for an empty file or a header that does not fit the schema.
    pub fn new(source: R, file: &str, schema: &'s FeatureSchema) -> Result<Self, IngestError> {
        Self::of(CsvTable::new(source, file, b',')?, schema)
    }

    /// The header's fields as they stand in the file.
    #[must_use]
    pub fn header(&self) -> &ByteRecord {
        self.table.header()
    }

    /// The fields of the row read last, as they stand in the file.
    #[must_use]
    pub fn record(&self) -> &ByteRecord {
        self.table.record()
    }
}

impl<'s, T: Table> RowReader<'s, T> {
    /// Finds the schema's columns in the table's.
    ///
    /// # Errors
    /// [`IngestError::Header`] or [`IngestError::Delimiter`] where they are not there.
    pub fn of(table: T, schema: &'s FeatureSchema) -> Result<Self, IngestError> {
        let (names, in_buckets) = with_buckets(schema, table.columns());
        let columns = ColumnMap::from_header(schema, &names).map_err(|error| {
            let file = table.name().to_owned();
            match table.other_delimiter() {
                Some((found, expected)) => IngestError::Delimiter {
                    file,
                    found,
                    expected,
                },
                None => IngestError::Header {
                    file,
                    schema: schema.name.clone(),
                    error,
                },
            }
        })?;
        Ok(Self {
            table,
            schema,
            columns,
            in_buckets,
            row: 0,
        })
    }

    /// The table.
    pub fn table(&self) -> &T {
        &self.table
    }

    /// Where the schema's columns stand in the table.
    #[must_use]
    pub fn columns(&self) -> &ColumnMap {
        &self.columns
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
        let mut first = None;
        let is_row = self.read_telling(features, &mut |problem| {
            first.get_or_insert(problem);
            false
        })?;
        first.map_or(Ok(is_row), Err)
    }

    /// As [`RowReader::read`], but tells `problem` each field that is wrong and goes on while it
    /// returns `true`. Where there were any, the row has gaps in it and must not be used.
    ///
    /// # Errors
    /// [`IngestError::Read`] where the source fails: nothing can be read after it.
    pub(crate) fn read_telling(
        &mut self,
        features: &mut Vec<f32>,
        problem: &mut dyn FnMut(IngestError) -> bool,
    ) -> Result<bool, IngestError> {
        if !self.table.advance()? {
            return Ok(false);
        }
        self.row += 1;
        features.clear();
        let (found, expected) = (self.table.n_cells(), self.table.columns().len());
        if found != expected {
            problem(IngestError::FieldCount {
                file: self.table.name().to_owned(),
                place: Box::new(self.table.place()),
                found,
                expected,
            });
            return Ok(true);
        }
        let places = self.columns.features.iter().zip(&self.in_buckets);
        for (feature, (column_idx, in_buckets)) in self.schema.features.iter().zip(places) {
            let cell = self.table.cell(*column_idx);
            let wrong = match cell {
                Cell::NotText => self.not_text(&feature.name, feature.domain.in_words()),
                _ => match value_of(cell, feature, *in_buckets) {
                    Ok(value) => {
                        features.push(value);
                        continue;
                    }
                    Err(error) => self.field_error(error),
                },
            };
            features.push(f32::NAN);
            if !problem(wrong) {
                break;
            }
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
                file: self.table.name().to_owned(),
                column: label.name.clone(),
            });
        };
        let cell = self.table.cell(column_idx);
        if cell == Cell::NotText {
            return Err(self.not_text(&label.name, label.in_words()));
        }
        cell.is_positive(label)
            .map_err(|error| self.field_error(error))
    }

    fn not_text(&self, column: &str, expected: String) -> IngestError {
        IngestError::NotUtf8 {
            file: self.table.name().to_owned(),
            place: Box::new(self.table.place()),
            column: column.to_owned(),
            expected,
        }
    }

    /// The error of a row without a time.
    pub(super) fn no_time(&self, column_idx: usize, expected: &str) -> IngestError {
        self.field_error(FieldError::NotANumber {
            field: self.table.columns()[column_idx].clone(),
            found: self.table.cell(column_idx).text().into_owned(),
            expected: expected.to_owned(),
        })
    }

    fn field_error(&self, error: FieldError) -> IngestError {
        IngestError::Field {
            file: self.table.name().to_owned(),
            place: Box::new(self.table.place()),
            error,
        }
    }
}

fn value_of(cell: Cell<'_>, feature: &Feature, in_buckets: bool) -> Result<f32, FieldError> {
    if in_buckets {
        bucket_of(cell, feature)
    } else {
        cell.value(feature)
    }
}

//! Rows of a Parquet file, a batch of a row group at a time.

use std::fs::File;
use std::path::Path;

use parquet::basic::{ConvertedType, LogicalType};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::cell::Cell;
use super::error::IngestError;
use super::row_place::RowPlace;
use super::table::Table;

/// How many rows are decoded at a time.
const BATCH: usize = 4096;

/// A Parquet file. Flat columns of numbers, text and truth values are read; others are not columns here.
pub(crate) struct ParquetTable {
    reader: SerializedFileReader<File>,
    file: String,
    names: Vec<String>,
    columns: Vec<Column>,
    n_rows: u64,
    next_group: usize,
    /// Rows of the current row group that are not decoded yet.
    n_left: usize,
    /// Rows in the batch.
    n_batch: usize,
    at: usize,
    row: u64,
}

/// A column of the file and its part of the current batch.
struct Column {
    leaf_idx: usize,
    form: Form,
    reader: Option<ColumnReader>,
    levels: Vec<i16>,
    max_level: i16,
    values: Values,
    /// The place of each row's value among `values`. Shape: `(n_batch,)`.
    places: Vec<Option<u32>>,
}

/// What the stored numbers mean.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Plain,
    Unsigned,
    /// A decimal with so many digits after the point.
    Decimal(i32),
    Other,
}

enum Values {
    None,
    Bool(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Bytes(Vec<ByteArray>),
}

impl ParquetTable {
    /// Reads the file's description.
    ///
    /// # Errors
    /// [`IngestError::Parquet`] for a broken file, [`IngestError::Read`] for one that cannot be
    /// opened.
    pub(crate) fn open(path: &Path, name: String) -> Result<Self, IngestError> {
        let file = File::open(path).map_err(|source| IngestError::Read {
            file: name.clone(),
            source,
        })?;
        let reader = SerializedFileReader::new(file).map_err(|error| broken(&name, &error))?;
        let meta = reader.metadata().file_metadata();
        let (mut names, mut columns) = (Vec::new(), Vec::new());
        for (leaf_idx, leaf) in meta.schema_descr().columns().iter().enumerate() {
            let is_flat = leaf.max_rep_level() == 0 && leaf.path().parts().len() == 1;
            if is_flat {
                names.push(leaf.name().to_owned());
                columns.push(Column {
                    leaf_idx,
                    form: form_of(leaf),
                    reader: None,
                    levels: Vec::new(),
                    max_level: leaf.max_def_level(),
                    values: Values::None,
                    places: Vec::new(),
                });
            }
        }
        if names.is_empty() {
            return Err(IngestError::Empty { file: name });
        }
        let n_rows = u64::try_from(meta.num_rows()).unwrap_or_default();
        Ok(Self {
            reader,
            file: name,
            names,
            columns,
            n_rows,
            next_group: 0,
            n_left: 0,
            n_batch: 0,
            at: 0,
            row: 0,
        })
    }

    /// How many rows the file says it has.
    pub(crate) fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// Decodes the next batch. Returns whether there is one.
    fn fill(&mut self) -> Result<bool, ParquetError> {
        while self.n_left == 0 {
            if self.next_group == self.reader.num_row_groups() {
                return Ok(false);
            }
            let group = self.reader.get_row_group(self.next_group)?;
            self.next_group += 1;
            self.n_left = usize::try_from(group.metadata().num_rows())
                .map_err(|_| ParquetError::General("a negative number of rows".into()))?;
            for column in &mut self.columns {
                column.reader = Some(group.get_column_reader(column.leaf_idx)?);
            }
        }
        let wanted = self.n_left.min(BATCH);
        for column in &mut self.columns {
            column.fill(wanted)?;
        }
        self.n_left -= wanted;
        self.n_batch = wanted;
        Ok(true)
    }
}

impl Column {
    fn fill(&mut self, wanted: usize) -> Result<(), ParquetError> {
        self.levels.clear();
        let Some(reader) = &mut self.reader else {
            return Ok(());
        };
        let levels = &mut self.levels;
        match reader {
            ColumnReader::BoolColumnReader(typed) => {
                self.values = Values::Bool(read_column(typed, wanted, levels)?);
            }
            ColumnReader::Int32ColumnReader(typed) => {
                self.values = Values::Int32(read_column(typed, wanted, levels)?);
            }
            ColumnReader::Int64ColumnReader(typed) => {
                self.values = Values::Int64(read_column(typed, wanted, levels)?);
            }
            ColumnReader::FloatColumnReader(typed) => {
                self.values = Values::Float(read_column(typed, wanted, levels)?);
            }
            ColumnReader::DoubleColumnReader(typed) => {
                self.values = Values::Double(read_column(typed, wanted, levels)?);
            }
            ColumnReader::ByteArrayColumnReader(typed) => {
                self.values = Values::Bytes(read_column(typed, wanted, levels)?);
            }
            ColumnReader::Int96ColumnReader(typed) => {
                read_column(typed, wanted, levels)?;
            }
            ColumnReader::FixedLenByteArrayColumnReader(typed) => {
                read_column(typed, wanted, levels)?;
            }
        }
        let is_required = self.max_level == 0;
        let mut next = 0;
        self.places.clear();
        self.places.extend((0..wanted).map(|row_idx| {
            let is_there = is_required || self.levels.get(row_idx) == Some(&self.max_level);
            let place = next;
            next += u32::from(is_there);
            is_there.then_some(place)
        }));
        let n_values = match &self.values {
            Values::None => return Ok(()),
            Values::Bool(values) => values.len(),
            Values::Int32(values) => values.len(),
            Values::Int64(values) => values.len(),
            Values::Float(values) => values.len(),
            Values::Double(values) => values.len(),
            Values::Bytes(values) => values.len(),
        };
        let has_levels = is_required || self.levels.len() == wanted;
        if n_values != next as usize || !has_levels {
            return Err(ParquetError::EOF(format!(
                "found {n_values} values; expected {next} in {wanted} rows"
            )));
        }
        Ok(())
    }

    fn cell(&self, row_idx: usize) -> Cell<'_> {
        let Some(place) = self.places.get(row_idx).copied().flatten() else {
            return Cell::Missing;
        };
        let place = place as usize;
        match &self.values {
            Values::None => Cell::NotText,
            Values::Bool(values) => Cell::Bool(values[place]),
            Values::Int32(values) => {
                let unsigned = i64::from(values[place].cast_unsigned());
                self.whole(i64::from(values[place]), Some(unsigned))
            }
            Values::Int64(values) => {
                let unsigned = i64::try_from(values[place].cast_unsigned()).ok();
                self.whole(values[place], unsigned)
            }
            Values::Float(values) => Cell::Number(f64::from(values[place])),
            Values::Double(values) => Cell::Number(values[place]),
            Values::Bytes(values) if self.form == Form::Other => {
                let _ = &values[place];
                Cell::NotText
            }
            Values::Bytes(values) => {
                std::str::from_utf8(values[place].data()).map_or(Cell::NotText, Cell::Text)
            }
        }
    }

    fn whole(&self, signed: i64, unsigned: Option<i64>) -> Cell<'_> {
        match self.form {
            Form::Plain => Cell::Integer(signed),
            Form::Unsigned => match unsigned {
                Some(number) => Cell::Integer(number),
                None => Cell::Number(signed.cast_unsigned() as f64),
            },
            Form::Decimal(scale) => Cell::Number(signed as f64 / 10_f64.powi(scale)),
            Form::Other => Cell::NotText,
        }
    }
}

/// The values of so many rows of a column, and the level of each row where the column may lack values.
///
/// # Errors
/// Where the file has fewer, or is broken.
pub(crate) fn read_column<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    wanted: usize,
    levels: &mut Vec<i16>,
) -> Result<Vec<T::T>, ParquetError> {
    let mut values = Vec::new();
    let mut n_read = 0;
    while n_read < wanted {
        let (n_records, _, _) =
            reader.read_records(wanted - n_read, Some(levels), None, &mut values)?;
        if n_records == 0 {
            return Err(ParquetError::EOF(format!(
                "found {n_read} rows of a column; expected {wanted}"
            )));
        }
        n_read += n_records;
    }
    Ok(values)
}

fn form_of(leaf: &ColumnDescriptor) -> Form {
    match (leaf.logical_type_ref(), leaf.converted_type()) {
        (Some(LogicalType::Decimal(_)), _) | (_, ConvertedType::DECIMAL) => {
            match leaf.physical_type() {
                parquet::basic::Type::INT32 | parquet::basic::Type::INT64 => {
                    Form::Decimal(leaf.type_scale())
                }
                _ => Form::Other,
            }
        }
        (Some(LogicalType::Integer(whole)), _) if !whole.is_signed => Form::Unsigned,
        (
            _,
            ConvertedType::UINT_8
            | ConvertedType::UINT_16
            | ConvertedType::UINT_32
            | ConvertedType::UINT_64,
        ) => Form::Unsigned,
        _ => Form::Plain,
    }
}

fn broken(file: &str, error: &ParquetError) -> IngestError {
    IngestError::Parquet {
        file: file.to_owned(),
        reason: error.to_string(),
    }
}

impl Table for ParquetTable {
    fn name(&self) -> &str {
        &self.file
    }

    fn columns(&self) -> &[String] {
        &self.names
    }

    fn advance(&mut self) -> Result<bool, IngestError> {
        if self.row > 0 {
            self.at += 1;
        }
        if self.at == self.n_batch {
            self.at = 0;
            self.n_batch = 0;
            if !self.fill().map_err(|error| broken(&self.file, &error))? {
                return Ok(false);
            }
        }
        self.row += 1;
        Ok(true)
    }

    fn place(&self) -> RowPlace {
        RowPlace {
            row: self.row,
            line: None,
            id: None,
        }
    }

    fn cell(&self, column_idx: usize) -> Cell<'_> {
        self.columns[column_idx].cell(self.at)
    }

    fn n_bytes_read(&self) -> u64 {
        self.row
    }
}

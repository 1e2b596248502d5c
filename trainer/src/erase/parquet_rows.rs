//! Rows of a Parquet file: found as every source of rows is read, taken out column by column.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{
    BoolType, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, FloatType, Int32Type,
    Int64Type, Int96Type,
};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};

use super::row_file::{source_columns, wrong_source};
use crate::error::TrainerError;
use crate::ingest::{Cell, IngestError, ParquetTable, Table as _, read_column};
use crate::output_file::OutputFile;

/// Takes the rows of subjects out of a Parquet file, and gives their number. Columns, types and the file's own notes stay;
/// statistics are made anew.
///
/// # Errors
/// As [`super::erase_rows`]; [`TrainerError::Usage`] also for a file with nested columns.
pub(super) fn erase(file: &Path, subjects: &BTreeSet<String>) -> Result<u64, TrainerError> {
    let stays = rows_that_stay(file, subjects)?;
    let n_erased = stays.iter().filter(|stays| !**stays).count() as u64;
    if n_erased == 0 {
        return Ok(0);
    }
    let opened = File::open(file).map_err(|source| TrainerError::Read {
        file: file.display().to_string(),
        source,
    })?;
    let reader = SerializedFileReader::new(opened).map_err(|error| IngestError::Parquet {
        file: file.display().to_string(),
        reason: error.to_string(),
    })?;
    let columns = reader.metadata().file_metadata().schema_descr().columns();
    if columns.iter().any(|column| column.max_rep_level() > 0) {
        return Err(wrong_source(file, "expected columns without lists"));
    }
    let mut out = OutputFile::create(file)?;
    copy(&reader, &stays, &mut out).map_err(|error| TrainerError::Write {
        file: file.to_owned(),
        source: std::io::Error::other(error),
    })?;
    out.commit()?;
    Ok(n_erased)
}

/// Which rows are nobody's who is to be erased. Shape: `(n_rows,)`.
fn rows_that_stay(file: &Path, subjects: &BTreeSet<String>) -> Result<Vec<bool>, TrainerError> {
    let mut table = ParquetTable::open(file, file.display().to_string())?;
    let names = table.columns().iter().map(String::as_bytes);
    let columns = source_columns(file, names)?;
    let mut stays = Vec::new();
    while table.advance()? {
        let mut is_theirs = false;
        for column_idx in &columns {
            match table.cell(*column_idx) {
                Cell::Text(source) => is_theirs |= subjects.contains(source),
                Cell::Missing => {}
                // In another form somebody could stand there and not be found.
                _ => return Err(wrong_source(file, "expected text in the column \"source\"")),
            }
        }
        stays.push(!is_theirs);
    }
    Ok(stays)
}

fn copy(
    reader: &SerializedFileReader<File>,
    stays: &[bool],
    out: &mut OutputFile,
) -> Result<(), ParquetError> {
    let meta = reader.metadata().file_metadata();
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by("picket".to_owned())
        .set_key_value_metadata(meta.key_value_metadata().cloned());
    let schema = meta.schema_descr().root_schema_ptr();
    let mut writer = SerializedFileWriter::new(out, schema, Arc::new(properties.build()))?;
    let mut rest = stays;
    for group_idx in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group_idx)?;
        let n_rows = usize::try_from(group.metadata().num_rows()).ok();
        let parts = n_rows.and_then(|n_rows| rest.split_at_checked(n_rows));
        let (stays, after) = parts.ok_or_else(|| other("other rows than before"))?;
        rest = after;
        if !stays.contains(&true) {
            continue;
        }
        let mut kept = writer.next_row_group()?;
        for column_idx in 0..group.num_columns() {
            let column = kept.next_column()?;
            let mut column = column.ok_or_else(|| other("other columns than before"))?;
            let max_level = group
                .metadata()
                .column(column_idx)
                .column_descr()
                .max_def_level();
            let to = (&mut column, max_level, stays);
            match group.get_column_reader(column_idx)? {
                ColumnReader::BoolColumnReader(from) => copy_column::<BoolType>(from, to),
                ColumnReader::Int32ColumnReader(from) => copy_column::<Int32Type>(from, to),
                ColumnReader::Int64ColumnReader(from) => copy_column::<Int64Type>(from, to),
                ColumnReader::Int96ColumnReader(from) => copy_column::<Int96Type>(from, to),
                ColumnReader::FloatColumnReader(from) => copy_column::<FloatType>(from, to),
                ColumnReader::DoubleColumnReader(from) => copy_column::<DoubleType>(from, to),
                ColumnReader::ByteArrayColumnReader(from) => copy_column::<ByteArrayType>(from, to),
                ColumnReader::FixedLenByteArrayColumnReader(from) => {
                    copy_column::<FixedLenByteArrayType>(from, to)
                }
            }?;
            column.close()?;
        }
        kept.close()?;
    }
    writer.close().map(drop)
}

/// Copies the rows of a column that stay. `max_level` is the level of a value that is there.
fn copy_column<T: DataType>(
    mut from: ColumnReaderImpl<T>,
    (column, max_level, stays): (&mut SerializedColumnWriter<'_>, i16, &[bool]),
) -> Result<(), ParquetError> {
    let mut levels = Vec::new();
    let values = read_column(&mut from, stays.len(), &mut levels)?;
    let (mut values, mut kept, mut kept_levels) = (values.into_iter(), Vec::new(), Vec::new());
    for (row_idx, stays) in stays.iter().enumerate() {
        let level = if max_level == 0 {
            0
        } else {
            *levels
                .get(row_idx)
                .ok_or_else(|| other("fewer rows in a column"))?
        };
        let value = if level == max_level {
            Some(
                values
                    .next()
                    .ok_or_else(|| other("fewer values in a column"))?,
            )
        } else {
            None
        };
        if *stays {
            kept.extend(value);
            kept_levels.push(level);
        }
    }
    let levels = (max_level > 0).then_some(kept_levels.as_slice());
    column
        .typed::<T>()
        .write_batch(&kept, levels, None)
        .map(drop)
}

fn other(found: &str) -> ParquetError {
    ParquetError::General(format!("found {found}"))
}

//! Opens files of rows, whatever they are packed in.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::csv_table::CsvTable;
use super::error::IngestError;
use super::file_list::DASH;
use super::gzip::{Inflated, MAX_INFLATED_BYTES, is_gzip};
use super::table::Table;

/// How much is read from a file at a time, in bytes.
const BUFFER: usize = 1 << 17;

/// The first bytes of a Parquet file.
pub(crate) const PARQUET_MAGIC: &[u8] = b"PAR1";

/// Text to read, unpacked.
pub(crate) struct Input {
    /// The bytes.
    pub(crate) source: Box<dyn BufRead>,
    /// The name in messages.
    pub(crate) name: String,
    /// The size in bytes of what is read; 0 where it is not known.
    pub(crate) n_bytes: u64,
    /// The delimiter that the name stands for.
    pub(crate) delimiter: u8,
}

/// Opens a file, or standard input for `-`; gzip is unpacked on the way.
pub(crate) fn open_input(path: &Path) -> Result<Input, IngestError> {
    let (mut raw, name, n_bytes): (Box<dyn BufRead>, _, _) = if path == Path::new(DASH) {
        (Box::new(io::stdin().lock()), "standard input".to_owned(), 0)
    } else {
        let name = path.display().to_string();
        let wrong = |source| IngestError::Read {
            file: name.clone(),
            source,
        };
        let file = File::open(path).map_err(wrong)?;
        let meta = file.metadata().map_err(wrong)?;
        let n_bytes = if meta.is_file() { meta.len() } else { 0 };
        (
            Box::new(BufReader::with_capacity(BUFFER, file)),
            name,
            n_bytes,
        )
    };
    let is_packed = is_gzip(&mut raw).map_err(|source| IngestError::Read {
        file: name.clone(),
        source,
    })?;
    let delimiter = delimiter_of(path);
    if !is_packed {
        return Ok(Input {
            source: raw,
            name,
            n_bytes,
            delimiter,
        });
    }
    let inflated = Inflated::new(raw, MAX_INFLATED_BYTES);
    Ok(Input {
        source: Box::new(BufReader::with_capacity(BUFFER, inflated)),
        name,
        // Rows are counted in inflated bytes, whose number nobody knows before the end.
        n_bytes: 0,
        delimiter,
    })
}

/// The table of a file, told by its first bytes, and its size in bytes, 0 where it is not known.
pub(crate) fn open_table(
    path: &Path,
    delimiter: Option<char>,
) -> Result<(Box<dyn Table>, u64), IngestError> {
    let mut input = open_input(path)?;
    let start = input
        .source
        .fill_buf()
        .map_err(|source| IngestError::Read {
            file: input.name.clone(),
            source,
        })?;
    if start.starts_with(PARQUET_MAGIC) {
        return open_parquet(path, input.name);
    }
    let delimiter = match delimiter {
        Some(chosen) => u8::try_from(chosen).unwrap_or(b','),
        None => input.delimiter,
    };
    let table = CsvTable::new(input.source, &input.name, delimiter)?;
    Ok((Box::new(table), input.n_bytes))
}

#[cfg(feature = "parquet")]
fn open_parquet(path: &Path, name: String) -> Result<(Box<dyn Table>, u64), IngestError> {
    let table = super::parquet_table::ParquetTable::open(path, name)?;
    let n_rows = table.n_rows();
    Ok((Box::new(table), n_rows))
}

#[cfg(not(feature = "parquet"))]
fn open_parquet(_path: &Path, name: String) -> Result<(Box<dyn Table>, u64), IngestError> {
    Err(IngestError::NotBuilt {
        file: name,
        feature: "parquet",
    })
}

fn delimiter_of(path: &Path) -> u8 {
    let mut path = path.to_owned();
    if path.extension().is_some_and(|extension| extension == "gz") {
        path.set_extension("");
    }
    let extension = path.extension().unwrap_or_default();
    if extension == "tsv" || extension == "tab" {
        b'\t'
    } else {
        b','
    }
}

/// The whole text of a source, at most `max_bytes` of it.
pub(crate) fn read_capped(
    source: &mut impl Read,
    max_bytes: u64,
    file: &str,
) -> Result<Vec<u8>, IngestError> {
    let mut bytes = Vec::new();
    source
        .take(max_bytes + 1)
        .read_to_end(&mut bytes)
        .and_then(|_| {
            if bytes.len() as u64 > max_bytes {
                let text = format!("found more than {max_bytes} bytes; expected at most so many");
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            Ok(())
        })
        .map_err(|source| IngestError::Read {
            file: file.to_owned(),
            source,
        })?;
    Ok(bytes)
}

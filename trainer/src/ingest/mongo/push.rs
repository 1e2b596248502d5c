//! Rows of files into a collection, each once however often they are pushed.

use std::collections::HashMap;

use mongodb::bson::{Bson, Document};
use mongodb::error::ErrorKind;
use picket_schema::{FeatureSchema, Kind};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::super::cell::Cell;
use super::super::data_source::FileSource;
use super::super::error::IngestError;
use super::super::file_list::files;
use super::super::open::open_table;
use super::super::row_reader::RowReader;
use super::super::table::Table;
use super::collection::{Collection, ROW_FIELD};
use crate::error::TrainerError;
use crate::progress::Reporter;

/// How many documents are sent at a time.
const BATCH: usize = 1000;

/// The server's code for an `_id` that is there already.
const DUPLICATE_KEY: i32 = 11000;

/// What a push did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PushCounts {
    /// Rows that are new in the collection.
    pub n_inserted: u64,
    /// Rows that were there already.
    pub n_present: u64,
}

/// Puts the rows of files into a collection.
///
/// A document's `_id` is the digest of the row's content and of its number among equal rows: a row is
/// there once, however often and in whatever order its file is pushed, and equal rows of one file
/// stay apart. Content is what the fields mean to the schema, so `1` and `1.0` are the same.
/// The place in the files stands in `_row`; reading follows it.
///
/// # Errors
/// [`TrainerError::Ingest`] for the first row that is wrong, before its batch is sent, and for what
/// the server refuses.
pub fn push_data(
    schema: &FeatureSchema,
    source: &FileSource,
    database: Option<&str>,
    collection: &str,
    reporter: Reporter,
) -> Result<PushCounts, TrainerError> {
    let collection = Collection::connect(database, collection)?;
    let (mut counts, mut occurrences) = (PushCounts::default(), HashMap::new());
    let (mut batch, mut n_rows) = (Vec::with_capacity(BATCH), 0_i64);
    collection.index_rows()?;
    for file in files(&source.paths)? {
        let (table, total) = open_table(&file, source.delimiter)?;
        let stage = reporter.stage("push rows", total);
        let mut reader = RowReader::of(table, schema)?;
        let mut order: Vec<(String, usize)> = reader
            .table()
            .columns()
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}').trim().to_owned())
            .zip(0..)
            .collect();
        // By name, so that the order of a file's columns makes no other rows.
        order.sort();
        let mut row = Vec::new();
        while reader.read(&mut row)? {
            reader.label()?;
            n_rows += 1;
            let (digest, mut document) = document_of(schema, reader.table(), &order);
            let occurrence: &mut u32 = occurrences.entry(digest).or_insert(0);
            document.insert("_id", identity(&digest, *occurrence));
            document.insert(ROW_FIELD, n_rows);
            *occurrence += 1;
            batch.push(document);
            if batch.len() == BATCH {
                send(&collection, &mut batch, &mut counts)?;
                stage.reach(reader.table().n_bytes_read());
            }
        }
    }
    send(&collection, &mut batch, &mut counts)?;
    Ok(counts)
}

/// The row's fields and the digest of what they mean.
fn document_of(
    schema: &FeatureSchema,
    table: &dyn Table,
    order: &[(String, usize)],
) -> ([u8; 16], Document) {
    let (mut digest, mut document) = (Sha256::new(), Document::new());
    for (name, column_idx) in order {
        let cell = table.cell(*column_idx);
        let is_number = schema
            .feature_idx(name)
            .is_some_and(|feature_idx| schema.features[feature_idx].kind() != Kind::Categorical);
        let value = bson_of(cell, is_number || *name == schema.label.name);
        let text = value.to_string();
        for part in [name.as_bytes(), text.as_bytes()] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        document.insert(name, value);
    }
    let digest: [u8; 32] = digest.finalize().into();
    let mut short = [0; 16];
    short.copy_from_slice(&digest[..16]);
    (short, document)
}

/// Numbers become numbers where the schema means numbers; everything else stays the text it is.
fn bson_of(cell: Cell<'_>, is_number: bool) -> Bson {
    let number = match cell {
        Cell::Missing | Cell::NotText => return Bson::Null,
        Cell::Text(text) if is_number => {
            if picket_schema::is_missing_text(text) {
                return Bson::Null;
            }
            text.trim().parse::<f64>().ok()
        }
        Cell::Text(_) => None,
        Cell::Integer(number) => return Bson::Int64(number),
        Cell::Number(number) => Some(number),
        Cell::Bool(truth) => return Bson::Boolean(truth),
    };
    match number {
        Some(number) if number.fract() == 0.0 && number.abs() < 9e15 => Bson::Int64(number as i64),
        Some(number) => Bson::Double(number),
        None => Bson::String(cell.text().into_owned()),
    }
}

fn identity(digest: &[u8; 16], occurrence: u32) -> String {
    let mut text = String::with_capacity(40);
    for byte in digest {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or_default());
        }
    }
    text.push('-');
    text.push_str(&occurrence.to_string());
    text
}

fn send(
    collection: &Collection,
    batch: &mut Vec<Document>,
    counts: &mut PushCounts,
) -> Result<(), IngestError> {
    if batch.is_empty() {
        return Ok(());
    }
    let n_sent = batch.len() as u64;
    let sent = collection
        .driver
        .insert_many(batch.drain(..))
        .ordered(false)
        .run();
    let n_present = match sent {
        Ok(_) => 0,
        Err(error) => match &*error.kind {
            ErrorKind::InsertMany(failure) if failure.write_concern_error.is_none() => {
                let errors = failure.write_errors.as_deref().unwrap_or_default();
                if errors.is_empty() || errors.iter().any(|error| error.code != DUPLICATE_KEY) {
                    return Err(collection.error(&error));
                }
                errors.len() as u64
            }
            _ => return Err(collection.error(&error)),
        },
    };
    counts.n_present += n_present;
    counts.n_inserted += n_sent - n_present;
    Ok(())
}

//! The documents of a query as rows.

use std::collections::{HashSet, VecDeque};

use mongodb::bson::{Bson, Document};
use mongodb::sync::Cursor;
use picket_schema::FeatureSchema;

use super::super::cell::Cell;
use super::super::error::IngestError;
use super::super::mongo_source::MongoSource;
use super::super::row_place::RowPlace;
use super::super::table::Table;
use super::collection::{Collection, ROW_FIELD};

/// How many documents the server sends at a time.
const BATCH: u32 = 2000;

/// How many documents are looked at for the names of the columns.
const N_HEADER: usize = 500;

/// The documents of a query, one after the other. Memory holds one batch.
pub(crate) struct MongoTable {
    collection: Collection,
    cursor: Cursor<Document>,
    /// Documents that were read for their names and are not rows yet.
    ahead: VecDeque<Document>,
    columns: Vec<String>,
    current: Document,
    row: u64,
}

impl MongoTable {
    /// Runs the query.
    ///
    /// # Errors
    /// [`IngestError::MongoDb`], without any secret in it.
    pub(crate) fn open(source: &MongoSource, schema: &FeatureSchema) -> Result<Self, IngestError> {
        let collection = Collection::connect(source.database.as_deref(), &source.collection)?;
        let query = collection.document(&source.query, "query")?;
        let mut find = collection
            .driver
            .find(query)
            .batch_size(BATCH)
            .sort(collection.order()?);
        if !source.projection.is_empty() {
            find = find.projection(collection.document(&source.projection, "projection")?);
        }
        let cursor = find.run().map_err(|error| collection.error(&error))?;
        let mut table = Self {
            collection,
            cursor,
            ahead: VecDeque::new(),
            columns: Vec::new(),
            current: Document::new(),
            row: 0,
        };
        table.read_header(schema)?;
        Ok(table)
    }

    fn read_header(&mut self, schema: &FeatureSchema) -> Result<(), IngestError> {
        let mut known: HashSet<String> = ["_id", ROW_FIELD].map(str::to_owned).into();
        while self.ahead.len() < N_HEADER {
            let Some(document) = self.next_document()? else {
                break;
            };
            for name in document.keys() {
                if known.insert(name.clone()) {
                    self.columns.push(name.clone());
                }
            }
            self.ahead.push_back(document);
        }
        if self.ahead.is_empty() {
            return Err(self.collection.because(format!(
                "found no document; expected rows of the schema {:?}",
                schema.name
            )));
        }
        Ok(())
    }

    fn next_document(&mut self) -> Result<Option<Document>, IngestError> {
        match self.cursor.next() {
            Some(Ok(document)) => Ok(Some(document)),
            Some(Err(error)) => Err(self.collection.error(&error)),
            None => Ok(None),
        }
    }
}

/// Turns values that a row can hold as text or number into such.
fn plain(document: &mut Document) {
    for (_, value) in document.iter_mut() {
        let text = match value {
            Bson::ObjectId(id) => id.to_hex(),
            Bson::Decimal128(decimal) => decimal.to_string(),
            Bson::Symbol(text) => std::mem::take(text),
            _ => continue,
        };
        *value = Bson::String(text);
    }
}

impl Table for MongoTable {
    fn name(&self) -> &str {
        self.collection.target()
    }

    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn advance(&mut self) -> Result<bool, IngestError> {
        let next = match self.ahead.pop_front() {
            Some(document) => Some(document),
            None => self.next_document()?,
        };
        let Some(document) = next else {
            return Ok(false);
        };
        self.current = document;
        plain(&mut self.current);
        self.row += 1;
        Ok(true)
    }

    fn place(&self) -> RowPlace {
        let id = self.current.get("_id").map(|id| match id {
            Bson::String(text) => text.clone(),
            other => other.to_string(),
        });
        RowPlace {
            row: self.row,
            line: None,
            id,
        }
    }

    fn cell(&self, column_idx: usize) -> Cell<'_> {
        match self.current.get(&self.columns[column_idx]) {
            None | Some(Bson::Null | Bson::Undefined) => Cell::Missing,
            Some(Bson::String(text)) => Cell::Text(text),
            Some(Bson::Int32(number)) => Cell::Integer(i64::from(*number)),
            Some(Bson::Int64(number)) => Cell::Integer(*number),
            Some(Bson::Double(number)) => Cell::Number(*number),
            Some(Bson::Boolean(truth)) => Cell::Bool(*truth),
            Some(Bson::DateTime(time)) => Cell::Integer(time.timestamp_millis()),
            Some(_) => Cell::NotText,
        }
    }
}

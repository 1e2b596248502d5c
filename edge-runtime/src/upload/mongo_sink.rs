//! Records to MongoDB, one document a record, under the record's id.

use std::time::Duration;

use mongodb::bson::{self, Bson, Document};
use mongodb::error::{Error, ErrorKind, InsertManyError};
use mongodb::options::{ClientOptions, WriteConcern};
use mongodb::sync::{Client, Collection};

use super::mongo_setup::{make_indexes, make_validator};
use super::sink::{Outcome, RecordSink, SinkError};

/// The server has a document with this `_id` already: this record came before.
const DUPLICATE_KEY: i32 = 11000;
/// Codes of a refusal that will be the same every time: the document does not fit the collection's validator, is too
/// large or has a wrong value.
const FOR_GOOD: [i32; 5] = [2, 9, 14, 121, 10334];

/// Where records are kept if the URI names no database.
const DATABASE: &str = "picket";
/// The collection of records.
const COLLECTION: &str = "records";

/// Writes to a collection. Connects with the first batch.
#[derive(Debug)]
pub struct MongoSink {
    options: ClientOptions,
    client: Option<Client>,
    /// Whether the indexes stand.
    indexed: bool,
}

impl MongoSink {
    /// Reads a `mongodb://` URI, without connecting. A call takes at most about `timeout`.
    ///
    /// # Errors
    /// [`SinkError::Unreachable`] for what is no such URI.
    pub fn new(uri: &str, timeout: Duration) -> Result<Self, SinkError> {
        let mut options = ClientOptions::parse(uri)
            .run()
            .map_err(|error| unreachable(&error))?;
        options.server_selection_timeout = Some(timeout);
        options.connect_timeout = Some(timeout);
        options.app_name.get_or_insert_with(|| "picket".to_owned());
        Ok(Self {
            options,
            client: None,
            indexed: false,
        })
    }

    fn collection(&mut self) -> Result<Collection<Document>, SinkError> {
        let client = if let Some(client) = &self.client {
            client.clone()
        } else {
            let client =
                Client::with_options(self.options.clone()).map_err(|error| unreachable(&error))?;
            self.client.insert(client).clone()
        };
        let name = self.options.default_database.as_deref();
        let database = client.database(name.unwrap_or(DATABASE));
        let collection = database.collection(COLLECTION);
        if !self.indexed {
            make_validator(&database, COLLECTION).map_err(|error| unreachable(&error))?;
            make_indexes(&collection).map_err(|error| unreachable(&error))?;
            self.indexed = true;
        }
        Ok(collection)
    }
}

fn unreachable(error: &Error) -> SinkError {
    let reason = error.to_string();
    match *error.kind {
        ErrorKind::Authentication { .. } => SinkError::Unauthorized { reason },
        _ => SinkError::Unreachable { reason },
    }
}

/// A record as a document: its `id` becomes `_id`, and its time stands there as a date too, for indexes that expire.
fn document(record: &[u8]) -> Result<Document, String> {
    let mut document: Document =
        serde_json::from_slice(record).map_err(|error| format!("no document: {error}"))?;
    match document.remove("id") {
        Some(Bson::String(id)) if !id.is_empty() => {
            document.insert("_id", id);
            let time_ms = match document.get("time_ms") {
                Some(Bson::Int64(time_ms)) => Some(*time_ms),
                Some(Bson::Int32(time_ms)) => Some(i64::from(*time_ms)),
                _ => None,
            };
            if let Some(time_ms) = time_ms {
                document.insert("time", bson::DateTime::from_millis(time_ms));
            }
            Ok(document)
        }
        _ => Err("no document: it has no id".to_owned()),
    }
}

impl RecordSink for MongoSink {
    fn deliver(&mut self, records: &[&[u8]]) -> Result<Vec<Outcome>, SinkError> {
        let mut outcomes = vec![Outcome::Delivered; records.len()];
        let mut documents = Vec::with_capacity(records.len());
        // Where each document stands among the records.
        let mut places = Vec::with_capacity(records.len());
        for (place, record) in records.iter().enumerate() {
            match document(record) {
                Ok(document) => {
                    documents.push(document);
                    places.push(place);
                }
                Err(reason) => outcomes[place] = Outcome::Rejected(reason),
            }
        }
        if documents.is_empty() {
            return Ok(outcomes);
        }
        let written = self
            .collection()?
            .insert_many(documents)
            .ordered(false)
            .write_concern(WriteConcern::majority())
            .run();
        let Err(failed) = written else {
            return Ok(outcomes);
        };
        let ErrorKind::InsertMany(InsertManyError {
            write_errors,
            write_concern_error,
            ..
        }) = failed.kind.as_ref()
        else {
            // The connection may be half dead: the next try makes another. So are the indexes of a new server.
            self.client = None;
            self.indexed = false;
            return Err(unreachable(&failed));
        };
        if let Some(error) = write_concern_error {
            // The documents stand on too few servers to be sure; the same ids come again.
            let reason = error.message.clone();
            return Err(SinkError::Unreachable { reason });
        }
        for error in write_errors.iter().flatten() {
            let Some(place) = places.get(error.index) else {
                continue;
            };
            outcomes[*place] = match error.code {
                DUPLICATE_KEY => Outcome::Delivered,
                code if FOR_GOOD.contains(&code) => {
                    Outcome::Rejected(format!("{} (code {code})", error.message))
                }
                code => Outcome::Later(format!("{} (code {code})", error.message)),
            };
        }
        Ok(outcomes)
    }
}

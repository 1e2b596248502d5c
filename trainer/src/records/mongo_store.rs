//! Records in a MongoDB collection.

use std::collections::BTreeSet;
use std::time::Duration;

use mongodb::IndexModel;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::{ClientOptions, IndexOptions};
use mongodb::sync::{Client, Collection, Database};
use picket_schema::record::Record;

use super::error::RecordsError;
use super::store::{ErasedRecords, Expiry, ReadCounts, RecordQuery, RecordStore};
use crate::ingest::MongoAddress;

/// Where records are kept if the address names no database, as edges do.
const DATABASE: &str = "picket";
const COLLECTION: &str = "records";
/// The index that lets records expire.
const EXPIRY_INDEX: &str = "time_expires";
/// How long a server may take to answer at first.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many documents the server sends at a time.
const BATCH: u32 = 2000;
/// How many predictions' labels are deleted at a time.
const IDS_AT_A_TIME: usize = 500;
const DAY_SECONDS: u64 = 86_400;

/// Records in a MongoDB collection.
pub struct MongoStore {
    address: MongoAddress,
    database: Database,
    records: Collection<Document>,
}

impl std::fmt::Debug for MongoStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("MongoStore")
            .field(&self.address.to_string())
            .finish()
    }
}

impl MongoStore {
    /// Reads an address; the server is asked with the first reading.
    ///
    /// # Errors
    /// [`RecordsError::Address`] for what is no such address.
    pub fn open(address: &str) -> Result<Self, RecordsError> {
        let address = MongoAddress::new(address);
        let wrong = |_: Error| RecordsError::Address {
            found: address.to_string(),
            expected: "the address of a MongoDB server",
        };
        let mut options = ClientOptions::parse(address.expose())
            .run()
            .map_err(wrong)?;
        options.app_name.get_or_insert_with(|| "picket".to_owned());
        options.server_selection_timeout.get_or_insert(PATIENCE);
        options.connect_timeout.get_or_insert(PATIENCE);
        let name = options.default_database.clone();
        let client = Client::with_options(options).map_err(wrong)?;
        let database = client.database(name.as_deref().unwrap_or(DATABASE));
        let records = database.collection(COLLECTION);
        Ok(Self {
            address,
            database,
            records,
        })
    }

    fn failed(&self, operation: &'static str) -> impl Fn(Error) -> RecordsError {
        let (place, address) = (RecordStore::address(self), self.address.clone());
        move |error| RecordsError::Store {
            place: place.clone(),
            operation,
            reason: address.scrub(&error.kind.to_string()),
        }
    }

    fn delete(&self, filter: Document, operation: &'static str) -> Result<u64, RecordsError> {
        let deleted = self.records.delete_many(filter).run();
        Ok(deleted.map_err(self.failed(operation))?.deleted_count)
    }

    /// The expiry in seconds of the index, where there is one.
    fn standing_expiry(&self) -> Result<Option<u64>, Error> {
        let listed = match self.records.list_indexes().run() {
            Err(error) if is_missing_namespace(&error) => return Ok(None),
            listed => listed?,
        };
        for index in listed {
            let options = index?.options.unwrap_or_default();
            if options.name.as_deref() == Some(EXPIRY_INDEX) {
                return Ok(options.expire_after.map(|it| it.as_secs()));
            }
        }
        Ok(None)
    }

    fn set_expiry(&self, seconds: u64) -> Result<(), Error> {
        if self.standing_expiry()?.is_some() {
            let index = doc! {"name": EXPIRY_INDEX, "expireAfterSeconds": i64::try_from(seconds).unwrap_or(i64::MAX)};
            return self
                .database
                .run_command(doc! {"collMod": COLLECTION, "index": index})
                .run()
                .map(drop);
        }
        let options = IndexOptions::builder()
            .name(EXPIRY_INDEX.to_owned())
            .expire_after(Duration::from_secs(seconds))
            .build();
        let index = IndexModel::builder()
            .keys(doc! {"time": 1})
            .options(options)
            .build();
        self.records.create_index(index).run().map(drop)
    }
}

/// `NamespaceNotFound`: there is no such collection.
fn is_missing_namespace(error: &Error) -> bool {
    matches!(error.kind.as_ref(), ErrorKind::Command(command) if command.code == 26)
}

/// A document as the record that it was made of.
fn record_of(mut document: Document) -> Result<Record, String> {
    document.remove("time");
    if let Some(id) = document.remove("_id") {
        document.insert("id", id);
    }
    let bytes = serde_json::to_vec(&document).map_err(|_| "malformed".to_owned())?;
    Record::from_json(&bytes).map_err(|error| error.cause().to_owned())
}

impl RecordStore for MongoStore {
    fn address(&self) -> String {
        format!("{}/{}", self.address, self.records.namespace())
    }

    fn read(
        &self,
        query: &RecordQuery,
        take: &mut dyn FnMut(Record),
    ) -> Result<ReadCounts, RecordsError> {
        let failed = self.failed("reading");
        let mut counts = ReadCounts::default();
        // One kind and one order of time at a time: an index has them so.
        for kind in &query.kinds {
            let to_ms = i64::try_from(query.to_ms).unwrap_or(i64::MAX);
            let time =
                doc! {"$gte": i64::try_from(query.from_ms).unwrap_or(i64::MAX), "$lt": to_ms};
            let cursor = self
                .records
                .find(doc! {"kind": kind.name(), "time_ms": time})
                .sort(doc! {"time_ms": 1, "_id": 1})
                .batch_size(BATCH)
                .run()
                .map_err(&failed)?;
            for document in cursor {
                match record_of(document.map_err(&failed)?) {
                    Ok(record) => {
                        counts.n_records += 1;
                        take(record);
                    }
                    Err(cause) => *counts.n_invalid.entry(cause).or_default() += 1,
                }
            }
        }
        Ok(counts)
    }

    fn delete_before(&self, time_ms: u64) -> Result<u64, RecordsError> {
        let time_ms = i64::try_from(time_ms).unwrap_or(i64::MAX);
        self.delete(doc! {"time_ms": {"$lt": time_ms}}, "deleting")
    }

    fn expire_after(&self, days: u64) -> Result<Expiry, RecordsError> {
        let seconds = days.saturating_mul(DAY_SECONDS).min(i32::MAX as u64);
        let unsupported = |error: &Error| Expiry::Unsupported {
            reason: self.address.scrub(&error.kind.to_string()),
        };
        match self.set_expiry(seconds) {
            Err(error) if matches!(error.kind.as_ref(), ErrorKind::Command(_)) => {
                return Ok(unsupported(&error));
            }
            set => set.map_err(self.failed("making an index that expires"))?,
        }
        // A server may take the index and leave out what makes it expire.
        let standing = self
            .standing_expiry()
            .map_err(self.failed("listing indexes"))?;
        Ok(if standing == Some(seconds) {
            // What the server can hold is less than what may be asked for.
            let days = seconds / DAY_SECONDS;
            Expiry::Index { days }
        } else {
            Expiry::Unsupported {
                reason: "the server made the index without its expiry".to_owned(),
            }
        })
    }

    fn erase(
        &self,
        subjects: &BTreeSet<String>,
        before_ms: u64,
    ) -> Result<ErasedRecords, RecordsError> {
        let before_ms = i64::try_from(before_ms).unwrap_or(i64::MAX);
        let sources: Vec<&str> = subjects.iter().map(String::as_str).collect();
        let covered = doc! {"source": {"$in": sources}, "time_ms": {"$lt": before_ms}};
        let failed = self.failed("reading");
        let cursor = self
            .records
            .find(covered.clone())
            .projection(doc! {"_id": 1, "kind": 1})
            .batch_size(BATCH)
            .run()
            .map_err(&failed)?;
        let mut predictions: Vec<String> = Vec::new();
        for document in cursor {
            let document = document.map_err(&failed)?;
            if document.get_str("kind").is_ok_and(|it| it == "prediction")
                && let Some(Bson::String(id)) = document.get("_id")
            {
                predictions.push(id.clone());
            }
        }
        let mut erased = ErasedRecords::default();
        // Labels and shadows first: they are found by predictions, which an interruption must leave.
        for ids in predictions.chunks(IDS_AT_A_TIME) {
            let of_them = |kind: &str| doc! {"prediction": {"$in": ids}, "kind": kind};
            erased.n_labels += self.delete(of_them("label"), "erasing")?;
            erased.n_answers += self.delete(of_them("shadow"), "erasing")?;
        }
        erased.n_answers += self.delete(covered, "erasing")?;
        Ok(erased)
    }
}

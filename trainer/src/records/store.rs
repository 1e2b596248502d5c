//! What a store of records can do.

use std::collections::{BTreeMap, BTreeSet};

use picket_schema::record::{Record, RecordKind};
use serde::Serialize;

use super::error::RecordsError;
use super::folder_store::FolderStore;

/// Which records to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordQuery {
    /// Of these kinds.
    pub kinds: Vec<RecordKind>,
    /// Made at this time or later, in milliseconds since 1970.
    pub from_ms: u64,
    /// Made before this time.
    pub to_ms: u64,
}

/// What reading came upon.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReadCounts {
    /// Records shown.
    pub n_records: u64,
    /// Records that stood there a second time and were passed over.
    pub n_twice: u64,
    /// What was no record, by what was wrong: the field's name, or `malformed`.
    pub n_invalid: BTreeMap<String, u64>,
}

impl ReadCounts {
    /// Adds what another reading came upon.
    pub fn add(&mut self, other: &Self) {
        self.n_records += other.n_records;
        self.n_twice += other.n_twice;
        for (cause, count) in &other.n_invalid {
            *self.n_invalid.entry(cause.clone()).or_default() += count;
        }
    }
}

/// Whether the server deletes old records by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Expiry {
    /// An index of the server does, from now on.
    Index {
        /// After so many days.
        days: u64,
    },
    /// The store knows no such thing: only `trainer retention` deletes, and has to run every day.
    Unsupported {
        /// What the store says.
        reason: String,
    },
}

/// What an erasure took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ErasedRecords {
    /// Predictions and what challengers said of them.
    pub n_answers: u64,
    /// Labels of those predictions.
    pub n_labels: u64,
}

/// Where records lie.
pub trait RecordStore {
    /// The store's address, without secrets.
    fn address(&self) -> String;

    /// Shows records in an order that is the same every time, each once.
    ///
    /// # Errors
    /// [`RecordsError::Store`], and whatever `take` says.
    fn read(
        &self,
        query: &RecordQuery,
        take: &mut dyn FnMut(Record),
    ) -> Result<ReadCounts, RecordsError>;

    /// Deletes records made before a time in milliseconds since 1970. Gives their number.
    ///
    /// # Errors
    /// [`RecordsError::Store`].
    fn delete_before(&self, time_ms: u64) -> Result<u64, RecordsError>;

    /// Lets the store delete records by itself that are older than so many days, where it can.
    ///
    /// # Errors
    /// [`RecordsError::Store`] where it cannot be asked.
    fn expire_after(&self, days: u64) -> Result<Expiry, RecordsError>;

    /// Deletes what is about subjects, by their pseudonyms, and was made before a time: predictions, shadows and the
    /// labels of both. Interrupted, it goes on where it is called again.
    ///
    /// # Errors
    /// [`RecordsError::Store`].
    fn erase(
        &self,
        subjects: &BTreeSet<String>,
        before_ms: u64,
    ) -> Result<ErasedRecords, RecordsError>;
}

/// Opens the store of an address: `mongodb://…`, `mongodb+srv://…`, or a folder.
///
/// # Errors
/// [`RecordsError::Address`] for an address of another kind; [`RecordsError::Store`] for a folder that is not there.
pub fn open_records(address: &str) -> Result<Box<dyn RecordStore>, RecordsError> {
    if address.starts_with("mongodb://") || address.starts_with("mongodb+srv://") {
        return open_mongo(address);
    }
    if address.is_empty() || address.contains("://") {
        return Err(RecordsError::Address {
            // What follows the scheme may hold a password.
            found: address.split("://").next().unwrap_or_default().to_owned(),
            expected: "mongodb://…, mongodb+srv://…, or a folder",
        });
    }
    Ok(Box::new(FolderStore::open(address.as_ref())?))
}

#[cfg(feature = "mongodb")]
fn open_mongo(address: &str) -> Result<Box<dyn RecordStore>, RecordsError> {
    Ok(Box::new(super::mongo_store::MongoStore::open(address)?))
}

#[cfg(not(feature = "mongodb"))]
fn open_mongo(_: &str) -> Result<Box<dyn RecordStore>, RecordsError> {
    Err(RecordsError::Address {
        found: "mongodb".to_owned(),
        expected: "a folder: this trainer was built without the feature mongodb",
    })
}

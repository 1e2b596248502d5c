//! Records to MongoDB, one document a record, under the record's id.

use std::path::PathBuf;
use std::time::Duration;

use mongodb::bson::{self, Bson, Document};
use mongodb::error::{Error, ErrorKind, InsertManyError};
use mongodb::options::{ClientOptions, ConnectionString, Tls, TlsOptions, WriteConcern};
use mongodb::{Client, Collection};
use tokio::runtime::Runtime;

use super::mongo_setup::{make_indexes, make_validator};
use super::sink::{Outcome, RecordSink, SinkError};
use crate::trusted_roots::TrustedRoots;

/// The server has a document with this `_id` already: this record came before.
const DUPLICATE_KEY: i32 = 11000;
/// Codes of a refusal that will be the same every time: the document does not fit the collection's validator, is too
/// large or has a wrong value.
const FOR_GOOD: [i32; 5] = [2, 9, 14, 121, 10334];

/// Where records are kept if the URI names no database.
const DATABASE: &str = "picket";
/// The collection of records.
const COLLECTION: &str = "records";

/// Writes to a collection. Names are looked up and connections made with the first batch: a device that is offline
/// starts all the same.
pub struct MongoSink {
    target: ConnectionString,
    timeout: Duration,
    /// The file of the authorities that the server's certificate must come from; without it what the URI says.
    ca: Option<PathBuf>,
    /// The driver's tasks run here: its blocking interface has no limit of time, and a server that takes a batch and
    /// never answers would hold the upload for good.
    runtime: Option<Runtime>,
    client: Option<Client>,
    /// Whether the indexes stand.
    indexed: bool,
}

impl std::fmt::Debug for MongoSink {
    /// The target may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MongoSink").finish_non_exhaustive()
    }
}

impl Drop for MongoSink {
    /// Waits for nothing, on whichever thread this is.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl MongoSink {
    /// Reads a `mongodb://` URI, without a look at the network. A call takes at most `timeout`.
    ///
    /// # Errors
    /// [`SinkError::Unreachable`] for what is no such URI.
    pub fn new(uri: &str, timeout: Duration) -> Result<Self, SinkError> {
        let target = ConnectionString::parse(uri).map_err(|error| unreachable(&error))?;
        Ok(Self {
            target,
            timeout,
            ca: None,
            runtime: None,
            client: None,
            indexed: false,
        })
    }

    /// The same, over TLS, to a server whose certificate comes from one of these authorities and from no other.
    #[must_use]
    pub fn trusting(mut self, roots: &TrustedRoots) -> Self {
        self.ca = Some(roots.file().to_owned());
        self
    }

    /// Inserts, for as long as a call may take.
    fn insert_in_time(&mut self, documents: Vec<Document>) -> Result<(), Failed> {
        let runtime = match self.runtime.take() {
            Some(runtime) => runtime,
            None => tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("mongodb")
                .enable_all()
                .build()
                .map_err(|error| Failed::Driver(error.into()))?,
        };
        let timeout = self.timeout;
        let written =
            runtime.block_on(async { tokio::time::timeout(timeout, self.insert(documents)).await });
        self.runtime = Some(runtime);
        match written {
            Ok(written) => written.map_err(Failed::Driver),
            Err(_) => Err(Failed::Late),
        }
    }

    async fn insert(&mut self, documents: Vec<Document>) -> Result<(), Error> {
        let collection = self.collection().await?;
        let inserting = collection
            .insert_many(documents)
            .ordered(false)
            .write_concern(WriteConcern::majority());
        inserting.await.map(drop)
    }

    async fn collection(&mut self) -> Result<Collection<Document>, Error> {
        let client = if let Some(client) = &self.client {
            client.clone()
        } else {
            let mut options = ClientOptions::parse(self.target.clone()).await?;
            // The batch itself takes its time too.
            options.server_selection_timeout = Some(self.timeout / 2);
            options.connect_timeout = Some(self.timeout / 2);
            if let Some(ca) = &self.ca {
                let mut tls = match options.tls.take() {
                    Some(Tls::Enabled(tls)) => tls,
                    Some(Tls::Disabled) | None => TlsOptions::default(),
                };
                tls.ca_file_path = Some(ca.clone());
                options.tls = Some(Tls::Enabled(tls));
            }
            options.app_name.get_or_insert_with(|| "picket".to_owned());
            self.client.insert(Client::with_options(options)?).clone()
        };
        let name = self.target.default_database.as_deref();
        let database = client.database(name.unwrap_or(DATABASE));
        let collection = database.collection(COLLECTION);
        if !self.indexed {
            make_validator(&database, COLLECTION).await?;
            make_indexes(&collection).await?;
            self.indexed = true;
        }
        Ok(collection)
    }
}

/// Why a batch has no answer, or one that is no plain success.
enum Failed {
    Late,
    Driver(Error),
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
        let failed = match self.insert_in_time(documents) {
            Ok(()) => return Ok(outcomes),
            Err(Failed::Driver(failed)) => failed,
            Err(Failed::Late) => {
                self.client = None;
                self.indexed = false;
                let reason = format!("no answer within {} s", self.timeout.as_secs_f32());
                return Err(SinkError::Unreachable { reason });
            }
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

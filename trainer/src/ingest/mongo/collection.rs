//! The connection to a collection.

use std::time::Duration;

use mongodb::IndexModel;
use mongodb::bson::{Document, doc};
use mongodb::error::Error;
use mongodb::options::{ClientOptions, IndexOptions};
use mongodb::sync::{Client, Collection as DriverCollection};
use serde_json::{Map, Value};

use super::super::error::IngestError;
use super::super::mongo_address::MongoAddress;

/// How long a server may take to answer at first, where the address does not say. The driver's own
/// 30 seconds are long for somebody who waits for an error.
const PATIENCE: Duration = Duration::from_secs(10);

/// The field that pushed rows have for their place in the file they came from.
pub(super) const ROW_FIELD: &str = "_row";

/// The index over it: a collection that has it is read in the order of its file.
const ROW_INDEX: &str = "picket_row";

/// A collection, and what is needed to speak of it without its password.
pub(super) struct Collection {
    address: MongoAddress,
    target: String,
    pub(super) driver: DriverCollection<Document>,
}

impl Collection {
    /// Connects by the address in the environment.
    pub(super) fn connect(database: Option<&str>, name: &str) -> Result<Self, IngestError> {
        let target = |database: &str| format!("{database}.{name}");
        let unknown = target(database.unwrap_or("?"));
        let address = MongoAddress::from_environment().map_err(|reason| IngestError::MongoDb {
            target: unknown.clone(),
            reason,
        })?;
        let wrong = |error: &Error| wrong(&address, &unknown, error);
        let mut options = ClientOptions::parse(address.expose())
            .run()
            .map_err(|error| wrong(&error))?;
        options.app_name.get_or_insert_with(|| "picket".to_owned());
        options.server_selection_timeout.get_or_insert(PATIENCE);
        options.connect_timeout.get_or_insert(PATIENCE);
        let database = database
            .map(str::to_owned)
            .or_else(|| options.default_database.clone());
        let client = Client::with_options(options).map_err(|error| wrong(&error))?;
        let Some(database) = database else {
            return Err(IngestError::MongoDb {
                target: unknown,
                reason: "found no database in the address; expected one there or by --database"
                    .to_owned(),
            });
        };
        Ok(Self {
            target: target(&database),
            address,
            driver: client.database(&database).collection(name),
        })
    }

    /// Database and collection.
    pub(super) fn target(&self) -> &str {
        &self.target
    }

    /// The driver's error, without secrets.
    pub(super) fn error(&self, error: &Error) -> IngestError {
        wrong(&self.address, &self.target, error)
    }

    /// An error of this collection in own words.
    pub(super) fn because(&self, reason: impl Into<String>) -> IngestError {
        IngestError::MongoDb {
            target: self.target.clone(),
            reason: reason.into(),
        }
    }

    /// Reads extended JSON, such as `{"$oid": …}`.
    pub(super) fn document(
        &self,
        object: &Map<String, Value>,
        what: &str,
    ) -> Result<Document, IngestError> {
        serde_json::from_value(Value::Object(object.clone()))
            .map_err(|error| self.because(format!("{what}: expected extended JSON: {error}")))
    }

    /// Makes reading in the order of the file cheap.
    pub(super) fn index_rows(&self) -> Result<(), IngestError> {
        let options = IndexOptions::builder().name(ROW_INDEX.to_owned()).build();
        let index = IndexModel::builder()
            .keys(doc! { ROW_FIELD: 1, "_id": 1 })
            .options(options)
            .build();
        self.driver
            .create_index(index)
            .run()
            .map(drop)
            .map_err(|error| self.error(&error))
    }

    /// The order of reading: always one, or the same rows would give other models. That of the
    /// file for rows that were pushed, else that of `_id`.
    pub(super) fn order(&self) -> Result<Document, IngestError> {
        let names = match self.driver.list_index_names().run() {
            Ok(names) => names,
            Err(error) if is_missing_namespace(&error) => Vec::new(),
            Err(error) => return Err(self.error(&error)),
        };
        if names.iter().any(|name| name == ROW_INDEX) {
            return Ok(doc! { ROW_FIELD: 1, "_id": 1 });
        }
        Ok(doc! { "_id": 1 })
    }
}

/// `NamespaceNotFound`: there is no such collection.
fn is_missing_namespace(error: &Error) -> bool {
    matches!(&*error.kind, mongodb::error::ErrorKind::Command(command) if command.code == 26)
}

fn wrong(address: &MongoAddress, target: &str, error: &Error) -> IngestError {
    let text = error.kind.to_string();
    IngestError::MongoDb {
        target: target.to_owned(),
        reason: format!("at {address}: {}", address.scrub(&text)),
    }
}

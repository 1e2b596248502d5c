//! What the collection of records has: indexes, and a validator where the server knows such.

use mongodb::IndexModel;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::IndexOptions;
use mongodb::sync::{Collection, Database};
use picket_schema::record::json_schema;
use serde_json::json;

use crate::log_line::log;

/// The server has a collection of this name already.
const NAMESPACE_EXISTS: i32 = 48;

/// Labels are joined by prediction, windows of records are read by kind and time, a source is erased.
pub(super) fn make_indexes(collection: &Collection<Document>) -> Result<(), Error> {
    let index = |name: &str, keys| {
        let options = IndexOptions::builder().name(name.to_owned()).build();
        IndexModel::builder().keys(keys).options(options).build()
    };
    collection
        .create_indexes([
            index("kind_time", doc! {"kind": 1, "time_ms": 1}),
            index("prediction", doc! {"prediction": 1}),
            index("source", doc! {"source": 1}),
            index("time_ms", doc! {"time_ms": 1}),
        ])
        .run()
        .map(drop)
}

/// Makes the server check documents, where it can: FerretDB knows no validators, and a device may lack the right. Then
/// the collector and the reader check alone, and the log says so.
///
/// # Errors
/// Where the server cannot be reached.
pub(super) fn make_validator(database: &Database, name: &str) -> Result<(), Error> {
    let validator: Document = match serde_json::from_value(json!({"$jsonSchema": json_schema()})) {
        Ok(validator) => validator,
        Err(error) => {
            log(
                "error",
                "no_validator",
                &[("reason", json!(error.to_string()))],
            );
            return Ok(());
        }
    };
    match set_validator(database, name, &validator) {
        Err(error) => {
            let (ErrorKind::Command(_) | ErrorKind::InvalidResponse { .. }) = error.kind.as_ref()
            else {
                return Err(error);
            };
            let reason = error.to_string().chars().take(300).collect::<String>();
            log("warn", "no_validator", &[("reason", json!(reason))]);
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

fn set_validator(database: &Database, name: &str, validator: &Document) -> Result<(), Error> {
    // Asked first: changing it takes a lock that every device would ask for.
    let found = database
        .run_command(doc! {"listCollections": 1, "filter": {"name": name}})
        .run()?;
    let first = found
        .get_document("cursor")
        .and_then(|it| it.get_array("firstBatch"))
        .ok()
        .and_then(|it| it.first())
        .and_then(Bson::as_document)
        .cloned();
    let Some(first) = first else {
        let made = database
            .run_command(doc! {"create": name, "validator": validator.clone()})
            .run();
        return match made {
            Err(error) if code(&error) == Some(NAMESPACE_EXISTS) => Ok(()),
            made => made.map(drop),
        };
    };
    let standing = first
        .get_document("options")
        .and_then(|it| it.get_document("validator"));
    if standing.is_ok_and(|it| it == validator) {
        return Ok(());
    }
    database
        .run_command(doc! {"collMod": name, "validator": validator.clone()})
        .run()
        .map(drop)
}

fn code(error: &Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => Some(command.code),
        _ => None,
    }
}

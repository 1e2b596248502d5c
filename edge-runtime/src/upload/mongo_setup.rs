//! What the collection of records has: indexes, and a validator where the server knows such.

use mongodb::bson::{Bson, Document, doc};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::IndexOptions;
use mongodb::{Collection, Database, IndexModel};
use picket_schema::record::json_schema;
use serde_json::json;

use picket_telemetry::log;

/// The server has a collection of this name already.
const NAMESPACE_EXISTS: i32 = 48;

/// Labels are joined by prediction, windows of records are read by kind and time, a source is erased. A server that may
/// not or cannot make indexes gets its records all the same.
pub(super) async fn make_indexes(collection: &Collection<Document>) -> Result<(), Error> {
    // One by one: FerretDB 1.24 breaks off where it is asked for two that stand already.
    for (name, keys) in [
        ("kind_time", doc! {"kind": 1, "time_ms": 1}),
        ("prediction", doc! {"prediction": 1}),
        ("source", doc! {"source": 1}),
        ("time_ms", doc! {"time_ms": 1}),
    ] {
        let options = IndexOptions::builder().name(name.to_owned()).build();
        let index = IndexModel::builder().keys(keys).options(options).build();
        if let Err(error) = collection.create_index(index).await {
            if !matches!(*error.kind, ErrorKind::Command(_)) {
                return Err(error);
            }
            let fields = [("index", json!(name)), ("reason", json!(error.to_string()))];
            log("warn", "index_not_made", &fields);
        }
    }
    Ok(())
}

/// Makes the server check documents, where it can: FerretDB knows no validators, and a device may lack the right. Then
/// the collector and the reader check alone, and the log says so.
///
/// # Errors
/// Where the server cannot be reached.
pub(super) async fn make_validator(database: &Database, name: &str) -> Result<(), Error> {
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
    match set_validator(database, name, &validator).await {
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

async fn set_validator(database: &Database, name: &str, validator: &Document) -> Result<(), Error> {
    // Asked first: changing it takes a lock that every device would ask for.
    let found = database
        .run_command(doc! {"listCollections": 1, "filter": {"name": name}})
        .await?;
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
            .await;
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
        .await
        .map(drop)
}

fn code(error: &Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => Some(command.code),
        _ => None,
    }
}

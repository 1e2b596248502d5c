//! Which documents of a MongoDB collection are rows.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// Documents of a collection. The server's address is not part of it: it may hold a password, so
/// it comes from the environment.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MongoSource {
    /// The database; left out, the one that the address names.
    #[serde(default)]
    pub database: Option<String>,
    /// The collection.
    pub collection: String,
    /// Which documents, as MongoDB's `find` takes it, in extended JSON. Empty: all.
    #[serde(default, deserialize_with = "object")]
    pub query: Map<String, Value>,
    /// Which fields, as MongoDB's `find` takes it. Empty: those that the schema names.
    #[serde(default, deserialize_with = "object")]
    pub projection: Map<String, Value>,
}

impl fmt::Display for MongoSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MongoDB ")?;
        if let Some(database) = &self.database {
            write!(f, "{database}.")?;
        }
        f.write_str(&self.collection)
    }
}

/// Reads a JSON object from its text.
pub(crate) fn parse_object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("expected a JSON object: {error}"))
}

/// An object, or the JSON text of one.
fn object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map<String, Value>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Text(String),
        Object(Map<String, Value>),
    }
    match Form::deserialize(deserializer)? {
        Form::Object(object) => Ok(object),
        Form::Text(text) => parse_object(&text)
            .map_err(|error| D::Error::custom(format!("query or projection: {error}"))),
    }
}

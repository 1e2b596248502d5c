//! Where rows come from, as a pipeline file or a command line says it.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::mongo_source::MongoSource;

/// Where rows come from.
///
/// In a pipeline file: `data = "rows.csv"`, `data = ["2026-*.csv.gz", "more.parquet"]`, or a table
/// `[data]` with `kind = "files"` or `kind = "mongodb"` and the fields of [`FileSource`] or
/// [`MongoSource`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum DataSource {
    /// Files, or standard input.
    Files(FileSource),
    /// A collection.
    MongoDb(MongoSource),
}

/// Files of rows. Each has a header of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FileSource {
    /// Paths, or patterns with `*` and `?` in their last part; `-` is standard input.
    pub paths: Vec<String>,
    /// The character between fields; left out, a tab for `.tsv` and `.tab`, else a comma.
    #[serde(default)]
    pub delimiter: Option<char>,
}

impl DataSource {
    /// One file, or the files of one pattern.
    #[must_use]
    pub fn file(path: impl Into<String>) -> Self {
        Self::Files(FileSource {
            paths: vec![path.into()],
            delimiter: None,
        })
    }
}

impl fmt::Display for DataSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(files) => f.write_str(&files.paths.join(", ")),
            Self::MongoDb(mongo) => mongo.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for DataSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SourceVisitor)
    }
}

/// The form with a `kind`.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Described {
    Files(FileSource),
    MongoDb(MongoSource),
}

struct SourceVisitor;

impl<'de> Visitor<'de> for SourceVisitor {
    type Value = DataSource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a path, a list of paths, or a table with kind = \"files\" or \"mongodb\"")
    }

    fn visit_str<E: Error>(self, path: &str) -> Result<DataSource, E> {
        Ok(DataSource::file(path))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<DataSource, A::Error> {
        let mut paths = Vec::new();
        while let Some(path) = list.next_element::<String>()? {
            paths.push(path);
        }
        if paths.is_empty() {
            return Err(A::Error::custom(
                "found an empty list; expected at least one path",
            ));
        }
        Ok(DataSource::Files(FileSource {
            paths,
            delimiter: None,
        }))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<DataSource, A::Error> {
        Ok(
            match Described::deserialize(MapAccessDeserializer::new(map))? {
                Described::Files(files) => DataSource::Files(files),
                Described::MongoDb(mongo) => DataSource::MongoDb(mongo),
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    #[test]
    fn all_three_forms_are_read() {
        let short: DataSource = from_value(json!("a.csv")).unwrap();
        assert_eq!(short, DataSource::file("a.csv"));
        let list: DataSource = from_value(json!(["a.csv", "b*.tsv"])).unwrap();
        assert_eq!(list.to_string(), "a.csv, b*.tsv");
        let files = json!({"kind": "files", "paths": ["a.txt"], "delimiter": ";"});
        let DataSource::Files(files) = from_value(files).unwrap() else {
            panic!("files");
        };
        assert_eq!(files.delimiter, Some(';'));
        let mongo = json!({"kind": "mongodb", "collection": "sites", "query": "{\"day\": {\"$gt\": 3}}", "projection": {"note": 0}});
        let DataSource::MongoDb(mongo) = from_value(mongo).unwrap() else {
            panic!("a collection");
        };
        assert_eq!(mongo.query["day"], json!({"$gt": 3}));
        assert_eq!(mongo.projection["note"], 0);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (value, words) in [
            (json!([]), "at least one path"),
            (json!(3), "a path, a list of paths"),
            (json!({"kind": "postgres"}), "expected `files` or `mongodb`"),
            (json!({"kind": "mongodb"}), "collection"),
            (
                json!({"kind": "mongodb", "collection": "c", "url": "mongodb://u:p@h"}),
                "url",
            ),
            (
                json!({"kind": "mongodb", "collection": "c", "query": "{"}),
                "query",
            ),
        ] {
            let error = from_value::<DataSource>(value.clone())
                .unwrap_err()
                .to_string();
            assert!(error.contains(words), "{value}: {error}");
        }
    }
}

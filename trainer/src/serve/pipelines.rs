//! What may be trained: the operator's pipelines, and what a request may change in them.
//!
//! Where rows are read from, where models go and who is told of them is the operator's to say: a request that could
//! name files and addresses could read and reach what the server can.

use std::path::PathBuf;

use picket_schema::FeatureSchema;
use serde_json::{Map, Value};

use crate::error::TrainerError;
use crate::pipeline::{PipelineConfig, check_signing};

/// Keys that a request may set, and of those with parts the parts; all others are the operator's.
const OPEN: [(&str, &[&str]); 11] = [
    ("seed", &[]),
    ("validate", &[]),
    ("split", &[]),
    ("transform", &[]),
    ("search", &[]),
    ("calibrate", &[]),
    ("decide", &[]),
    ("evaluate", &[]),
    ("accept", &["min-gain"]),
    ("drift", &["fail", "alpha"]),
    ("publish", &["promote"]),
];
/// Chooses a pipeline by its name.
const NAME: &str = "name";

/// The operator's pipelines.
#[derive(Clone, Debug)]
pub struct Pipelines {
    /// Each with its schema. The first is taken where a request names none.
    known: Vec<(PipelineConfig, FeatureSchema)>,
}

impl Pipelines {
    /// Reads pipelines from their files, with the schemas that they name.
    ///
    /// # Errors
    /// A [`TrainerError`] by what is wrong with a file; [`TrainerError::Usage`] where two have one name.
    pub fn read(files: &[PathBuf]) -> Result<Self, TrainerError> {
        let mut known: Vec<(PipelineConfig, FeatureSchema)> = Vec::new();
        for file in files {
            let mut config = PipelineConfig::read(file)?;
            // A training would be refused for it, each time.
            check_signing(&config.publish)?;
            let place = file.display().to_string();
            let schema = config
                .schema
                .as_deref()
                .ok_or_else(|| TrainerError::Pipeline {
                    file: place.clone(),
                    reason: "found no schema; expected the feature schema's file".to_owned(),
                })?;
            let schema = read_schema(schema)?;
            if config.name.is_empty() {
                config.name.clone_from(&schema.name);
            }
            if known.iter().any(|(other, _)| other.name == config.name) {
                return Err(TrainerError::Usage {
                    option: "--pipeline".to_owned(),
                    expected: format!("a name for each pipeline; {:?} came twice", config.name),
                });
            }
            known.push((config, schema));
        }
        Ok(Self { known })
    }

    /// The pipeline of this name with its schema, or the first.
    #[must_use]
    pub fn get(&self, name: Option<&str>) -> Option<&(PipelineConfig, FeatureSchema)> {
        match name {
            None => self.known.first(),
            Some(name) => self.known.iter().find(|(config, _)| config.name == name),
        }
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.known.iter().map(|(config, _)| config.name.as_str())
    }

    /// Where the pipelines publish to, the first that does.
    #[must_use]
    pub fn releases(&self) -> Option<&str> {
        self.known
            .iter()
            .find_map(|(config, _)| config.publish.to.as_deref())
    }

    /// The pipeline of this name, or the first, with a request's settings in it.
    ///
    /// # Errors
    /// [`TrainerError::Pipeline`] for settings that are not a request's to set, or not right.
    pub fn with_settings(
        &self,
        settings: &Value,
    ) -> Result<(PipelineConfig, FeatureSchema), TrainerError> {
        let wrong = |reason: String| TrainerError::Pipeline {
            file: "the request".to_owned(),
            reason,
        };
        let Some(settings) = settings.as_object() else {
            return Err(wrong("expected a table of settings".to_owned()));
        };
        let (base, schema) = match settings.get(NAME) {
            None => self.known.first(),
            Some(name) => self
                .known
                .iter()
                .find(|(config, _)| Some(config.name.as_str()) == name.as_str()),
        }
        .ok_or_else(|| {
            let names: Vec<&str> = self.names().collect();
            wrong(format!(
                "name: expected one of the service's pipelines: {}",
                names.join(", ")
            ))
        })?;
        let mut merged = serde_json::to_value(base)?;
        for (key, value) in settings.iter().filter(|(key, _)| *key != NAME) {
            let parts = OPEN.iter().find(|(open, _)| open == key);
            let (_, parts) = parts.ok_or_else(|| wrong(not_open(key)))?;
            if !parts.is_empty() {
                let table = value.as_object();
                let table = table.ok_or_else(|| wrong(format!("{key}: expected a table")))?;
                if let Some(part) = table.keys().find(|part| !parts.contains(&part.as_str())) {
                    return Err(wrong(not_open(&format!("{key}.{part}"))));
                }
            }
            merge(&mut merged[key], value);
        }
        let config: PipelineConfig =
            serde_json::from_value(merged).map_err(|error| wrong(error.to_string()))?;
        // What is wrong in the settings is said now, not by a failed task.
        config.decide.rule("the request")?;
        config.search.space().grid(&config.transform)?;
        Ok((config, schema.clone()))
    }
}

fn not_open(key: &str) -> String {
    let open: Vec<&str> = OPEN.iter().map(|(key, _)| *key).collect();
    let key: String = key.chars().take(80).collect();
    format!(
        "{key:?} is not a request's to set; expected name, {}",
        open.join(", ")
    )
}

/// Puts a value in the place of another; of tables only what is given.
fn merge(place: &mut Value, value: &Value) {
    match (place, value) {
        (Value::Object(table), Value::Object(given)) => merge_tables(table, given),
        (place, value) => *place = value.clone(),
    }
}

fn merge_tables(table: &mut Map<String, Value>, given: &Map<String, Value>) {
    for (key, value) in given {
        merge(table.entry(key.clone()).or_insert(Value::Null), value);
    }
}

fn read_schema(place: &std::path::Path) -> Result<FeatureSchema, TrainerError> {
    let file = place.display().to_string();
    let text = std::fs::read_to_string(place).map_err(|source| TrainerError::Read {
        file: file.clone(),
        source,
    })?;
    FeatureSchema::from_toml(&text).map_err(|source| TrainerError::Schema { file, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pipelines() -> Pipelines {
        let schema = crate::phishing_schema().unwrap();
        let named = |name: &str| PipelineConfig {
            name: name.to_owned(),
            data: Some(crate::ingest::DataSource::file("rows.csv")),
            ..PipelineConfig::default()
        };
        let known = ["phishing", "nsl-kdd"].map(|name| (named(name), schema.clone()));
        Pipelines {
            known: known.to_vec(),
        }
    }

    #[test]
    fn a_request_sets_what_is_open_and_leaves_the_rest() {
        let settings = json!({"name": "nsl-kdd", "seed": 9, "search": {"folds": 3}});
        let (config, _) = pipelines().with_settings(&settings).unwrap();
        assert_eq!((config.seed, config.search.folds), (9, 3));
        assert_eq!(config.name, "nsl-kdd");
        let base = PipelineConfig::default();
        assert_eq!(config.search.metric, base.search.metric);
        let (first, _) = pipelines().with_settings(&json!({})).unwrap();
        assert_eq!(first.name, "phishing");
        assert!(first.data.is_some());
    }

    #[test]
    fn paths_and_addresses_are_not_a_requests_to_set() {
        for settings in [
            json!({"data": "/etc/passwd"}),
            json!({"schema": "/etc/passwd"}),
            json!({"artifacts": "/tmp/x"}),
            json!({"publish": {"to": "/tmp/x"}}),
            json!({"accept": {"champion": "/tmp/x"}}),
            json!({"drift": {"reference": "/etc/passwd"}}),
            json!({"track": {"uri": "http://169.254.169.254/"}}),
            json!({"serach": {}}),
            json!({"name": "other"}),
            json!({"name": 3}),
            json!({"publish": "/tmp/x"}),
            json!({"search": {"foldz": 3}}),
            json!({"decide": {"threshold": 0.1, "max-fpr": 0.1}}),
            json!([1]),
        ] {
            let error = pipelines().with_settings(&settings);
            assert!(
                matches!(error, Err(TrainerError::Pipeline { .. })),
                "{settings}: {error:?}"
            );
        }
    }
}

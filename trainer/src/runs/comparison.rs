//! Two runs or two artifacts side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use picket_schema::artifact::Artifact;
use picket_wasm_model::OwnedModel;
use serde::Serialize;

use crate::error::TrainerError;
use crate::runs::MODEL_FILE;
use crate::runs::record::{Measured, Run};

/// One of two things compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Side {
    /// What was named: a run's directory or a model's file.
    pub name: String,
    /// What it is, what it comes from: each a name and a value.
    pub facts: BTreeMap<String, String>,
    /// The learner's parameters.
    pub parameters: BTreeMap<String, String>,
    /// What was measured.
    pub metrics: Vec<Measured>,
}

/// A value of both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference<T> {
    /// What it is a value of.
    pub name: String,
    /// The first side's.
    pub a: Option<T>,
    /// The second side's.
    pub b: Option<T>,
}

/// Two sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// What the first is called.
    pub a: String,
    /// What the second is called.
    pub b: String,
    /// What they are and come from.
    pub facts: Vec<Difference<String>>,
    /// Parameters, those that are equal too.
    pub parameters: Vec<Difference<String>>,
    /// Metrics.
    pub metrics: Vec<Difference<Measured>>,
    /// What to know before comparing the numbers.
    pub notes: Vec<String>,
}

impl Side {
    /// Reads a run's directory, or a model's file.
    ///
    /// # Errors
    /// [`TrainerError`] where it is neither.
    pub fn read(path: &Path) -> Result<Self, TrainerError> {
        let mut side = Self {
            name: path.display().to_string(),
            ..Self::default()
        };
        if !path.is_dir() {
            side.add_model(path)?;
            return Ok(side);
        }
        let record = Run::read(path)?.record;
        let model = path.join(MODEL_FILE);
        if model.is_file() {
            side.add_model(&model)?;
        }
        let mut fact = |name: &str, value: Option<String>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                side.facts.insert(name.to_owned(), value);
            }
        };
        fact("run", Some(record.run_id));
        fact("state", Some(record.state));
        fact("seed", Some(record.seed.to_string()));
        fact("code version", Some(record.code_version));
        fact("schema", record.schema_digest);
        fact("data", record.data_digest);
        fact("artifact", record.model_digest);
        fact("started", record.started);
        fact(
            "outcome",
            record
                .outcome
                .map(|outcome| format!("{}: {}", outcome.in_words(), outcome.reason)),
        );
        // What the run measured last counts; the card tells the same where the run has nothing.
        if !record.metrics.is_empty() {
            side.metrics = record.metrics;
        }
        Ok(side)
    }

    fn add_model(&mut self, path: &Path) -> Result<(), TrainerError> {
        let file = path.display().to_string();
        let bytes = fs::read(path).map_err(|source| TrainerError::Read {
            file: file.clone(),
            source,
        })?;
        let owned =
            OwnedModel::load(bytes).map_err(|source| TrainerError::Model { file, source })?;
        let artifact = owned.model().artifact();
        let card = &artifact.card;
        let facts = [
            ("model", card.name.clone()),
            ("learner", card.algorithm.clone()),
            ("artifact", Artifact::digest(owned.bytes()).to_string()),
            ("size", format!("{} bytes", owned.bytes().len())),
            ("schema", artifact.schema.digest().to_string()),
            ("data", card.data_digest.to_string()),
            ("seed", card.seed.to_string()),
            ("code version", card.code_version.clone()),
            ("split", card.split.clone()),
            ("rows to learn from", card.n_rows_train.to_string()),
            ("rows to test on", card.n_rows_test.to_string()),
            ("threshold", artifact.decision.threshold.to_string()),
        ];
        let facts = facts.map(|(name, value)| (name.to_owned(), value));
        self.facts.extend(facts);
        self.parameters.extend(card.parameters.clone());
        self.metrics = card
            .metrics
            .iter()
            .map(|metric| Measured {
                name: metric.name.clone(),
                value: metric.value,
                low: metric.low,
                high: metric.high,
            })
            .collect();
        Ok(())
    }
}

impl Comparison {
    /// Puts two sides next to each other.
    #[must_use]
    pub fn of(a: Side, b: Side) -> Self {
        let mut notes = Vec::new();
        for (fact, note) in [
            (
                "data",
                "They learned from different rows: the metrics are not measured on the same ones.",
            ),
            (
                "schema",
                "Their feature schemas differ: rows of one do not fit the other.",
            ),
        ] {
            if let (Some(one), Some(other)) = (a.facts.get(fact), b.facts.get(fact))
                && one != other
            {
                notes.push(note.to_owned());
            }
        }
        let names: Vec<String> = {
            let mut names: Vec<String> = a.metrics.iter().map(|x| x.name.clone()).collect();
            for metric in &b.metrics {
                if !names.contains(&metric.name) {
                    names.push(metric.name.clone());
                }
            }
            names
        };
        let find = |metrics: &[Measured], name: &str| {
            metrics.iter().find(|metric| metric.name == name).cloned()
        };
        Self {
            facts: differences(&a.facts, &b.facts),
            parameters: differences(&a.parameters, &b.parameters),
            metrics: names
                .into_iter()
                .map(|name| Difference {
                    a: find(&a.metrics, &name),
                    b: find(&b.metrics, &name),
                    name,
                })
                .collect(),
            a: a.name,
            b: b.name,
            notes,
        }
    }
}

fn differences(
    a: &BTreeMap<String, String>,
    b: &BTreeMap<String, String>,
) -> Vec<Difference<String>> {
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    names
        .into_iter()
        .map(|name| Difference {
            name: name.clone(),
            a: a.get(name).cloned(),
            b: b.get(name).cloned(),
        })
        .collect()
}

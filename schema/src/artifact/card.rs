//! The model card: where a model comes from and how good it is.

use std::collections::BTreeMap;

use serde::Serialize;

use super::error::ArtifactError;
use super::reader::Reader;
use crate::digest::{ArtifactDigest, DataDigest};
use crate::feature_schema::FeatureSchema;
use crate::quoted::Quoted;

/// A measured number with its 95 % interval.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metric {
    /// Such as `f1`.
    pub name: String,
    /// The measured value.
    pub value: f64,
    /// The interval's lower bound.
    pub low: f64,
    /// The interval's upper bound.
    pub high: f64,
}

/// The model card. No clock, host or user: the same data, parameters and seed give the same bytes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Card {
    /// The model's name, shown to users with every answer as its version.
    pub name: String,
    /// The learner, such as `forest`.
    pub algorithm: String,
    /// The version of the code that trained it.
    pub code_version: String,
    /// The seed of every random choice in training.
    pub seed: u64,
    /// Identifies the training data.
    pub data_digest: DataDigest,
    /// The model this one was made from, if any.
    pub parent: Option<ArtifactDigest>,
    /// The learner's parameters.
    pub parameters: BTreeMap<String, String>,
    /// What was measured on rows that training did not see.
    pub metrics: Vec<Metric>,
    /// How rows were split into training and test: `grouped` or `random`; `retune` where the metrics are those of
    /// the rows that a model was retuned on.
    pub split: String,
    /// How many rows trained the model.
    pub n_rows_train: u64,
    /// How many rows the metrics were measured on.
    pub n_rows_test: u64,
    /// The share of the test rows of a random split whose features also stand in its training part.
    pub memorised_share: f64,
    /// Feature importances, which add up to 1; shape `(n_features,)` or empty.
    pub importances: Vec<f64>,
    /// What a reader should know, such as that the data is synthetic.
    pub notes: Vec<String>,
}

impl Metric {
    fn read(reader: &mut Reader<'_>) -> Self {
        reader.map(4);
        Self {
            name: reader.key("name").string(),
            value: reader.key("value").f64(),
            low: reader.key("low").f64(),
            high: reader.key("high").f64(),
        }
    }
}

impl Card {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        reader.map(14);
        Self {
            name: reader.key("name").string(),
            algorithm: reader.key("algorithm").string(),
            code_version: reader.key("code_version").string(),
            seed: reader.key("seed").uint(u64::MAX),
            data_digest: DataDigest(reader.key("data_digest").digest()),
            parent: reader
                .key("parent")
                .optional(Reader::digest)
                .map(ArtifactDigest),
            parameters: reader.key("parameters").string_map(),
            metrics: reader.key("metrics").array(Metric::read),
            split: reader.key("split").string(),
            n_rows_train: reader.key("n_rows_train").uint(u64::MAX),
            n_rows_test: reader.key("n_rows_test").uint(u64::MAX),
            memorised_share: reader.key("memorised_share").f64(),
            importances: reader.key("importances").array(Reader::f64),
            notes: reader.key("notes").array(Reader::string),
        }
    }

    pub(super) fn validate(&self, schema: &FeatureSchema) -> Result<(), ArtifactError> {
        ArtifactError::check_range(
            format_args!("memorised_share"),
            self.memorised_share,
            0.0,
            1.0,
        )?;
        for metric in &self.metrics {
            for x in [metric.value, metric.low, metric.high] {
                let field = format_args!("metric {}", Quoted(&metric.name));
                ArtifactError::check_range(field, x, f64::MIN, f64::MAX)?;
            }
        }
        let n_features = if self.importances.is_empty() {
            0
        } else {
            schema.n_features()
        };
        ArtifactError::check_count(
            "importances",
            self.importances.len(),
            n_features,
            n_features,
        )?;
        self.importances.iter().try_for_each(|x| {
            ArtifactError::check_range(format_args!("an importance"), *x, 0.0, 1.0)
        })
    }
}

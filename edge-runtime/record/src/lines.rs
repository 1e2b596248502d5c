//! Predictions and labels as lines of JSON, borrowed from the answers that they tell of.

use picket_schema::Verdict;
use picket_service::{PredictionId, ServedModel};
use serde::Serialize;

/// The model that answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ModelRef<'a> {
    /// The name in its card.
    pub version: &'a str,
    /// The artifact's digest.
    pub digest: &'a str,
}

impl<'a> ModelRef<'a> {
    /// The name of a model that is served.
    #[must_use]
    pub fn of(model: &'a ServedModel) -> Self {
        Self {
            version: model.version(),
            digest: model.digest(),
        }
    }
}

/// What a model said of a row. As JSON it is a record of the kind `prediction`.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "kind", rename = "prediction")]
pub struct PredictionLine<'a> {
    /// The prediction's id, which its answer carries.
    pub id: PredictionId,
    /// When, in milliseconds since 1970.
    pub time_ms: u64,
    /// The node that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<&'a str>,
    /// The model.
    pub model: ModelRef<'a>,
    /// What was answered.
    pub verdict: Verdict,
    /// From 0 to 1.
    pub score: f64,
    /// Before calibration.
    pub margin: f64,
    /// The source's pseudonym, where sources are recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<&'a str>,
    /// The row in the schema's order, where rows are recorded; null is missing. Shape: `(n_features,)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<&'a [f32]>,
}

/// What a prediction turned out to be. As JSON it is a record of the kind `label`.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "kind", rename = "label")]
pub struct LabelLine<'a> {
    /// This record's id.
    pub id: PredictionId,
    /// When, in milliseconds since 1970.
    pub time_ms: u64,
    /// The node that took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<&'a str>,
    /// The prediction.
    pub prediction: PredictionId,
    /// The class, by its name in the schema.
    pub label: &'a str,
}

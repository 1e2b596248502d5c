//! What a model said of a row.

use serde::{Deserialize, Serialize};

use super::error::RecordError;
use super::text::{expect, expect_name, is_digest, is_pseudonym};
use crate::limits::MAX_FEATURES;
use crate::score::Verdict;

/// The model that answered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelName {
    /// The name in its card.
    pub version: String,
    /// The artifact's digest: `sha256:` and 64 hexadecimal digits.
    pub digest: String,
}

/// What a model said of a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredictionRecord {
    /// The prediction's id, which its answer carried: 32 hexadecimal digits.
    pub id: String,
    /// When, in milliseconds since 1970.
    pub time_ms: u64,
    /// The node that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The model.
    pub model: ModelName,
    /// What was answered.
    pub verdict: Verdict,
    /// From 0 to 1.
    pub score: f64,
    /// Before calibration.
    pub margin: f64,
    /// The source's pseudonym, where sources are recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The row in the schema's order, where rows are recorded; `None` is missing. Shape: `(n_features,)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Vec<Option<f32>>>,
}

impl ModelName {
    pub(super) fn check(&self) -> Result<(), RecordError> {
        expect_name(&self.version, "model.version")?;
        expect(
            is_digest(&self.digest),
            "model.digest",
            "sha256: and 64 lower-case hexadecimal digits",
            &self.digest,
        )
    }
}

pub(super) fn check_score(score: f64, field: &'static str) -> Result<(), RecordError> {
    expect((0.0..=1.0).contains(&score), field, "0 to 1", score)
}

pub(super) fn check_source(source: Option<&String>) -> Result<(), RecordError> {
    source.map_or(Ok(()), |source| {
        let expected = "a pseudonym: 32 lower-case hexadecimal digits";
        // A text that is none may be the very name that must not stand here.
        expect(is_pseudonym(source), "source", expected, "another text")
    })
}

impl PredictionRecord {
    pub(super) fn check(&self) -> Result<(), RecordError> {
        self.model.check()?;
        check_score(self.score, "score")?;
        let margin = self.margin;
        expect(margin.is_finite(), "margin", "a finite number", margin)?;
        check_source(self.source.as_ref())?;
        let n_features = self.features.as_ref().map_or(1, Vec::len);
        expect(
            (1..=MAX_FEATURES).contains(&n_features),
            "features",
            "1 to 4096 values",
            n_features,
        )
    }
}

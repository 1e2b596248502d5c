//! What a challenger said of a row that the champion answered.

use serde::{Deserialize, Serialize};

use super::error::RecordError;
use super::prediction::{ModelName, check_score, check_source};
use super::text::{expect, expect_id};
use crate::score::Verdict;

/// What the champion answered, so that the two can be compared before any label comes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChampionAnswer {
    /// The champion.
    pub model: ModelName,
    /// Its verdict.
    pub verdict: Verdict,
    /// Its score, from 0 to 1.
    pub score: f64,
}

/// What a challenger said of a row that the champion answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShadowRecord {
    /// This record's id: 32 hexadecimal digits.
    pub id: String,
    /// When, in milliseconds since 1970.
    pub time_ms: u64,
    /// The node that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The id of the champion's prediction.
    pub prediction: String,
    /// The challenger.
    pub model: ModelName,
    /// Its verdict.
    pub verdict: Verdict,
    /// Its score, from 0 to 1.
    pub score: f64,
    /// Its margin.
    pub margin: f64,
    /// The champion's answer.
    pub champion: ChampionAnswer,
    /// The source's pseudonym, where sources are recorded: whoever is erased is erased here too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl ShadowRecord {
    pub(super) fn check(&self) -> Result<(), RecordError> {
        expect_id(&self.prediction, "prediction")?;
        self.model.check()?;
        self.champion.model.check()?;
        check_score(self.score, "score")?;
        check_score(self.champion.score, "champion.score")?;
        let margin = self.margin;
        expect(margin.is_finite(), "margin", "a finite number", margin)?;
        check_source(self.source.as_ref())
    }
}

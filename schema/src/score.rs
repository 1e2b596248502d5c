//! What a model says of a row: margin, score, verdict.

use serde::{Deserialize, Serialize};

/// The model's raw output for a row, before calibration. Any finite number; higher means more like the threat.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Margin(pub f64);

/// The calibrated probability of the positive class, in 0..=1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Score(pub f64);

/// What to do about a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The row is taken for the threat.
    Positive,
    /// The row is taken for harmless.
    Negative,
    /// The score is in the band where the model should not decide.
    Uncertain,
}

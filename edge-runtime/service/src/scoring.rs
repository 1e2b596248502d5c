//! The seam to the scorer: a component in a host, or the scorer itself inside a component.

use picket_wasm_model::{Explainer, Explanation, Model, OwnedModel, RowError, Scored, Scorer};

/// Why rows were not scored although they are right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScoringError {
    /// The scorer cannot answer now: it ran out of time or memory, or all are busy. Trying again may help.
    #[error("the scorer cannot answer now: {reason}")]
    Unavailable {
        /// What happened.
        reason: String,
    },
    /// The model has no exact explanations. Scores are not affected.
    #[error("{reason}")]
    Unexplainable {
        /// Why not.
        reason: String,
    },
    /// The scorer refused rows that the service had checked: a defect.
    #[error("the scorer refused checked rows: {reason}")]
    Refused {
        /// What the scorer said.
        reason: String,
    },
}

/// Scores rows of one model.
pub trait Scoring: Send + Sync {
    /// Scores rows. Shape of `rows`: `(n_rows, n_features)`, row-major; of the answer: `(n_rows,)`.
    ///
    /// # Errors
    /// [`ScoringError::Unavailable`] where trying again may help, else [`ScoringError::Refused`].
    fn score(&self, rows: &[f32]) -> Result<Vec<Scored>, ScoringError>;

    /// Scores one row at once, or says by `None` that it would have to wait. Shape of `row`: `(n_features,)`.
    ///
    /// Where nothing is ever waited for, this is the same as [`Scoring::score`].
    fn score_now(&self, row: &[f32]) -> Option<Result<Scored, ScoringError>> {
        Some(self.score(row).and_then(|scored| only(&scored)))
    }

    /// Explains one row. Shape of `row`: `(n_features,)`.
    ///
    /// # Errors
    /// As [`Scoring::score`], and [`ScoringError::Unexplainable`] where the model is of a kind without exact
    /// explanations.
    fn explain(&self, row: &[f32]) -> Result<Explanation, ScoringError>;
}

/// The score of the one row that was asked for.
///
/// # Errors
/// [`ScoringError::Refused`] where there is none: that is a defect of the scorer.
pub fn only(scored: &[Scored]) -> Result<Scored, ScoringError> {
    scored
        .first()
        .copied()
        .ok_or_else(|| ScoringError::Refused {
            reason: "no score for the row".to_owned(),
        })
}

impl Scoring for Model<'_> {
    fn score(&self, rows: &[f32]) -> Result<Vec<Scored>, ScoringError> {
        Scorer::new(self)
            .score_batch(rows)
            .map_err(|error| ScoringError::Refused {
                reason: error.to_string(),
            })
    }

    fn explain(&self, row: &[f32]) -> Result<Explanation, ScoringError> {
        Explainer::new(self)
            .explain(row)
            .map_err(|error| match error {
                RowError::Unexplainable(_) => ScoringError::Unexplainable {
                    reason: error.to_string(),
                },
                _ => ScoringError::Refused {
                    reason: error.to_string(),
                },
            })
    }
}

impl Scoring for OwnedModel {
    fn score(&self, rows: &[f32]) -> Result<Vec<Scored>, ScoringError> {
        Scoring::score(self.model(), rows)
    }

    fn explain(&self, row: &[f32]) -> Result<Explanation, ScoringError> {
        Scoring::explain(self.model(), row)
    }
}

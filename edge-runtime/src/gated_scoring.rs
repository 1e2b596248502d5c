//! A scorer that can be told to hold its answers back.

use std::sync::{Arc, PoisonError, RwLock};

use picket_service::{Scoring, ScoringError};
use picket_wasm_model::{Explanation, Scored};

/// Whether answers are given; one for all models of a host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<RwLock<Option<String>>>);

impl Gate {
    /// Closes with a reason, or opens.
    pub(crate) fn set(&self, reason: Option<&str>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = reason.map(str::to_owned);
    }

    fn check(&self) -> Result<(), ScoringError> {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some(reason) => Err(ScoringError::Unavailable {
                reason: reason.clone(),
            }),
        }
    }
}

/// Scores while a gate is open.
pub(crate) struct GatedScoring {
    pub(crate) gate: Gate,
    pub(crate) scoring: Box<dyn Scoring>,
}

impl Scoring for GatedScoring {
    fn score(&self, rows: &[f32]) -> Result<Vec<Scored>, ScoringError> {
        self.gate.check()?;
        self.scoring.score(rows)
    }

    fn score_now(&self, row: &[f32]) -> Option<Result<Scored, ScoringError>> {
        match self.gate.check() {
            Ok(()) => self.scoring.score_now(row),
            Err(error) => Some(Err(error)),
        }
    }

    fn explain(&self, row: &[f32]) -> Result<Explanation, ScoringError> {
        self.gate.check()?;
        self.scoring.explain(row)
    }
}

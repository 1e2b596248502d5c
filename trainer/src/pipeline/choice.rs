//! The candidate that won, as it is kept: enough to fit it again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::TrainerError;
use crate::learner::Learner;
use crate::search::Candidate;
use crate::transform::TransformPlan;

/// A learner and a transform by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The kind of model.
    pub model: String,
    /// The learner's parameters.
    pub parameters: BTreeMap<String, Value>,
    /// What rows go through before it.
    pub transform: TransformPlan,
}

impl Choice {
    /// The choice of a candidate.
    #[must_use]
    pub fn of(candidate: &Candidate) -> Self {
        let settings = candidate.learner.settings().into_iter();
        Self {
            model: candidate.model().to_owned(),
            // What the learner chooses itself is written by leaving it out.
            parameters: settings.filter(|(_, value)| !value.is_null()).collect(),
            transform: candidate.transform,
        }
    }

    /// The candidate.
    ///
    /// # Errors
    /// [`TrainerError::Parts`] where this trainer has no such learner.
    pub fn candidate(&self) -> Result<Candidate, TrainerError> {
        Ok(Candidate {
            transform: self.transform,
            learner: Learner::from_parts(&self.model, &self.parameters)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_learner_comes_back_as_it_was() {
        for kind in Learner::KINDS {
            let learner = Learner::from_parts::<Value>(kind, &BTreeMap::new()).unwrap();
            let candidate = Candidate {
                transform: TransformPlan::default(),
                learner,
            };
            let text = serde_json::to_string(&Choice::of(&candidate)).unwrap();
            let read: Choice = serde_json::from_str(&text).unwrap();
            assert_eq!(read.candidate().unwrap(), candidate);
        }
    }
}

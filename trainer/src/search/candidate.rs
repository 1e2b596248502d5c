//! A learner with its parameters, and what its rows go through before it.

use std::collections::BTreeMap;

use crate::learner::Learner;
use crate::transform::TransformPlan;

/// What a search tries.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// What rows go through before the learner.
    pub transform: TransformPlan,
    /// The learner.
    pub learner: Learner,
}

impl Candidate {
    /// The kind of model.
    #[must_use]
    pub fn model(&self) -> &'static str {
        self.learner.name()
    }

    /// All parameters by name.
    #[must_use]
    pub fn parameters(&self) -> BTreeMap<String, String> {
        let mut parameters = self.learner.parameters();
        parameters.extend(self.transform.parameters());
        parameters
    }

    /// Kind and parameters on one line.
    #[must_use]
    pub fn in_words(&self) -> String {
        let parameters = self.parameters();
        let pairs: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if pairs.is_empty() {
            return self.model().to_owned();
        }
        format!("{} {}", self.model(), pairs.join(" "))
    }
}

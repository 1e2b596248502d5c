//! Which candidates there are: grids and ranges of parameters.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::learner::Learner;
use crate::random::Random;
use crate::search::{Candidate, SearchError};
use crate::transform::TransformPlan;

/// A larger grid is a slip of the pen.
pub(crate) const MAX_CANDIDATES: usize = 10_000;

/// The values that a parameter may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Choices {
    /// Any of these.
    List(Vec<Value>),
    /// Any number between two, for a random search.
    Range(Range),
    /// This one.
    One(Value),
}

/// Numbers between two.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
    /// Whether the logarithm is drawn evenly; for numbers above 0.
    #[serde(default)]
    pub log: bool,
    /// Whether only whole numbers are drawn.
    #[serde(default)]
    pub integer: bool,
}

/// A kind of model and the values of its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpaceEntry {
    /// The kind of model, as in `trainer train --model`.
    pub model: String,
    /// What rows go through before it; without it what the search says of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<TransformPlan>,
    /// The parameters that differ from their defaults.
    #[serde(flatten)]
    pub parameters: BTreeMap<String, Choices>,
}

/// All that a search may try.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ParameterSpace {
    /// One entry a kind of model or more.
    pub entries: Vec<SpaceEntry>,
}

impl ParameterSpace {
    /// Every combination of every entry, the last parameter changing fastest, behind `transform` where an
    /// entry names no other.
    ///
    /// # Errors
    /// A [`SearchError`] for an empty or too large space, a range, and wrong parameters.
    pub fn grid(&self, transform: &TransformPlan) -> Result<Vec<Candidate>, SearchError> {
        let mut candidates = Vec::new();
        for (entry_idx, entry) in self.entries.iter().enumerate() {
            let mut lists = Vec::new();
            for (name, choices) in &entry.parameters {
                let list = match choices {
                    Choices::List(list) => list.clone(),
                    Choices::One(value) => vec![value.clone()],
                    Choices::Range(_) => {
                        return Err(SearchError::RangeInGrid {
                            entry: entry_idx,
                            model: entry.model.clone(),
                            parameter: name.clone(),
                        });
                    }
                };
                if list.is_empty() {
                    return Err(
                        entry.wrong(entry_idx, format!("{name}: expected at least one value"))
                    );
                }
                lists.push((name, list));
            }
            let n = lists
                .iter()
                .try_fold(1_usize, |n, (_, list)| n.checked_mul(list.len()));
            let found = n.unwrap_or(usize::MAX).saturating_add(candidates.len());
            if found > MAX_CANDIDATES {
                return Err(SearchError::TooManyCandidates { found });
            }
            for at in 0..n.unwrap_or(0) {
                let mut rest = at;
                let mut parameters = BTreeMap::new();
                for (name, list) in lists.iter().rev() {
                    parameters.insert((*name).clone(), list[rest % list.len()].clone());
                    rest /= list.len();
                }
                candidates.push(entry.candidate(entry_idx, transform, &parameters)?);
            }
        }
        if candidates.is_empty() {
            return Err(SearchError::NoCandidates);
        }
        Ok(candidates)
    }

    /// `n` distinct draws, entries in turn: lists evenly, ranges as they say. Fewer where the space is smaller.
    ///
    /// # Errors
    /// A [`SearchError`] for an empty space and wrong parameters.
    pub fn draw(
        &self,
        transform: &TransformPlan,
        n: usize,
        seed: u64,
    ) -> Result<Vec<Candidate>, SearchError> {
        if self.entries.is_empty() {
            return Err(SearchError::NoCandidates);
        }
        if n > MAX_CANDIDATES {
            return Err(SearchError::TooManyCandidates { found: n });
        }
        let mut random = Random::stream(seed, 3);
        let mut candidates: Vec<Candidate> = Vec::with_capacity(n);
        // A small space runs out of new candidates: after so many draws in vain it is taken for empty.
        let mut n_draws_left = 20 * n + 100;
        while candidates.len() < n && n_draws_left > 0 {
            let entry_idx = n_draws_left % self.entries.len();
            n_draws_left -= 1;
            let entry = &self.entries[entry_idx];
            let mut parameters = BTreeMap::new();
            for (name, choices) in &entry.parameters {
                let value = choices
                    .draw(&mut random)
                    .map_err(|reason| entry.wrong(entry_idx, format!("{name}: {reason}")))?;
                parameters.insert(name.clone(), value);
            }
            let candidate = entry.candidate(entry_idx, transform, &parameters)?;
            if !candidates.contains(&candidate) {
                candidates.push(candidate);
            }
        }
        Ok(candidates)
    }
}

impl SpaceEntry {
    fn candidate(
        &self,
        entry_idx: usize,
        transform: &TransformPlan,
        parameters: &BTreeMap<String, Value>,
    ) -> Result<Candidate, SearchError> {
        let learner = Learner::from_parts(&self.model, parameters)
            .map_err(|error| self.wrong(entry_idx, error.to_string()))?;
        Ok(Candidate {
            transform: self.transform.unwrap_or(*transform),
            learner,
        })
    }

    fn wrong(&self, entry: usize, reason: String) -> SearchError {
        SearchError::Candidate {
            entry,
            model: self.model.clone(),
            reason,
        }
    }
}

impl Choices {
    fn draw(&self, random: &mut Random) -> Result<Value, String> {
        match self {
            Self::One(value) => Ok(value.clone()),
            Self::List(list) if list.is_empty() => Err("expected at least one value".to_owned()),
            Self::List(list) => Ok(list[random.below(list.len())].clone()),
            Self::Range(range) => range.draw(random),
        }
    }
}

impl Range {
    fn draw(self, random: &mut Random) -> Result<Value, String> {
        let Self {
            low,
            high,
            log,
            integer,
        } = self;
        if !(low.is_finite() && high.is_finite() && low <= high) || (log && low <= 0.0) {
            return Err(format!(
                "found low = {low}, high = {high}; expected numbers, low not above high, and above 0 where log = true"
            ));
        }
        let unit = random.unit();
        let drawn = if log {
            libm::exp(libm::log(low) + unit * (libm::log(high) - libm::log(low)))
        } else {
            low + unit * (high - low)
        };
        let drawn = drawn.clamp(low, high);
        Ok(if integer {
            Value::from(drawn.round() as i64)
        } else {
            Value::from(drawn)
        })
    }
}

//! From scores to verdicts: the threshold and the band of uncertain scores.
//!
//! All rules read scores of rows that the model did not learn from, put together by groups of equal
//! rows: copies of a row are one observation.

mod binomial;
mod conformal;
mod cuts;
mod threshold;

use picket_schema::artifact::Decision;

pub use binomial::{binomial_cdf, clopper_pearson_upper};
pub use conformal::ConformalBand;
pub use threshold::{CostMethod, Costs, RateCheck, ThresholdRule};

use crate::metrics::ScoredGroups;

/// How sure a bound on a false-positive rate is.
pub const CONFIDENCE: f64 = 0.95;

/// Why no decision could be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecideError {
    /// A parameter of a rule is out of range.
    #[error("{what}: found {found}; expected {expected}")]
    Parameter {
        /// The parameter.
        what: &'static str,
        /// Its value.
        found: f64,
        /// What it may be.
        expected: &'static str,
    },
    /// There are too few rows to show a false-positive rate.
    #[error(
        "a false-positive rate of at most {rate} cannot be shown with {confidence} confidence: found {found} distinct negative rows; expected at least {expected}",
        confidence = CONFIDENCE
    )]
    TooFewNegatives {
        /// The rate.
        rate: f64,
        /// How many distinct negative rows there are.
        found: usize,
        /// How many would do if no row were a false positive.
        expected: usize,
    },
    /// Every threshold lets too many negative rows pass.
    #[error(
        "a false-positive rate of at most {rate}: found {found} at the highest threshold; expected a model that gives fewer negative rows its highest score"
    )]
    NoThreshold {
        /// The rate.
        rate: f64,
        /// The rate of the highest threshold.
        found: f64,
    },
}

/// How scores become verdicts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DecisionRule {
    /// The score from which a row is positive.
    pub threshold: ThresholdRule,
    /// The share of a class's rows whose verdict may be wrong; where it is given, a band of scores is
    /// uncertain. See [`ConformalBand`].
    pub uncertain: Option<f64>,
}

impl Default for DecisionRule {
    fn default() -> Self {
        Self {
            threshold: ThresholdRule::Fixed(0.5),
            uncertain: None,
        }
    }
}

/// A decision and how it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// The decision.
    pub decision: Decision,
    /// How the threshold was chosen, in words, without the rows that it was chosen on.
    pub threshold: String,
    /// How the band was chosen, in words.
    pub uncertain: Option<String>,
}

impl DecisionRule {
    /// Decides by scores of rows that the model did not learn from.
    ///
    /// # Errors
    /// A [`DecideError`] for a parameter out of range or a rate that no threshold keeps.
    pub fn decide(&self, scored: &ScoredGroups) -> Result<Decided, DecideError> {
        let threshold = self.threshold.choose(scored)?;
        let mut decided = Decided {
            decision: Decision {
                threshold,
                uncertain: None,
            },
            threshold: self.threshold.in_words(),
            uncertain: None,
        };
        if let Some(alpha) = self.uncertain {
            let band = ConformalBand::of(scored, alpha)?;
            decided.decision.uncertain = band.around(threshold);
            decided.uncertain = Some(band.in_words());
        }
        Ok(decided)
    }
}

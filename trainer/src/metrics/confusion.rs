//! How many rows of each class got which verdict.

use picket_schema::artifact::Decision;
use picket_schema::{Score, Verdict};
use serde::Serialize;

use super::measure::ScoredGroups;

/// Counts of rows by class and verdict. By the threshold alone, where the band of uncertain scores is not
/// looked at; the rows inside of the band are counted once more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// Positive rows at or above the threshold.
    pub true_positives: u64,
    /// Negative rows at or above the threshold.
    pub false_positives: u64,
    /// Negative rows below the threshold.
    pub true_negatives: u64,
    /// Positive rows below the threshold.
    pub false_negatives: u64,
    /// Positive rows in the band.
    pub uncertain_positives: u64,
    /// Negative rows in the band.
    pub uncertain_negatives: u64,
}

impl Confusion {
    /// Counts rows.
    #[must_use]
    pub fn of(scored: &ScoredGroups, decision: Decision) -> Self {
        let mut counts = Self::default();
        for group in scored.groups() {
            let (positives, negatives) = (u64::from(group.n_positive), u64::from(group.n_negative));
            if group.score >= decision.threshold {
                counts.true_positives += positives;
                counts.false_positives += negatives;
            } else {
                counts.false_negatives += positives;
                counts.true_negatives += negatives;
            }
            if decision.verdict(Score(group.score)) == Verdict::Uncertain {
                counts.uncertain_positives += positives;
                counts.uncertain_negatives += negatives;
            }
        }
        counts
    }
}

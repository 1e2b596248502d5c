//! The band of uncertain scores, with a guarantee: split conformal prediction, one class at a time.
//!
//! A class belongs to a row's *prediction set* where the row's score is no stranger than those of enough
//! rows of that class that the model did not learn from (Vovk, Gammerman and Shafer, Algorithmic Learning
//! in a Random World, 2005, chapter 4.5: Mondrian, here class-conditional). Of `n` distinct rows of a class
//! the `n + 1 - floor(alpha (n + 1))`-th, counted from the most typical one, draws the line. A new row of that
//! class then has the class in its set with probability at least `1 - alpha`, whatever the model and the
//! distribution, if it and the rows are exchangeable.
//!
//! A verdict stands for a set: positive or negative for the one class, uncertain for both. So at most a share
//! `alpha` of the positive rows is called negative, and at most a share `alpha` of the negative rows
//! positive.
//!
//! **Copies.** Equal rows are not exchangeable with others, so the unit is the group of equal rows: one
//! observation a class, however many copies there are. The guarantee is for distinct new rows. As in the
//! two-layer case of Dunn, Wasserman and Ramdas (2022), a row drawn from a new group has it too.
//!
//! **The empty set.** Where the model is better than `alpha` asks, the two lines cross: scores between them
//! belong to neither class. There is no band then, and any threshold between the lines keeps the guarantee:
//! the verdict is the threshold's.
//!
//! **The threshold.** A threshold outside of the band, or beyond the lines, would call rows by a class
//! that is not in their set. So the band is widened to it: sets grow, and the guarantee stands.
//!
//! **What it takes.** The margins must be of rows that the model did not learn from. Those of
//! `trainer retune` on new rows are; those of `trainer train` are out-of-fold or out-of-bag margins of models fitted
//! to fewer rows than the one that is written, for which the guarantee is not a theorem but is measured
//! (`trainer/tests/decide.rs`). Calibrating on the same rows takes nothing away: it keeps the order of scores.

use super::DecideError;
use crate::metrics::{ScoredGroup, ScoredGroups};

/// The lines that two classes draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConformalBand {
    /// The share of each class that may be missed.
    pub alpha: f64,
    /// The positive class is in the set of a score from here on.
    pub least_positive: f64,
    /// The negative class is in the set of a score up to here, and including it.
    pub most_negative: f64,
    /// How many distinct rows of the positive class drew the line.
    pub n_positive: usize,
    /// How many distinct rows of the negative class drew the line.
    pub n_negative: usize,
}

impl ConformalBand {
    /// Draws the lines by scores of rows that the model did not learn from.
    ///
    /// # Errors
    /// [`DecideError::Parameter`] where `alpha` is not between 0 and 1.
    pub fn of(scored: &ScoredGroups, alpha: f64) -> Result<Self, DecideError> {
        if !(alpha > 0.0 && alpha < 1.0) {
            return Err(DecideError::Parameter {
                what: "share of wrong verdicts",
                found: alpha,
                expected: "a number above 0 and below 1",
            });
        }
        // Groups come by falling score: the most typical positive rows first, negative ones last.
        let scores_of = |has: fn(&ScoredGroup) -> bool| -> Vec<f64> {
            let groups = scored.groups().iter().filter(|group| has(group));
            groups.map(|group| group.score).collect()
        };
        let positive = scores_of(|group| group.n_positive > 0);
        let mut negative = scores_of(|group| group.n_negative > 0);
        negative.reverse();
        // Too few rows: no line, the class is in every set.
        let line = |scores: &[f64], none: f64| {
            let rank = rank(scores.len(), alpha);
            scores.get(rank - 1).copied().unwrap_or(none)
        };
        Ok(Self {
            alpha,
            least_positive: line(&positive, 0.0),
            most_negative: line(&negative, 1.0),
            n_positive: positive.len(),
            n_negative: negative.len(),
        })
    }

    /// The pair for an artifact's decision: scores from the first up to but without the second are
    /// uncertain; nothing where no score is.
    #[must_use]
    pub fn around(&self, threshold: f64) -> Option<[f64; 2]> {
        let low = self.least_positive.min(threshold);
        let high = self.most_negative.next_up().max(threshold).min(1.0);
        (low < high).then_some([low, high])
    }

    /// How the band came to be.
    #[must_use]
    pub fn in_words(&self) -> String {
        format!(
            "split conformal, class-conditional: at most {} of each class get the other's verdict; lines at {:.4} and {:.4} by {} distinct positive and {} negative rows",
            self.alpha, self.least_positive, self.most_negative, self.n_positive, self.n_negative
        )
    }
}

/// Which of `n` scores draws the line, from 1: `ceil((n + 1) (1 - alpha))`; `n + 1` where none does.
fn rank(n: usize, alpha: f64) -> usize {
    n + 1 - ((n as f64 + 1.0) * alpha) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(rows: impl IntoIterator<Item = (f64, u32, u32)>) -> ScoredGroups {
        let group = |(score, n_negative, n_positive)| ScoredGroup {
            score,
            n_negative,
            n_positive,
        };
        ScoredGroups::from_groups(rows.into_iter().map(group).collect())
    }

    #[test]
    fn ranks_are_those_of_the_definition() {
        assert_eq!(rank(19, 0.05), 19);
        assert_eq!(rank(18, 0.05), 19, "no line: 18 rows cannot show 95 %");
        assert_eq!(rank(99, 0.1), 90);
        assert_eq!(rank(100, 0.1), 91);
        assert_eq!(rank(0, 0.5), 1);
    }

    #[test]
    fn lines_stand_at_the_rank_and_include_their_score() {
        // Positive scores 0.10, 0.15 ... 1.00 (19), negative 0.00, 0.05 ... 0.90.
        let rows = (0..19).flat_map(|i| {
            let step = f64::from(i) * 0.05;
            [(step, 1, 0), (0.10 + step, 0, 1)]
        });
        let band = ConformalBand::of(&scored(rows), 0.1).unwrap();
        assert_eq!((band.n_positive, band.n_negative), (19, 19));
        // floor(0.1 * 20) = 2: the 18th of 19.
        assert!((band.least_positive - 0.15).abs() < 1e-12, "{band:?}");
        assert!((band.most_negative - 0.85).abs() < 1e-12, "{band:?}");
        let [low, high] = band.around(0.5).unwrap();
        assert_eq!(low, band.least_positive);
        assert_eq!(high, band.most_negative.next_up());
        assert_eq!(band.around(0.95), Some([low, 0.95]), "widened");
        assert_eq!(band.around(0.05), Some([0.05, high]), "widened");
    }

    #[test]
    fn a_model_better_than_asked_has_no_band() {
        let rows = (0..40).flat_map(|i| {
            let step = f64::from(i) * 0.01;
            [(step, 1, 0), (1.0 - step, 0, 1)]
        });
        let band = ConformalBand::of(&scored(rows), 0.1).unwrap();
        assert!(band.least_positive > band.most_negative, "{band:?}");
        assert_eq!(band.around(0.5), None);
        let above = band.least_positive + 0.2;
        assert_eq!(band.around(above), Some([band.least_positive, above]));
    }

    #[test]
    fn too_few_rows_make_everything_uncertain() {
        let rows = scored([(0.9, 0, 1), (0.1, 1, 0)]);
        let band = ConformalBand::of(&rows, 0.05).unwrap();
        assert_eq!(band.around(0.5), Some([0.0, 1.0]));
    }

    #[test]
    fn copies_do_not_move_the_lines() {
        let of = |copies: u32| {
            let rows = (0..60).map(|i| {
                let is_positive = u32::from(i * 7 % 10 < i / 6);
                let n = if i % 3 == 0 { copies } else { 1 };
                (f64::from(i) / 60.0, n * (1 - is_positive), n * is_positive)
            });
            ConformalBand::of(&scored(rows), 0.2).unwrap()
        };
        assert_eq!(of(1), of(50));
    }
}

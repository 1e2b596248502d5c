//! The metrics themselves, over groups of equal rows.

use crate::row_groups::RowGroups;

/// The names of the metrics, in the order in which they are reported.
pub const METRIC_NAMES: [&str; 8] = [
    "f1",
    "precision",
    "recall",
    "roc_auc",
    "pr_auc",
    "brier",
    "log_loss",
    "accuracy",
];

/// Equal rows: they have one score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoredGroup {
    /// The calibrated probability of the positive class.
    pub score: f64,
    /// How many of the rows are negative.
    pub n_negative: u32,
    /// How many of the rows are positive.
    pub n_positive: u32,
}

/// The scored rows of a test, by falling score.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredGroups(Vec<ScoredGroup>);

/// What a group adds to the two proper scores, so that resampling takes no logarithms.
struct Losses {
    negative: f64,
    positive: f64,
}

impl ScoredGroups {
    /// Puts equal rows together. `scores` and `labels` have shape `(n_rows,)`.
    ///
    /// # Panics
    /// When the shapes differ from that of the groups.
    #[must_use]
    pub fn new(groups: &RowGroups, scores: &[f64], labels: &[bool]) -> Self {
        assert_eq!(
            scores.len(),
            groups.group_of_row().len(),
            "one score for each row"
        );
        assert_eq!(labels.len(), scores.len(), "one label for each row");
        let scored = groups.rows().iter().map(|rows| {
            let n_positive = rows.iter().filter(|row_idx| labels[**row_idx]).count() as u32;
            let n_negative = rows.len() as u32 - n_positive;
            ScoredGroup {
                score: scores[rows[0]],
                n_negative,
                n_positive,
            }
        });
        Self::from_groups(scored.collect())
    }

    /// Takes groups in any order.
    #[must_use]
    pub fn from_groups(mut groups: Vec<ScoredGroup>) -> Self {
        groups.sort_by(|a, b| b.score.total_cmp(&a.score));
        Self(groups)
    }

    /// The groups, by falling score.
    #[must_use]
    pub fn groups(&self) -> &[ScoredGroup] {
        &self.0
    }

    /// The metrics in the order of [`METRIC_NAMES`]. `None` where the rows are of one class, for
    /// then there is no ROC curve.
    ///
    /// A row is taken for positive where `score >= threshold`. Precision and F1 are 0 where no row
    /// is. ROC-AUC counts a tie as half (Mann and Whitney's U by mid-ranks); PR-AUC is the average
    /// precision; the logarithms of the log loss are cut at `2^-52` from 0 and 1. All agree with
    /// scikit-learn.
    #[must_use]
    pub fn measure(&self, threshold: f64) -> Option<[f64; 8]> {
        self.measure_sample(&vec![1; self.0.len()], &self.losses(), threshold)
    }

    /// As [`ScoredGroups::measure`], with group `i` standing `counts[i]` times in the sample.
    fn measure_sample(
        &self,
        counts: &[u32],
        losses: &[Losses],
        threshold: f64,
    ) -> Option<[f64; 8]> {
        let (mut negatives, mut positives) = (0.0_f64, 0.0_f64);
        let (mut true_positives, mut false_positives) = (0.0, 0.0);
        let (mut area, mut precision_sum) = (0.0, 0.0);
        let (mut brier, mut log_loss) = (0.0, 0.0);
        let mut first = 0;
        while first < self.0.len() {
            let score = self.0[first].score;
            let (mut tied_negatives, mut tied_positives) = (0.0, 0.0);
            let mut next = first;
            while next < self.0.len() && self.0[next].score == score {
                let count = f64::from(counts[next]);
                tied_negatives += count * f64::from(self.0[next].n_negative);
                tied_positives += count * f64::from(self.0[next].n_positive);
                next += 1;
            }
            area += tied_negatives * (positives + tied_positives / 2.0);
            negatives += tied_negatives;
            positives += tied_positives;
            if tied_positives > 0.0 {
                precision_sum += tied_positives * positives / (positives + negatives);
            }
            if score >= threshold {
                (true_positives, false_positives) = (positives, negatives);
            }
            brier +=
                tied_negatives * score * score + tied_positives * (1.0 - score) * (1.0 - score);
            log_loss +=
                tied_negatives * losses[first].negative + tied_positives * losses[first].positive;
            first = next;
        }
        if negatives == 0.0 || positives == 0.0 {
            return None;
        }
        let n_rows = negatives + positives;
        let ratio = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        let precision = ratio(true_positives, true_positives + false_positives);
        let recall = true_positives / positives;
        let f1 = ratio(
            2.0 * true_positives,
            true_positives + false_positives + positives,
        );
        let accuracy = (true_positives + negatives - false_positives) / n_rows;
        Some([
            f1,
            precision,
            recall,
            area / (negatives * positives),
            precision_sum / positives,
            brier / n_rows,
            log_loss / n_rows,
            accuracy,
        ])
    }

    fn losses(&self) -> Vec<Losses> {
        // By libm: std's logarithm differs between platforms, and these numbers go into the artifact.
        let loss = |p: f64| -libm::log(p.clamp(f64::EPSILON, 1.0 - f64::EPSILON));
        let of_group = |group: &ScoredGroup| Losses {
            negative: loss(1.0 - group.score),
            positive: loss(group.score),
        };
        self.0.iter().map(of_group).collect()
    }

    /// Prepares measuring many samples.
    pub(super) fn sampler(
        &self,
        threshold: f64,
    ) -> impl Fn(&[u32]) -> Option<[f64; 8]> + Sync + '_ {
        let losses = self.losses();
        move |counts| self.measure_sample(counts, &losses, threshold)
    }
}

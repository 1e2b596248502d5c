//! The metrics themselves, over groups of equal rows.

use std::collections::BTreeMap;

use crate::row_groups::RowGroups;

/// The names of the metrics, in the order in which they are reported.
pub const METRIC_NAMES: [&str; N_METRICS] = [
    "f1",
    "precision",
    "recall",
    "roc_auc",
    "pr_auc",
    "brier",
    "log_loss",
    "accuracy",
    "mcc",
    "ece",
];

/// How many metrics there are.
pub const N_METRICS: usize = 10;

/// How many bins of equal width the calibration error is counted in.
pub const N_CALIBRATION_BINS: usize = 15;

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
#[derive(Clone, Copy)]
struct Losses {
    negative: f64,
    positive: f64,
    /// The bin of the calibration error.
    bin: usize,
}

/// The bin of a score, from 0: bin `b` holds the scores above `b / 15` up to and including `(b + 1) / 15`,
/// the first one 0 too. As in scikit-learn's `calibration_curve`, to the last bit of the edges.
pub(super) fn calibration_bin(score: f64) -> usize {
    (1..N_CALIBRATION_BINS)
        .take_while(|edge| *edge as f64 * (1.0 / N_CALIBRATION_BINS as f64) < score)
        .count()
}

impl ScoredGroups {
    /// Puts equal rows together. `scores` and `labels` have shape `(n_rows,)`.
    ///
    /// # Panics
    /// When the shapes differ from that of the groups.
    #[must_use]
    pub fn new(groups: &RowGroups, scores: &[f64], labels: &[bool]) -> Self {
        Self::by_group(groups.group_of_row(), scores, labels)
    }

    /// Puts rows of the same number together; they are taken for equal, so the first one's score counts.
    /// Shapes: `(n_rows,)`.
    ///
    /// # Panics
    /// When the shapes differ.
    #[must_use]
    pub fn by_group(group_of_row: &[usize], scores: &[f64], labels: &[bool]) -> Self {
        assert_eq!(scores.len(), group_of_row.len(), "one score for each row");
        assert_eq!(labels.len(), scores.len(), "one label for each row");
        let mut groups: BTreeMap<usize, ScoredGroup> = BTreeMap::new();
        for ((group, score), label) in group_of_row.iter().zip(scores).zip(labels) {
            let group = groups.entry(*group).or_insert(ScoredGroup {
                score: *score,
                n_negative: 0,
                n_positive: 0,
            });
            group.n_positive += u32::from(*label);
            group.n_negative += u32::from(!*label);
        }
        Self::from_groups(groups.into_values().collect())
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
    /// precision; the logarithms of the log loss are cut at `2^-52` from 0 and 1. MCC is Matthews'
    /// correlation coefficient, 0 where it is not defined. ECE, the expected calibration error, is the mean
    /// distance between mean score and share of positive rows over [`N_CALIBRATION_BINS`] bins of equal width,
    /// weighted by their rows (Naeini, Cooper and Hauskrecht, AAAI 2015). All agree with scikit-learn.
    #[must_use]
    pub fn measure(&self, threshold: f64) -> Option<[f64; N_METRICS]> {
        self.measure_sample(&vec![1; self.0.len()], &self.losses(), threshold)
    }

    /// As [`ScoredGroups::measure`], with group `i` standing `counts[i]` times in the sample.
    fn measure_sample(
        &self,
        counts: &[u32],
        losses: &[Losses],
        threshold: f64,
    ) -> Option<[f64; N_METRICS]> {
        let (mut negatives, mut positives) = (0.0_f64, 0.0_f64);
        let (mut true_positives, mut false_positives) = (0.0, 0.0);
        let (mut area, mut precision_sum) = (0.0, 0.0);
        let (mut brier, mut log_loss) = (0.0, 0.0);
        // Positive rows less the sum of scores, in one bin of the calibration error after the other.
        let (mut bin, mut gap, mut calibration_error) = (0, 0.0_f64, 0.0);
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
            if losses[first].bin != bin {
                calibration_error += gap.abs();
                (bin, gap) = (losses[first].bin, 0.0);
            }
            gap += tied_positives - (tied_negatives + tied_positives) * score;
            log_loss +=
                tied_negatives * losses[first].negative + tied_positives * losses[first].positive;
            first = next;
        }
        if negatives == 0.0 || positives == 0.0 {
            return None;
        }
        calibration_error += gap.abs();
        let n_rows = negatives + positives;
        let ratio = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        let precision = ratio(true_positives, true_positives + false_positives);
        let recall = true_positives / positives;
        let f1 = ratio(
            2.0 * true_positives,
            true_positives + false_positives + positives,
        );
        let accuracy = (true_positives + negatives - false_positives) / n_rows;
        let (false_negatives, true_negatives) =
            (positives - true_positives, negatives - false_positives);
        let taken = true_positives + false_positives;
        let correlation = ratio(
            true_positives * true_negatives - false_positives * false_negatives,
            // Two roots: the product of four counts could pass what f64 holds exactly.
            (taken * positives).sqrt() * (negatives * (n_rows - taken)).sqrt(),
        );
        Some([
            f1,
            precision,
            recall,
            area / (negatives * positives),
            precision_sum / positives,
            brier / n_rows,
            log_loss / n_rows,
            accuracy,
            correlation,
            calibration_error / n_rows,
        ])
    }

    fn losses(&self) -> Vec<Losses> {
        // By libm: std's logarithm differs between platforms, and these numbers go into the artifact.
        let loss = |p: f64| -libm::log(p.clamp(f64::EPSILON, 1.0 - f64::EPSILON));
        let of_group = |group: &ScoredGroup| Losses {
            negative: loss(1.0 - group.score),
            positive: loss(group.score),
            bin: calibration_bin(group.score),
        };
        self.0.iter().map(of_group).collect()
    }

    /// Prepares measuring many samples.
    pub(crate) fn sampler(
        &self,
        threshold: f64,
    ) -> impl Fn(&[u32]) -> Option<[f64; N_METRICS]> + Sync + '_ {
        let losses = self.losses();
        move |counts| self.measure_sample(counts, &losses, threshold)
    }
}

//! The curves behind the metrics, as points to plot.

use serde::Serialize;

use super::measure::{N_CALIBRATION_BINS, ScoredGroups, calibration_bin};
use crate::decide::Costs;

/// How many bins the histogram of the scores has.
const N_SCORE_BINS: usize = 20;
/// How many thresholds the costs are given for: 0, 0.01 ... 1.
const N_COST_STEPS: usize = 100;

/// A point of the ROC curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RocPoint {
    /// Rows with at least this score are positive; none at the first point, where no row is.
    pub threshold: Option<f64>,
    /// The share of the negative rows that are taken for positive.
    pub false_positive_rate: f64,
    /// The share of the positive rows that are taken for positive.
    pub true_positive_rate: f64,
}

/// A point of the precision-recall curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PrPoint {
    /// Rows with at least this score are positive.
    pub threshold: f64,
    /// The share of the positive rows that are found.
    pub recall: f64,
    /// The share of positive rows among those found.
    pub precision: f64,
}

/// A bar of the calibration plot: scores above `low` up to `high`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CalibrationBin {
    /// The lower edge, itself in the bin below.
    pub low: f64,
    /// The upper edge.
    pub high: f64,
    /// How many rows have such scores.
    pub n_rows: u64,
    /// Their mean score; nothing without rows.
    pub mean_score: Option<f64>,
    /// Their share of positive rows; nothing without rows.
    pub positive_share: Option<f64>,
}

/// A bar of the score histogram: scores from `low` up to but without `high`, which the last bin includes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ScoreBin {
    /// The lower edge.
    pub low: f64,
    /// The upper edge.
    pub high: f64,
    /// How many negative rows have such scores.
    pub n_negative: u64,
    /// How many positive rows have such scores.
    pub n_positive: u64,
}

/// What a threshold costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CostPoint {
    /// Rows with at least this score are positive.
    pub threshold: f64,
    /// The mean cost of a row.
    pub cost: f64,
}

/// The points to plot a model's quality by.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curves {
    /// From (0, 0) to (1, 1), one point a distinct score.
    pub roc: Vec<RocPoint>,
    /// By falling threshold, one point a distinct score.
    pub precision_recall: Vec<PrPoint>,
    /// 15 bins of equal width: those of the expected calibration error.
    pub calibration: Vec<CalibrationBin>,
    /// 20 bins of equal width.
    pub histogram: Vec<ScoreBin>,
    /// Of a false positive.
    pub cost_false_positive: f64,
    /// Of a false negative.
    pub cost_false_negative: f64,
    /// For thresholds 0, 0.01 ... 1.
    pub costs: Vec<CostPoint>,
}

impl Curves {
    /// The curves of some rows. `None` where they are of one class.
    #[must_use]
    pub fn of(scored: &ScoredGroups, costs: Costs) -> Option<Self> {
        let groups = scored.groups();
        let n_positive: f64 = groups.iter().map(|g| f64::from(g.n_positive)).sum();
        let n_negative: f64 = groups.iter().map(|g| f64::from(g.n_negative)).sum();
        if n_positive == 0.0 || n_negative == 0.0 {
            return None;
        }
        let mut roc = vec![RocPoint {
            threshold: None,
            false_positive_rate: 0.0,
            true_positive_rate: 0.0,
        }];
        let mut precision_recall = Vec::new();
        let (mut hits, mut alarms) = (0.0, 0.0);
        for tied in groups.chunk_by(|a, b| a.score == b.score) {
            hits += tied.iter().map(|g| f64::from(g.n_positive)).sum::<f64>();
            alarms += tied.iter().map(|g| f64::from(g.n_negative)).sum::<f64>();
            let threshold = tied[0].score;
            roc.push(RocPoint {
                threshold: Some(threshold),
                false_positive_rate: alarms / n_negative,
                true_positive_rate: hits / n_positive,
            });
            precision_recall.push(PrPoint {
                threshold,
                recall: hits / n_positive,
                precision: hits / (hits + alarms),
            });
        }
        Some(Self {
            roc,
            precision_recall,
            calibration: calibration(scored),
            histogram: histogram(scored),
            cost_false_positive: costs.false_positive,
            cost_false_negative: costs.false_negative,
            costs: cost_points(scored, costs, n_positive, n_negative),
        })
    }

    /// The same with at most about `max_points` points of each curve: a plot has no more pixels. First and
    /// last points stay.
    #[must_use]
    pub fn thinned(mut self, max_points: usize) -> Self {
        thin(&mut self.roc, max_points);
        thin(&mut self.precision_recall, max_points);
        self
    }
}

fn thin<T: Copy>(points: &mut Vec<T>, max_points: usize) {
    let (n, most) = (points.len(), max_points.max(2));
    if n > most {
        *points = (0..most)
            .map(|at| points[at * (n - 1) / (most - 1)])
            .collect();
    }
}

fn calibration(scored: &ScoredGroups) -> Vec<CalibrationBin> {
    let mut sums = [(0.0, 0.0, 0_u64); N_CALIBRATION_BINS];
    for group in scored.groups() {
        let n_rows = u64::from(group.n_positive) + u64::from(group.n_negative);
        let sum = &mut sums[calibration_bin(group.score)];
        sum.0 += n_rows as f64 * group.score;
        sum.1 += f64::from(group.n_positive);
        sum.2 += n_rows;
    }
    let bins = sums.iter().enumerate().map(|(bin, sum)| {
        let mean = |total: f64| (sum.2 > 0).then(|| total / sum.2 as f64);
        CalibrationBin {
            low: bin as f64 / N_CALIBRATION_BINS as f64,
            high: (bin + 1) as f64 / N_CALIBRATION_BINS as f64,
            n_rows: sum.2,
            mean_score: mean(sum.0),
            positive_share: mean(sum.1),
        }
    });
    bins.collect()
}

fn histogram(scored: &ScoredGroups) -> Vec<ScoreBin> {
    let width = 1.0 / N_SCORE_BINS as f64;
    let mut bins: Vec<ScoreBin> = (0..N_SCORE_BINS)
        .map(|bin| ScoreBin {
            low: bin as f64 * width,
            high: (bin + 1) as f64 * width,
            n_negative: 0,
            n_positive: 0,
        })
        .collect();
    for group in scored.groups() {
        let bin = (group.score * N_SCORE_BINS as f64) as usize;
        let bin = &mut bins[bin.min(N_SCORE_BINS - 1)];
        bin.n_negative += u64::from(group.n_negative);
        bin.n_positive += u64::from(group.n_positive);
    }
    bins
}

fn cost_points(
    scored: &ScoredGroups,
    costs: Costs,
    n_positive: f64,
    n_negative: f64,
) -> Vec<CostPoint> {
    let groups = scored.groups();
    let (mut hits, mut alarms, mut at) = (0.0, 0.0, 0);
    let mut points = Vec::with_capacity(N_COST_STEPS + 1);
    for step in (0..=N_COST_STEPS).rev() {
        let threshold = step as f64 / N_COST_STEPS as f64;
        while let Some(group) = groups.get(at).filter(|group| group.score >= threshold) {
            hits += f64::from(group.n_positive);
            alarms += f64::from(group.n_negative);
            at += 1;
        }
        let total = costs.false_positive * alarms + costs.false_negative * (n_positive - hits);
        points.push(CostPoint {
            threshold,
            cost: total / (n_positive + n_negative),
        });
    }
    points.reverse();
    points
}

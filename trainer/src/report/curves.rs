//! Curves over scored rows, as points to draw.

use crate::report::contents::{Confusion, Performance, ReliabilityBin, ThresholdCost};

/// Bins of the score histograms.
const N_SCORE_BINS: usize = 20;
/// Bins of the reliability diagram.
const N_RELIABILITY_BINS: usize = 10;
/// More points than this cannot be told apart on a page.
const N_POINTS: usize = 400;
/// The normal quantile of a 95 % interval.
const Z: f64 = 1.959_963_984_540_054;

/// Counts at one threshold: rows at or above it.
#[derive(Clone, Copy, Default)]
struct Above {
    threshold: f64,
    positives: f64,
    negatives: f64,
}

/// The curves of scored rows. `scores` and `labels` have shape `(n_rows,)`; `costs` are those of a
/// false alarm and of a miss.
///
/// # Panics
/// When the shapes differ.
#[must_use]
pub fn performance(
    scores: &[f64],
    labels: &[bool],
    threshold: f64,
    uncertain: Option<[f64; 2]>,
    costs: [f64; 2],
) -> Performance {
    assert_eq!(scores.len(), labels.len(), "one label for each score");
    let mut rows: Vec<(f64, bool)> = scores.iter().copied().zip(labels.iter().copied()).collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let steps = steps(&rows);
    let last = steps.last().copied().unwrap_or_default();
    let (positives, negatives) = (last.positives.max(1.0), last.negatives.max(1.0));

    let roc = steps
        .iter()
        .map(|at| [at.negatives / negatives, at.positives / positives])
        .collect();
    let precision_recall = steps
        .iter()
        .skip(1)
        .map(|at| {
            let precision = at.positives / (at.positives + at.negatives);
            [at.positives / positives, precision]
        })
        .collect();
    let per_thousand = 1000.0 / (last.positives + last.negatives).max(1.0);
    // Above the highest score nothing is positive: the first step stands for a threshold of 1.
    let cost_at = |at: &Above| {
        let cost = at.negatives * costs[0] + (last.positives - at.positives) * costs[1];
        [at.threshold.min(1.0), cost * per_thousand]
    };
    let mut points: Vec<[f64; 2]> = steps.iter().map(cost_at).collect();
    points.reverse();
    points.insert(0, [0.0, last.negatives * costs[0] * per_thousand]);

    let [negative_scores, positive_scores] = histograms(&rows);
    Performance {
        threshold,
        uncertain,
        roc: thin(roc),
        precision_recall: thin(precision_recall),
        reliability: reliability(&rows),
        negative_scores,
        positive_scores,
        confusion: confusion(&rows, threshold),
        cost: Some(ThresholdCost {
            of_false_positive: costs[0],
            of_false_negative: costs[1],
            points: thin(points),
        }),
    }
}

/// The area under the ROC curve; ties count as half. `None` with one class only.
pub(super) fn roc_auc(scores: &[f64], labels: &[bool]) -> Option<f64> {
    let mut rows: Vec<(f64, bool)> = scores.iter().copied().zip(labels.iter().copied()).collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let steps = steps(&rows);
    let last = steps.last()?;
    let area: f64 = steps
        .windows(2)
        .map(|pair| {
            (pair[1].negatives - pair[0].negatives) * (pair[0].positives + pair[1].positives) / 2.0
        })
        .sum();
    let whole = last.positives * last.negatives;
    (whole > 0.0).then(|| area / whole)
}

/// One step for each distinct score, by falling score, after one above them all.
fn steps(rows: &[(f64, bool)]) -> Vec<Above> {
    let mut steps = vec![Above {
        threshold: f64::INFINITY,
        ..Above::default()
    }];
    let mut at = Above::default();
    for (row_idx, (score, is_positive)) in rows.iter().enumerate() {
        if *is_positive {
            at.positives += 1.0;
        } else {
            at.negatives += 1.0;
        }
        at.threshold = *score;
        if rows.get(row_idx + 1).is_none_or(|next| next.0 != *score) {
            steps.push(at);
        }
    }
    steps
}

/// Keeps both ends and, between them, points far enough apart to be seen.
fn thin(points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    if points.len() <= N_POINTS {
        return points;
    }
    let top = points.iter().map(|point| point[1]).fold(0.0, f64::max);
    let scale = [1.0, if top > 0.0 { 1.0 / top } else { 1.0 }];
    // A path of length 2 at most leads through the unit square where both axes are monotonous.
    let apart = 2.0 / N_POINTS as f64;
    let mut kept: Vec<[f64; 2]> = Vec::with_capacity(N_POINTS + 1);
    let end = points[points.len() - 1];
    for point in points {
        let is_far = kept.last().is_none_or(|last| {
            let (x, y) = (
                (point[0] - last[0]) * scale[0],
                (point[1] - last[1]) * scale[1],
            );
            x.abs() + y.abs() >= apart
        });
        if is_far {
            kept.push(point);
        }
    }
    if kept.last() != Some(&end) {
        kept.push(end);
    }
    kept
}

fn bin_of(score: f64, n_bins: usize) -> usize {
    ((score * n_bins as f64) as usize).min(n_bins - 1)
}

fn histograms(rows: &[(f64, bool)]) -> [Vec<u64>; 2] {
    let mut counts = [vec![0; N_SCORE_BINS], vec![0; N_SCORE_BINS]];
    for (score, is_positive) in rows {
        counts[usize::from(*is_positive)][bin_of(*score, N_SCORE_BINS)] += 1;
    }
    counts
}

fn reliability(rows: &[(f64, bool)]) -> Vec<ReliabilityBin> {
    let mut sums = [(0.0, 0_u64, 0_u64); N_RELIABILITY_BINS];
    for (score, is_positive) in rows {
        let bin = &mut sums[bin_of(*score, N_RELIABILITY_BINS)];
        bin.0 += score;
        bin.1 += u64::from(*is_positive);
        bin.2 += 1;
    }
    let filled = sums.iter().filter(|(_, _, n_rows)| *n_rows > 0);
    filled
        .map(|(sum, n_positive, n_rows)| {
            let n = *n_rows as f64;
            let share = *n_positive as f64 / n;
            let (low, high) = wilson(share, n);
            ReliabilityBin {
                mean_score: sum / n,
                positive_share: share,
                low,
                high,
                n_rows: *n_rows,
            }
        })
        .collect()
}

/// The interval of a share by Wilson (1927), "Probable inference, the law of succession, and
/// statistical inference".
fn wilson(share: f64, n: f64) -> (f64, f64) {
    let z2 = Z * Z;
    let middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

fn confusion(rows: &[(f64, bool)], threshold: f64) -> Confusion {
    let mut confusion = Confusion::default();
    for (score, is_positive) in rows {
        let count = match (*score >= threshold, is_positive) {
            (true, true) => &mut confusion.true_positives,
            (true, false) => &mut confusion.false_positives,
            (false, true) => &mut confusion.false_negatives,
            (false, false) => &mut confusion.true_negatives,
        };
        *count += 1;
    }
    confusion
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Performance {
        let scores = [0.9, 0.8, 0.8, 0.3, 0.1];
        let labels = [true, true, false, true, false];
        performance(&scores, &labels, 0.5, None, [1.0, 4.0])
    }

    #[test]
    fn curves_of_five_rows_are_those_made_by_hand() {
        let made = small();
        let third = 1.0 / 3.0;
        assert_eq!(
            made.roc,
            [
                [0.0, 0.0],
                [0.0, third],
                [0.5, 2.0 / 3.0],
                [0.5, 1.0],
                [1.0, 1.0]
            ]
        );
        assert_eq!(
            made.precision_recall,
            [
                [third, 1.0],
                [2.0 / 3.0, 2.0 / 3.0],
                [1.0, 0.75],
                [1.0, 0.6]
            ]
        );
        let confusion = made.confusion;
        assert_eq!(
            [
                confusion.true_positives,
                confusion.false_positives,
                confusion.false_negatives,
                confusion.true_negatives
            ],
            [2, 1, 1, 1]
        );
        // Everything positive: two false alarms. Nothing positive: three misses at 4.
        let cost = made.cost.expect("a cost").points;
        assert_eq!(cost.first(), Some(&[0.0, 400.0]));
        assert_eq!(cost.last(), Some(&[1.0, 2400.0]));
        assert!(cost.contains(&[0.8, 1000.0]), "{cost:?}");
        assert_eq!(made.positive_scores.iter().sum::<u64>(), 3);
        assert_eq!(made.negative_scores[16], 1);
    }

    #[test]
    fn the_area_is_that_of_counted_pairs() {
        // Of six pairs four are in order and one is tied.
        let area = roc_auc(
            &[0.9, 0.8, 0.8, 0.3, 0.1],
            &[true, true, false, true, false],
        );
        assert_eq!(area, Some(4.5 / 6.0));
        assert_eq!(roc_auc(&[0.1, 0.2], &[true, true]), None);
    }

    #[test]
    fn wilson_is_what_statsmodels_says() {
        // statsmodels.stats.proportion.proportion_confint(8, 10, method="wilson")
        let (low, high) = wilson(0.8, 10.0);
        assert!((low - 0.490_162_471_536_642).abs() < 1e-12, "{low}");
        assert!((high - 0.943_317_848_545_624_5).abs() < 1e-12, "{high}");
    }

    #[test]
    fn many_points_are_thinned_and_keep_their_ends() {
        let points: Vec<[f64; 2]> = (0..=20_000)
            .map(|at| [f64::from(at) / 2e4, f64::from(at) / 2e4])
            .collect();
        let kept = thin(points);
        assert!(kept.len() <= N_POINTS + 1, "{}", kept.len());
        assert_eq!(kept[0], [0.0, 0.0]);
        assert_eq!(kept[kept.len() - 1], [1.0, 1.0]);
    }
}

//! Two models on the same samples of the same rows.

use rayon::prelude::*;
use serde::Serialize;

use crate::metrics::{METRIC_NAMES, N_METRICS, N_RESAMPLES, ScoredGroup, ScoredGroups, quantile};
use crate::random::Random;

/// Keeps these samples apart from those of single intervals.
const STREAM: u64 = 0x00AC_CE97 << 32;

/// How two models differ in one metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The metric.
    pub metric: &'static str,
    /// Of the challenger.
    pub challenger: f64,
    /// Of the champion.
    pub champion: f64,
    /// What the challenger gains: positive where it is better, in a metric where less is better too.
    pub gain: f64,
    /// The lower bound of the gain's 95 % interval.
    pub low: f64,
    /// The upper bound of the gain's 95 % interval.
    pub high: f64,
}

/// Equal rows under both models.
#[derive(Clone, Copy, Debug)]
pub(super) struct PairedGroup {
    pub(super) challenger: f64,
    pub(super) champion: f64,
    pub(super) n_negative: u32,
    pub(super) n_positive: u32,
}

/// Whether less is better.
fn is_loss(metric: &str) -> bool {
    matches!(metric, "brier" | "log_loss" | "ece")
}

/// The differences in some metrics with 95 % percentile intervals of a paired bootstrap: a sample draws
/// groups of equal rows with replacement, the same ones for both models. `None` where the rows are of one class.
pub(super) fn differences(
    groups: &[PairedGroup],
    thresholds: [f64; 2],
    metrics: &[&'static str],
    seed: u64,
) -> Option<Vec<Difference>> {
    let side = |score: fn(&PairedGroup) -> f64| Side::new(groups, score);
    let sides = [side(|group| group.challenger), side(|group| group.champion)];
    let values = [
        sides[0].scored.measure(thresholds[0])?,
        sides[1].scored.measure(thresholds[1])?,
    ];
    let samplers = [
        sides[0].scored.sampler(thresholds[0]),
        sides[1].scored.sampler(thresholds[1]),
    ];
    let n_groups = groups.len();
    let samples: Vec<[[f64; N_METRICS]; 2]> = (0..N_RESAMPLES)
        .into_par_iter()
        .filter_map(|sample| {
            let mut random = Random::stream(seed, STREAM + sample as u64);
            let mut counts = vec![0_u32; n_groups];
            for _ in 0..n_groups {
                counts[random.below(n_groups)] += 1;
            }
            let measure = |at: usize| samplers[at](&sides[at].in_order(&counts));
            Some([measure(0)?, measure(1)?])
        })
        .collect();
    let places = METRIC_NAMES.iter().enumerate();
    let wanted = places.filter(|(_, name)| metrics.contains(name));
    let differences = wanted.map(|(at, name)| {
        let sign = if is_loss(name) { -1.0 } else { 1.0 };
        let gain_of = |pair: &[[f64; N_METRICS]; 2]| sign * (pair[0][at] - pair[1][at]);
        let mut gains: Vec<f64> = samples.iter().map(gain_of).collect();
        gains.sort_by(f64::total_cmp);
        let gain = gain_of(&values);
        Difference {
            metric: name,
            challenger: values[0][at],
            champion: values[1][at],
            gain,
            low: quantile(&gains, 0.025).unwrap_or(gain),
            high: quantile(&gains, 0.975).unwrap_or(gain),
        }
    });
    Some(differences.collect())
}

/// One model's scores, by falling score, and where each group stands among them.
struct Side {
    scored: ScoredGroups,
    /// For each place of the sorted groups, the group.
    order: Vec<usize>,
}

impl Side {
    fn new(groups: &[PairedGroup], score: fn(&PairedGroup) -> f64) -> Self {
        let mut order: Vec<usize> = (0..groups.len()).collect();
        // Stable, as the sort of `from_groups` is: equal scores stay in the order of the groups.
        order.sort_by(|a, b| score(&groups[*b]).total_cmp(&score(&groups[*a])));
        let scored = groups.iter().map(|group| ScoredGroup {
            score: score(group),
            n_negative: group.n_negative,
            n_positive: group.n_positive,
        });
        Self {
            scored: ScoredGroups::from_groups(scored.collect()),
            order,
        }
    }

    fn in_order(&self, counts: &[u32]) -> Vec<u32> {
        self.order.iter().map(|group| counts[*group]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(i: u32, challenger: f64, champion: f64) -> PairedGroup {
        let is_positive = u32::from(i.is_multiple_of(3));
        PairedGroup {
            challenger,
            champion,
            n_negative: 1 - is_positive,
            n_positive: is_positive,
        }
    }

    #[test]
    fn a_model_gains_nothing_on_itself() {
        let groups: Vec<_> = (0..200)
            .map(|i| {
                let score = f64::from(i * 37 % 200) / 200.0;
                group(i, score, score)
            })
            .collect();
        for difference in differences(&groups, [0.5, 0.5], &["f1", "brier"], 1).unwrap() {
            let Difference {
                gain, low, high, ..
            } = difference;
            assert_eq!((gain, low, high), (0.0, 0.0, 0.0), "{}", difference.metric);
        }
    }

    #[test]
    fn pairs_are_drawn_together_and_losses_count_the_other_way() {
        let mut random = Random::stream(6, 0);
        let groups: Vec<_> = (0..400)
            .map(|i| {
                let truth = if i % 3 == 0 { 0.6 } else { 0.4 };
                let noise = random.unit() - 0.5;
                // Both have the same noise; the challenger's scores lie farther apart.
                let score = |pull: f64| ((truth - 0.5) * pull + 0.5 + 0.6 * noise).clamp(0.0, 1.0);
                group(i, score(2.0), score(1.0))
            })
            .collect();
        let found = differences(&groups, [0.5, 0.5], &["f1", "roc_auc", "brier"], 3).unwrap();
        assert_eq!(found.len(), 3);
        for Difference {
            metric,
            gain,
            low,
            high,
            ..
        } in &found
        {
            assert!(
                0.0 < *low && low < gain && gain < high,
                "{metric}: {gain} {low} {high}"
            );
        }
        let brier = &found[2];
        assert!(brier.metric == "brier" && brier.challenger < brier.champion);
        assert_eq!(
            found,
            differences(&groups, [0.5, 0.5], &["f1", "roc_auc", "brier"], 3).unwrap()
        );
    }
}

//! 95 % intervals by the bootstrap.

use picket_schema::artifact::Metric;
use rayon::prelude::*;

use super::measure::{METRIC_NAMES, N_METRICS, ScoredGroups};
use crate::random::Random;

/// How many samples an interval comes from.
pub const N_RESAMPLES: usize = 1000;

/// The metrics with 95 % percentile intervals (Efron and Tibshirani, An Introduction to the
/// Bootstrap, 1993, chapter 13). `None` where the rows are of one class.
///
/// Groups of equal rows are drawn with replacement, not single rows: copies of a row tell nothing
/// new, and an interval that takes them for independent is too narrow. A sample of one class only
/// is left out, for it has no ROC curve.
///
/// The calibration error of a sample is larger than that of the rows it comes from, for drawing adds distances to
/// those that are there. Its interval is moved back by the mean of what was added, and ends at 0.
#[must_use]
pub fn measure_with_intervals(
    groups: &ScoredGroups,
    threshold: f64,
    seed: u64,
) -> Option<Vec<Metric>> {
    let values = groups.measure(threshold)?;
    let n_groups = groups.groups().len();
    let measure = groups.sampler(threshold);
    let samples: Vec<[f64; N_METRICS]> = (0..N_RESAMPLES)
        .into_par_iter()
        .filter_map(|sample| {
            let mut random = Random::stream(seed, sample as u64);
            let mut counts = vec![0; n_groups];
            for _ in 0..n_groups {
                counts[random.below(n_groups)] += 1;
            }
            measure(&counts)
        })
        .collect();
    let metrics = METRIC_NAMES
        .iter()
        .zip(values)
        .enumerate()
        .map(|(at, (name, value))| {
            let mut resampled: Vec<f64> = samples.iter().map(|sample| sample[at]).collect();
            if *name == "ece" {
                let n_samples = resampled.len().max(1) as f64;
                let added = resampled.iter().sum::<f64>() / n_samples - value;
                for x in &mut resampled {
                    *x = (*x - added).max(0.0);
                }
            }
            resampled.sort_by(f64::total_cmp);
            let low = quantile(&resampled, 0.025).unwrap_or(value);
            let high = quantile(&resampled, 0.975).unwrap_or(value);
            Metric {
                name: (*name).to_owned(),
                value,
                low,
                high,
            }
        });
    Some(metrics.collect())
}

/// A quantile by linear interpolation between order statistics (Hyndman and Fan's type 7, 1996).
/// `None` of nothing.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * (sorted.len().checked_sub(1)?) as f64;
    let below = place as usize;
    let above = (below + 1).min(sorted.len() - 1);
    Some(sorted[below] + (place - below as f64) * (sorted[above] - sorted[below]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::ScoredGroup;

    #[test]
    fn quantiles_are_interpolated() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[3.0], 0.975), Some(3.0));
        assert_eq!(quantile(&[0.0, 1.0, 2.0, 3.0], 0.5), Some(1.5));
        assert_eq!(quantile(&[0.0, 10.0], 0.25), Some(2.5));
    }

    #[test]
    fn copies_of_rows_do_not_narrow_an_interval() {
        let of = |copies: u32| {
            let groups = (0..200_u32).map(|i| {
                let positive = u32::from(i * 7 % 10 < i / 20);
                ScoredGroup {
                    score: f64::from(i) / 200.0,
                    n_positive: positive * copies,
                    n_negative: (1 - positive) * copies,
                }
            });
            measure_with_intervals(&ScoredGroups::from_groups(groups.collect()), 0.5, 1).unwrap()
        };
        let (once, hundredfold) = (of(1), of(100));
        for (a, b) in once.iter().zip(&hundredfold) {
            assert!(
                (a.low - b.low).abs() < 1e-9 && (a.high - b.high).abs() < 1e-9,
                "{a:?} {b:?}"
            );
            assert!(a.low < a.value && a.value < a.high, "{a:?}");
        }
    }
}

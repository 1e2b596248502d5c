//! The comparison of two histograms, where neither side's rows are at hand.

use picket_schema::Feature;

use super::binned::Bins;
use super::chi_squared::chi_squared;
use super::stability_index::stability_index;

/// How the counts of two samples in the same bins compare.
#[derive(Clone, Debug, PartialEq)]
pub struct CountComparison {
    /// Pearson's chi-squared statistic.
    pub statistic: f64,
    /// The chance of such a statistic or a larger one without drift, if rows are independent.
    pub p_value: f64,
    /// The population stability index.
    pub psi: f64,
}

/// Compares counts, both of shape `(n_bins,)`. Repeated rows cannot be told from counts: they make the p-value smaller
/// than it is, so whoever raises alarms should ask for a distance as well.
#[must_use]
pub fn compare_counts(reference: &[f64], live: &[f64]) -> CountComparison {
    let found = chi_squared(reference, live);
    CountComparison {
        statistic: found.statistic,
        p_value: found.p_value,
        psi: stability_index(reference, live),
    }
}

/// The bins of a feature's histogram in words, the last for missing values. Shape of `edges`: `(n_bins - 1,)`. `feature`
/// is `None` for scores.
#[must_use]
pub fn bin_labels(feature: Option<&Feature>, edges: &[f32]) -> Vec<String> {
    Bins::new(edges.to_vec()).labels(feature)
}

//! How far two distributions over the same bins are apart.

/// What is added to every count, so that an empty bin does not make the index infinite.
const SMOOTHING: f64 = 0.5;

/// The population stability index: the sum over bins of (q − p)·ln(q / p), with p the reference's share and q the
/// live share of each bin. Half a row is added to every bin of both. The same as Jeffreys'
/// divergence; by convention below 0.1 is small and from 0.25 on large.
///
/// Both slices have shape `(n_bins,)`.
#[must_use]
pub fn stability_index(reference: &[f64], live: &[f64]) -> f64 {
    let total = |counts: &[f64]| counts.iter().map(|n| n + SMOOTHING).sum::<f64>();
    let (n_reference, n_live) = (total(reference), total(live));
    reference
        .iter()
        .zip(live)
        .map(|(n_p, n_q)| {
            let (p, q) = ((n_p + SMOOTHING) / n_reference, (n_q + SMOOTHING) / n_live);
            (q - p) * libm::log(q / p)
        })
        .sum()
}

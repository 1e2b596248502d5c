//! Feature importances as shares.

/// Divides by the sum, so that the shares add up to 1. Nothing where the sum is 0.
pub(crate) fn shares(importances: Vec<f64>) -> Vec<f64> {
    let sum: f64 = importances.iter().sum();
    if sum > 0.0 && sum.is_finite() {
        importances
            .into_iter()
            .map(|importance| (importance / sum).clamp(0.0, 1.0))
            .collect()
    } else {
        Vec::new()
    }
}

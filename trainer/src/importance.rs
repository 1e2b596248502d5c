//! Feature importances as shares.

/// Shares are known to far fewer digits.
const DECIMALS: f64 = 1e6;

/// Divides by the sum, so that the shares add up to 1 but for rounding to six decimals. Nothing where
/// the sum is 0.
pub(crate) fn shares(importances: Vec<f64>) -> Vec<f64> {
    let sum: f64 = importances.iter().sum();
    if sum > 0.0 && sum.is_finite() {
        let share = |importance: f64| (importance / sum * DECIMALS).round() / DECIMALS;
        importances
            .into_iter()
            .map(|importance| share(importance).clamp(0.0, 1.0))
            .collect()
    } else {
        Vec::new()
    }
}

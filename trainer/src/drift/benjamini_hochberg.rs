//! Correction for many tests at once.

/// The smallest false discovery rate at which each test is a discovery, shape `(n_tests,)`.
#[must_use]
pub fn q_values(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut q_values = vec![1.0; p_values.len()];
    let mut smallest = 1.0_f64;
    for (rank, test) in order.iter().enumerate().rev() {
        let q = p_values[*test] * p_values.len() as f64 / (rank + 1) as f64;
        smallest = smallest.min(q);
        q_values[*test] = smallest;
    }
    q_values
}

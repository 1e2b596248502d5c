//! Exact Shapley values of a machine with radial basis functions, against its baseline row.
//!
//! A coalition's columns have the row's values, the others the baseline's. The closeness to a stored row is
//! then a product over the columns, `a_j` of those inside and `b_j` of those outside: `exp` of minus gamma
//! times what the column adds to the squared distance. As for trees (`tree_shap.rs`), let each column join with
//! probability `t`: the product is expected to be the product of `b_j + t (a_j - b_j)`, and the Shapley value
//! of `i` is the integral over `t` from 0 to 1 of `(a_i - b_i)` times that product without `i`. With `m` columns
//! that differ between row and baseline its degree is `m - 1`, so Gauss-Legendre quadrature with `m / 2` points,
//! rounded up, is exact; columns that do not differ are a constant factor and have the value 0.

use picket_schema::artifact::{Kernel, ModelColumns};

use crate::gauss_legendre::GaussLegendre;
use crate::kernel::{closeness, metric_of};
use crate::row_distances::RowDistances;

/// The most products of an explanation: about a second.
const MAX_WORK: usize = 1 << 27;

/// Adds the contributions of the columns to `contributions`, shape `(n_columns,)`, and returns the baseline's
/// margin; `None` where that would take too long.
pub(crate) fn explain(
    table: &Kernel<'_>,
    columns: &ModelColumns,
    row: &[f32],
    contributions: &mut [f64],
) -> Option<f64> {
    let baseline: Vec<f32> = table.iter_baseline().collect();
    let metric = metric_of(table, columns);
    let pairs = metric.iter().zip(row.iter().zip(&baseline));
    // The metric says what is the same: a missing number is its fill, unknown categories are one.
    let differs: Vec<bool> = pairs
        .map(|(column, (x, base))| column.term(*x, *base) != 0.0)
        .collect();
    let n_differ = differs.iter().filter(|differs| **differs).count();
    let rule = GaussLegendre::new(n_differ.div_ceil(2));
    let n_products = n_differ.saturating_mul(rule.points.len());
    if n_products.saturating_mul(table.rows.n_rows as usize) > MAX_WORK {
        return None;
    }
    let coefficients: Vec<f64> = table.iter_coefficients().collect();
    let mut base = table.bias;
    // Of the columns that differ: their positions, factors and the products up to each.
    let differing: Vec<usize> = (0..row.len()).filter(|column| differs[*column]).collect();
    let mut factors = vec![[0.0; 2]; differing.len()];
    let mut before = vec![0.0; differing.len()];
    let mut sums = vec![0.0; differing.len()];
    let mut distances = RowDistances::new(&table.rows, metric);
    distances.visit_terms([row, &baseline], |index, terms| {
        let [mut shared, mut at_baseline] = [0.0; 2];
        for (terms, differs) in terms.iter().zip(&differs) {
            at_baseline += terms[1];
            if !differs {
                shared += terms[1];
            }
        }
        let coefficient = coefficients[index];
        base += coefficient * closeness(table, at_baseline);
        for (factors, column) in factors.iter_mut().zip(&differing) {
            *factors = terms[*column].map(|term| closeness(table, term));
        }
        let scale = coefficient * closeness(table, shared);
        for (point, weight) in rule.points.iter().zip(&rule.weights) {
            let expected = |[a, b]: [f64; 2]| b + point * (a - b);
            let mut product = scale * weight;
            for (before, factors) in before.iter_mut().zip(&factors) {
                *before = product;
                product *= expected(*factors);
            }
            let mut after = 1.0;
            for ((sum, before), factors) in sums.iter_mut().zip(&before).zip(&factors).rev() {
                let [a, b] = *factors;
                *sum += before * after * (a - b);
                after *= expected(*factors);
            }
        }
    });
    for (sum, column) in sums.iter().zip(&differing) {
        contributions[*column] += sum;
    }
    Some(base)
}

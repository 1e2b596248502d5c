//! Pearson's chi-squared test of two rows of counts.

use super::special::chi_squared_sf;

/// Cells with a smaller expected count, in either sample, are put together (Cochran's rule).
const MIN_EXPECTED: f64 = 5.0;

/// The test's answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChiSquared {
    /// The statistic, divided by the design effect.
    pub statistic: f64,
    /// Degrees of freedom.
    pub dof: u32,
    /// The chance of such a statistic or a larger one without drift; 1 where nothing can be tested.
    pub p_value: f64,
}

/// Tests whether two samples come from one distribution, given how often each value stands in each;
/// both of shape `(n_values,)`. As `scipy.stats.chi2_contingency` without Yates' correction, after small
/// cells were put together.
///
/// `design_effect` is by how much the variance of a share is larger than in a sample of
/// independent rows. The counts are divided by it (Rao and Scott, The analysis of categorical
/// data from complex sample surveys, J. Am. Stat. Assoc. 76, 1981).
#[must_use]
pub fn chi_squared(reference: &[f64], live: &[f64], design_effect: f64) -> ChiSquared {
    let effect = design_effect.max(1.0);
    let (n_reference, n_live) = (sum(reference), sum(live));
    let nothing = ChiSquared {
        statistic: 0.0,
        dof: 0,
        p_value: 1.0,
    };
    if n_reference == 0.0 || n_live == 0.0 {
        return nothing;
    }
    let total = n_reference + n_live;
    let smaller = n_reference.min(n_live) / total;
    let mut cells: Vec<(f64, f64)> = reference
        .iter()
        .copied()
        .zip(live.iter().copied())
        .collect();
    cells.retain(|(a, b)| a + b > 0.0);
    // The rarest first: they are put together until what they make is large enough.
    cells.sort_by(|x, y| {
        (x.0 + x.1)
            .total_cmp(&(y.0 + y.1))
            .then(x.0.total_cmp(&y.0))
    });
    let is_small = |(a, b): &(f64, f64)| (a + b) * smaller / effect < MIN_EXPECTED;
    let mut pooled: Vec<(f64, f64)> = Vec::new();
    for cell in cells {
        match pooled.last_mut() {
            Some(last) if is_small(last) => {
                last.0 += cell.0;
                last.1 += cell.1;
            }
            _ => pooled.push(cell),
        }
    }
    if pooled.len() < 2 {
        return nothing;
    }
    let statistic: f64 = pooled
        .iter()
        .map(|(a, b)| {
            let (expected_a, expected_b) =
                ((a + b) * n_reference / total, (a + b) * n_live / total);
            (a - expected_a).powi(2) / expected_a + (b - expected_b).powi(2) / expected_b
        })
        .sum::<f64>()
        / effect;
    let dof = pooled.len() as u32 - 1;
    ChiSquared {
        statistic,
        dof,
        p_value: chi_squared_sf(statistic, f64::from(dof)),
    }
}

fn sum(counts: &[f64]) -> f64 {
    counts.iter().sum()
}

//! Pearson's chi-squared test of two rows of counts.

use super::design_effect::DesignEffect;
use super::special::{chi_squared_sf, f_sf};

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

/// Tests whether two samples of independent rows come from one distribution, given how often each
/// value stands in each; both of shape `(n_values,)`. As `scipy.stats.chi2_contingency` without
/// Yates' correction, after small cells were put together.
#[must_use]
pub fn chi_squared(reference: &[f64], live: &[f64]) -> ChiSquared {
    let cells = Cells::of(reference, live, 1.0);
    cells.test(reference, live, &DesignEffect::NONE)
}

/// Which values are one cell.
#[derive(Clone, Debug)]
pub(super) struct Cells {
    /// The cell of each value. Shape: `(n_values,)`.
    pub(super) cell_of: Vec<usize>,
    pub(super) n_cells: usize,
}

impl Cells {
    /// Puts values of small expected counts together, the rarest first. Counts are taken for
    /// `effect` times smaller than they are.
    pub(super) fn of(reference: &[f64], live: &[f64], effect: f64) -> Self {
        let (n_reference, n_live) = (sum(reference), sum(live));
        let smaller = n_reference.min(n_live) / (n_reference + n_live).max(1.0);
        let total = |value: usize| reference[value] + live[value];
        let mut order: Vec<usize> = (0..reference.len()).filter(|at| total(*at) > 0.0).collect();
        order.sort_by(|a, b| total(*a).total_cmp(&total(*b)));
        let (mut cell_of, mut n_cells, mut size) = (vec![0; reference.len()], 0, f64::INFINITY);
        for value in order {
            if size * smaller / effect.max(1.0) >= MIN_EXPECTED {
                n_cells += 1;
                size = 0.0;
            }
            size += total(value);
            cell_of[value] = n_cells - 1;
        }
        Self { cell_of, n_cells }
    }

    /// The test on these cells.
    ///
    /// Copies among the rows are accounted for by the second-order correction of Rao and Scott
    /// (The analysis of categorical data from complex sample surveys, J. Am. Stat. Assoc. 76,
    /// 1981), with an F distribution because the effect is itself estimated (Thomas and Rao,
    /// Small-sample comparisons of level and power for simple goodness-of-fit statistics under
    /// cluster sampling, J. Am. Stat. Assoc. 82, 1987).
    pub(super) fn test(
        &self,
        reference: &[f64],
        live: &[f64],
        effect: &DesignEffect,
    ) -> ChiSquared {
        let (n_reference, n_live) = (sum(reference), sum(live));
        if n_reference == 0.0 || n_live == 0.0 || self.n_cells < 2 {
            return ChiSquared {
                statistic: 0.0,
                dof: 0,
                p_value: 1.0,
            };
        }
        let mut pooled = vec![(0.0, 0.0); self.n_cells];
        for ((cell, a), b) in self.cell_of.iter().zip(reference).zip(live) {
            pooled[*cell].0 += a;
            pooled[*cell].1 += b;
        }
        let total = n_reference + n_live;
        let plain: f64 = pooled
            .iter()
            .map(|(a, b)| {
                let (expected_a, expected_b) =
                    ((a + b) * n_reference / total, (a + b) * n_live / total);
                (a - expected_a).powi(2) / expected_a + (b - expected_b).powi(2) / expected_b
            })
            .sum();
        let dof = self.n_cells as u32 - 1;
        let statistic = plain / effect.mean;
        let p_value = match effect.n_copies {
            None => chi_squared_sf(statistic, f64::from(dof)),
            Some(n_copies) => {
                let (scaled, dof) = (statistic / effect.spread, f64::from(dof) / effect.spread);
                f_sf(scaled / dof, dof, dof * n_copies)
            }
        };
        ChiSquared {
            statistic,
            dof,
            p_value,
        }
    }
}

fn sum(counts: &[f64]) -> f64 {
    counts.iter().sum()
}

//! Kolmogorov and Smirnov's test of two samples of numbers.

use super::special::kolmogorov_sf;

/// Up to this product of the samples' sizes the p-value is exact.
const MAX_EXACT: usize = 250_000;

/// The test's answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KolmogorovSmirnov {
    /// The largest distance of the two distribution functions.
    pub statistic: f64,
    /// The chance of such a distance or a larger one without drift.
    pub p_value: f64,
    /// Whether the p-value is exact.
    pub is_exact: bool,
}

/// Tests whether two samples come from one continuous distribution. Both must be ascending and hold no
/// NaN. With ties the true p-value is smaller: the test is on the safe side.
///
/// For independent rows (`design_effect` 1) and small samples the p-value is exact, as
/// `scipy.stats.ks_2samp(method="exact")`; else it is that of the limit, `scipy.special.kolmogorov(√e·D)` with
/// e = n·m/(n+m) divided by the design effect.
#[must_use]
pub fn kolmogorov_smirnov(
    reference: &[f32],
    live: &[f32],
    design_effect: f64,
) -> KolmogorovSmirnov {
    let (n, m) = (reference.len(), live.len());
    if n == 0 || m == 0 {
        return KolmogorovSmirnov {
            statistic: 0.0,
            p_value: 1.0,
            is_exact: true,
        };
    }
    let distance = largest_distance(reference, live);
    let scale = n as u64 * m as u64;
    let statistic = distance as f64 / scale as f64;
    let is_exact = design_effect <= 1.0 && n * m <= MAX_EXACT;
    let p_value = if is_exact {
        exact_sf(n, m, distance)
    } else {
        let size = scale as f64 / (n + m) as f64 / design_effect.max(1.0);
        kolmogorov_sf(libm::sqrt(size) * statistic)
    };
    KolmogorovSmirnov {
        statistic,
        p_value,
        is_exact,
    }
}

/// The largest |i·m − j·n| over all values, where i and j count the values up to there: whole
/// numbers, so that equal distances are equal.
fn largest_distance(reference: &[f32], live: &[f32]) -> u64 {
    let (n, m) = (reference.len(), live.len());
    let (mut i, mut j, mut largest) = (0, 0, 0);
    while i < n && j < m {
        let value = reference[i].min(live[j]);
        while i < n && reference[i] <= value {
            i += 1;
        }
        while j < m && live[j] <= value {
            j += 1;
        }
        largest = largest.max((i as u64 * m as u64).abs_diff(j as u64 * n as u64));
    }
    largest
}

/// The share of the lattice paths from (0, 0) to (n, m) that get at least `distance` away from the
/// diagonal (Hodges, The significance probability of the Smirnov two-sample test, Ark. Mat. 3,
/// 1958), by counting up the chance of being on a point without having left.
fn exact_sf(n: usize, m: usize, distance: u64) -> f64 {
    if distance == 0 {
        return 1.0;
    }
    let is_inside =
        |i: usize, j: usize| (i as u64 * m as u64).abs_diff(j as u64 * n as u64) < distance;
    // chance[j]: that a random path through (i, j) was inside all the way.
    let mut chance = vec![0.0_f64; m + 1];
    for i in 0..=n {
        for j in 0..=m {
            chance[j] = if !is_inside(i, j) {
                0.0
            } else if i == 0 && j == 0 {
                1.0
            } else {
                let (from_below, from_left) = (i as f64, j as f64);
                let below = if i > 0 { chance[j] * from_below } else { 0.0 };
                let left = if j > 0 {
                    chance[j - 1] * from_left
                } else {
                    0.0
                };
                (below + left) / (from_below + from_left)
            };
        }
    }
    (1.0 - chance[m]).clamp(0.0, 1.0)
}

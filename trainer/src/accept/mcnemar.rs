//! McNemar's test: do two models err on different rows more often on one side than chance would?

use serde::Serialize;

use crate::decide::binomial_cdf;

/// With fewer discordant pairs than this the test is exact.
const MIN_DISCORDANT: u64 = 25;

/// The pairs that two models disagree on, and how likely so uneven a share is by chance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct McNemar {
    /// How many pairs only the first is right on.
    pub only_first: u64,
    /// How many pairs only the second is right on.
    pub only_second: u64,
    /// Two-sided.
    pub p_value: f64,
    /// Whether it comes from the binomial distribution, else from chi-squared.
    pub is_exact: bool,
}

impl McNemar {
    /// Tests discordant pairs (McNemar, Psychometrika 12, 1947): exactly by the binomial distribution
    /// where they are fewer than 25, else by chi-squared with Edwards' continuity correction.
    #[must_use]
    pub fn of(only_first: u64, only_second: u64) -> Self {
        let n = only_first + only_second;
        let is_exact = n < MIN_DISCORDANT;
        let p_value = if is_exact {
            (2.0 * binomial_cdf(only_first.min(only_second), n, 0.5)).min(1.0)
        } else {
            let distance = only_first.abs_diff(only_second) as f64 - 1.0;
            let chi_squared = distance * distance / n as f64;
            // The upper tail of one degree of freedom.
            libm::erfc((chi_squared / 2.0).sqrt())
        };
        Self {
            only_first,
            only_second,
            p_value,
            is_exact,
        }
    }
}

//! The binomial distribution, for exact tests and bounds.

/// `P(X <= k)` of `n` trials that each succeed with probability `p`. Right to about 12 digits up to a
/// million trials.
///
/// # Panics
/// When `p` is not in 0..=1.
#[must_use]
pub fn binomial_cdf(k: u64, n: u64, p: f64) -> f64 {
    assert!((0.0..=1.0).contains(&p), "a probability");
    if k >= n || p == 0.0 {
        return 1.0;
    }
    if p == 1.0 {
        return 0.0;
    }
    // The shorter tail is summed: its terms are the smaller ones.
    if (k as f64) < n as f64 * p {
        tail(k, n, p)
    } else {
        1.0 - tail(n - k - 1, n, 1.0 - p)
    }
}

/// The sum of `P(X = i)` for `i` from 0 to `k`, by the ratio of neighbours from the largest term down.
fn tail(k: u64, n: u64, p: f64) -> f64 {
    let (trials, odds) = (n as f64, p / (1.0 - p));
    let at = k as f64;
    let log_choose =
        libm::lgamma(trials + 1.0) - libm::lgamma(at + 1.0) - libm::lgamma(trials - at + 1.0);
    let mut term = libm::exp(log_choose + at * libm::log(p) + (trials - at) * libm::log1p(-p));
    let mut sum = term;
    for i in (0..k).rev() {
        let i = i as f64;
        term *= (i + 1.0) / ((trials - i) * odds);
        let before = sum;
        sum += term;
        if sum == before {
            break;
        }
    }
    sum.min(1.0)
}

/// The upper end of the one-sided exact interval for a probability, where `k` of `n` trials succeeded:
/// the largest `p` under which so few successes are still as likely as `1 - confidence` (Clopper and
/// Pearson, Biometrika 26, 1934).
///
/// # Panics
/// When `confidence` is not between 0 and 1.
#[must_use]
pub fn clopper_pearson_upper(k: u64, n: u64, confidence: f64) -> f64 {
    assert!(confidence > 0.0 && confidence < 1.0, "a confidence");
    if k >= n {
        return 1.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    // Half of a half ... 60 times is below the spacing of numbers around any useful rate.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if binomial_cdf(k, n, middle) > 1.0 - confidence {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_can_be_counted_by_hand() {
        for (k, expected) in [(0, 1.0 / 16.0), (1, 5.0 / 16.0), (2, 11.0 / 16.0), (4, 1.0)] {
            assert!((binomial_cdf(k, 4, 0.5) - expected).abs() < 1e-15);
        }
        assert_eq!(binomial_cdf(0, 3, 0.0), 1.0);
        assert_eq!(binomial_cdf(2, 3, 1.0), 0.0);
        // The rule of three: no event in n trials.
        let bound = clopper_pearson_upper(0, 1000, 0.95);
        assert!((bound - (1.0 - 0.05_f64.powf(1.0 / 1000.0))).abs() < 1e-12);
        assert_eq!(clopper_pearson_upper(5, 5, 0.95), 1.0);
    }
}

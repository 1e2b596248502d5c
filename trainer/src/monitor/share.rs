//! A share of a count, with how sure it is.

use serde::Serialize;

/// The 97.5 % quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// A share with its 95 % interval by Wilson (Probable inference, the law of succession, and statistical inference,
/// J. Am. Stat. Assoc. 22, 1927): it stays within 0 and 1, and says something also of few rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// How many of them.
    pub n: u64,
    /// How many there are.
    pub of: u64,
    /// The share; 0 of nothing.
    pub value: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
}

impl Share {
    /// `n` of `of`. Of nothing the interval is everything.
    #[must_use]
    pub fn new(n: u64, of: u64) -> Self {
        if of == 0 {
            return Self {
                n,
                of,
                value: 0.0,
                low: 0.0,
                high: 1.0,
            };
        }
        let (count, share) = (of as f64, n as f64 / of as f64);
        let z2 = Z * Z;
        let middle = (share + z2 / (2.0 * count)) / (1.0 + z2 / count);
        let inner = share * (1.0 - share) / count + z2 / (4.0 * count * count);
        let half = Z / (1.0 + z2 / count) * inner.sqrt();
        Self {
            n,
            of,
            value: share,
            // At the ends rounding leaves a little on either side.
            low: if n == 0 {
                0.0
            } else {
                (middle - half).max(0.0)
            },
            high: if n == of {
                1.0
            } else {
                (middle + half).min(1.0)
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn intervals_are_those_of_scipy() {
        let golden = include_str!("../../tests/golden/wilson.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        let cases = golden["cases"].as_array().unwrap();
        assert!(cases.len() >= 15);
        for case in cases {
            let number = |name: &str| case[name].as_f64().unwrap();
            let share = Share::new(number("n") as u64, number("of") as u64);
            assert!(
                (share.low - number("low")).abs() < 1e-12,
                "{case} {share:?}"
            );
            assert!(
                (share.high - number("high")).abs() < 1e-12,
                "{case} {share:?}"
            );
        }
        assert_eq!(Share::new(0, 0).high, 1.0);
    }
}

//! How often a token may be used.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::TokenError;

/// The most requests in a period, and the longest run of them at once.
///
/// The text form is `REQUESTS/PERIOD` with the period `s`, `min`, `h` or `d`, and optionally the burst:
/// `100/s`, `600/min burst 50`. Without a burst it is the number of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    requests: u32,
    period_seconds: u32,
    burst: u32,
}

const PERIODS: [(&str, u32); 4] = [("s", 1), ("min", 60), ("h", 3600), ("d", 86_400)];
/// The most of either; a rate beyond it is none.
const MAX: u32 = 1_000_000_000;

impl Rate {
    /// `requests` in `period_seconds`, at most `burst` at once.
    ///
    /// # Errors
    /// [`TokenError::BadRate`] where a number is 0 or above 10⁹.
    pub fn new(requests: u32, period_seconds: u32, burst: u32) -> Result<Self, TokenError> {
        let rate = Self {
            requests,
            period_seconds,
            burst,
        };
        let good = |number: u32| (1..=MAX).contains(&number);
        if good(requests) && good(period_seconds) && good(burst) {
            Ok(rate)
        } else {
            Err(TokenError::BadRate {
                found: format!("{requests} in {period_seconds} s, burst {burst}"),
            })
        }
    }

    /// Requests in a period.
    #[must_use]
    pub const fn requests(self) -> u32 {
        self.requests
    }

    /// Seconds of a period.
    #[must_use]
    pub const fn period_seconds(self) -> u32 {
        self.period_seconds
    }

    /// The most requests at once.
    #[must_use]
    pub const fn burst(self) -> u32 {
        self.burst
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = PERIODS
            .iter()
            .find(|(_, seconds)| *seconds == self.period_seconds);
        match named {
            Some((name, _)) => write!(f, "{}/{name}", self.requests)?,
            None => write!(f, "{}/{}s", self.requests, self.period_seconds)?,
        }
        if self.burst != self.requests {
            write!(f, " burst {}", self.burst)?;
        }
        Ok(())
    }
}

impl FromStr for Rate {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let bad = || TokenError::BadRate {
            found: text.chars().take(64).collect(),
        };
        let (rate, burst) = match text.split_once("burst") {
            Some((rate, burst)) => (rate, Some(number(burst.trim()).ok_or_else(bad)?)),
            None => (text, None),
        };
        let (requests, period) = rate.trim().split_once('/').ok_or_else(bad)?;
        let requests = number(requests).ok_or_else(bad)?;
        let named = PERIODS.iter().find(|(name, _)| *name == period);
        let period_seconds = match named {
            Some((_, seconds)) => *seconds,
            None => number(period.strip_suffix('s').ok_or_else(bad)?).ok_or_else(bad)?,
        };
        Self::new(requests, period_seconds, burst.unwrap_or(requests)).map_err(|_| bad())
    }
}

/// Digits only: `parse` alone would take a sign.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

impl TryFrom<String> for Rate {
    type Error = TokenError;

    fn try_from(text: String) -> Result<Self, TokenError> {
        text.parse()
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_are_read() {
        for (text, expected) in [
            ("100/s", (100, 1, 100)),
            ("600/min burst 50", (600, 60, 50)),
            ("5/h", (5, 3600, 5)),
            ("7/d", (7, 86_400, 7)),
            ("3/10s", (3, 10, 3)),
        ] {
            let rate: Rate = text.parse().expect("a rate");
            let found = (rate.requests(), rate.period_seconds(), rate.burst());
            assert_eq!(found, expected, "{text}");
        }
        for wrong in [
            "",
            "/",
            "100",
            "100/",
            "/s",
            "0/s",
            "-1/s",
            "+1/s",
            "1/s burst 0",
            "1/s burst",
            "1/week",
            "1/0s",
            "99999999999/s",
            "2000000000/s",
        ] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(requests in 1..=MAX, period in 1..=MAX, burst in 1..=MAX) {
            let rate = Rate::new(requests, period, burst).expect("a rate");
            prop_assert_eq!(rate.to_string().parse::<Rate>().ok(), Some(rate));
        }

        #[test]
        fn no_text_is_a_panic(text in ".{0,40}") {
            let _ = text.parse::<Rate>();
        }
    }
}

//! Counts requests against rates.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::identity::Identity;
use crate::rate::Rate;

/// The most identities with a bucket of their own. A token file holds fewer; the limit is for hosts that limit
/// others too, such as addresses.
const MAX_BUCKETS: usize = 65_536;

/// A token bucket for each identity. It has no clock: the caller gives the instant.
///
/// In any stretch of time an identity gets at most its burst and what its rate gives in that time. The count is
/// in whole numbers, so nothing is lost to rounding however often it is asked.
#[derive(Debug, Default)]
pub struct RateLimiter(Mutex<BTreeMap<String, Bucket>>);

#[derive(Debug)]
struct Bucket {
    rate: Rate,
    /// In units of which a request costs the period in nanoseconds, and a nanosecond brings `requests`.
    level: u128,
    filled_at: Instant,
}

impl Bucket {
    fn full(rate: Rate, now: Instant) -> Self {
        Self {
            rate,
            level: Self::capacity(rate),
            filled_at: now,
        }
    }

    fn cost(rate: Rate) -> u128 {
        u128::from(rate.period_seconds()) * 1_000_000_000
    }

    fn capacity(rate: Rate) -> u128 {
        Self::cost(rate) * u128::from(rate.burst())
    }

    fn fill(&mut self, now: Instant) {
        // An instant before the last one brings nothing.
        let elapsed = now.saturating_duration_since(self.filled_at);
        let brought = elapsed
            .as_nanos()
            .saturating_mul(u128::from(self.rate.requests()));
        self.level = self
            .level
            .saturating_add(brought)
            .min(Self::capacity(self.rate));
        self.filled_at = self.filled_at.max(now);
    }
}

impl RateLimiter {
    /// A limiter in which every bucket is full.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a request of `identity` at `now`.
    ///
    /// # Errors
    /// How long until the next request is let through.
    pub fn take(&self, identity: &Identity, now: Instant) -> Result<(), Duration> {
        match identity.rate() {
            Some(rate) => self.take_at(identity.name(), rate, now),
            None => Ok(()),
        }
    }

    /// Counts a request of whoever has this name, by a rate that the caller knows.
    ///
    /// # Errors
    /// How long until the next request is let through.
    pub fn take_at(&self, name: &str, rate: Rate, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !buckets.contains_key(name) {
            if buckets.len() >= MAX_BUCKETS {
                // A full bucket is as good as none.
                buckets.retain(|_, bucket| {
                    bucket.fill(now);
                    bucket.level < Bucket::capacity(bucket.rate)
                });
            }
            if buckets.len() >= MAX_BUCKETS {
                return Err(Duration::from_secs(1));
            }
            buckets.insert(name.to_owned(), Bucket::full(rate, now));
        }
        let Some(bucket) = buckets.get_mut(name) else {
            return Ok(());
        };
        if bucket.rate != rate {
            // The token file was changed.
            *bucket = Bucket::full(rate, now);
        }
        bucket.fill(now);
        let cost = Bucket::cost(rate);
        if bucket.level >= cost {
            bucket.level -= cost;
            return Ok(());
        }
        let missing = (cost - bucket.level).div_ceil(u128::from(rate.requests()));
        Err(Duration::from_nanos(
            u64::try_from(missing).unwrap_or(u64::MAX),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rate(text: &str) -> Rate {
        text.parse().expect("a rate")
    }

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let limiter = RateLimiter::new();
        let start = Instant::now();
        let rate = rate("2/s burst 3");
        for _ in 0..3 {
            assert_eq!(limiter.take_at("a", rate, start), Ok(()));
        }
        let wait = Duration::from_millis(500);
        assert_eq!(limiter.take_at("a", rate, start), Err(wait));
        // Another identity has its own.
        assert_eq!(limiter.take_at("b", rate, start), Ok(()));
        let just_before = start + Duration::from_nanos(499_999_999);
        assert_eq!(
            limiter.take_at("a", rate, just_before),
            Err(Duration::from_nanos(1))
        );
        assert_eq!(limiter.take_at("a", rate, start + wait), Ok(()));
        // Time that goes back brings nothing.
        assert!(limiter.take_at("a", rate, start).is_err());
        let later = start + Duration::from_hours(1);
        let passed = (0..10).filter(|_| limiter.take_at("a", rate, later).is_ok());
        assert_eq!(passed.count(), 3);
    }

    #[test]
    fn a_changed_rate_counts_at_once() {
        let limiter = RateLimiter::new();
        let start = Instant::now();
        assert_eq!(limiter.take_at("a", rate("1/h"), start), Ok(()));
        assert!(limiter.take_at("a", rate("1/h"), start).is_err());
        assert_eq!(limiter.take_at("a", rate("5/h"), start), Ok(()));
    }

    #[test]
    fn names_do_not_fill_the_memory() {
        let limiter = RateLimiter::new();
        let start = Instant::now();
        let rate = rate("1/h");
        for name in 0..MAX_BUCKETS {
            assert_eq!(limiter.take_at(&name.to_string(), rate, start), Ok(()));
        }
        assert!(limiter.take_at("one more", rate, start).is_err());
        let later = start + Duration::from_hours(1);
        assert_eq!(limiter.take_at("one more", rate, later), Ok(()));
        assert_eq!(limiter.0.lock().expect("no panic").len(), 1);
    }

    proptest! {
        /// Whatever the gaps, no stretch from the start lets more through than burst and rate give, and who waits
        /// as told is let through.
        #[test]
        fn never_more_than_burst_and_rate(
            requests in 1..50_u32, period in 1..5_u32, burst in 1..20_u32,
            gaps in prop::collection::vec(0..400_u64, 1..200),
        ) {
            let rate = Rate::new(requests, period, burst).expect("a rate");
            let limiter = RateLimiter::new();
            let start = Instant::now();
            let (mut now, mut passed) = (start, 0_u128);
            for gap in gaps {
                now += Duration::from_millis(gap);
                match limiter.take_at("a", rate, now) {
                    Ok(()) => passed += 1,
                    Err(wait) => {
                        prop_assert!(wait > Duration::ZERO);
                        now += wait;
                        prop_assert_eq!(limiter.take_at("a", rate, now), Ok(()));
                        passed += 1;
                    }
                }
                let given = (now - start).as_nanos() * u128::from(requests)
                    / (u128::from(period) * 1_000_000_000);
                prop_assert!(passed <= u128::from(burst) + given);
            }
        }
    }
}

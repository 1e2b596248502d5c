//! When to try: backoff, circuit breaker, rate and hours.

use std::str::FromStr;
use std::time::Duration;

/// How often and how much is uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The most records in a batch.
    pub max_records: usize,
    /// The most bytes in a batch; a single record may have more.
    pub max_bytes: usize,
    /// The most records a second; 0 for no limit.
    pub records_per_second: u64,
    /// The longest wait after a first failure; it doubles with each further one.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
    /// So many failures in a row open the circuit.
    pub failures_to_open: u32,
    /// How long it stays open; then one record tries.
    pub open_for: Duration,
    /// The hours of a day when records may go.
    pub hours: Option<Hours>,
}

impl Default for Pace {
    /// 1000 records and 1 MiB a batch, no limit of rate and hours; waits from half a second to a minute; the circuit
    /// opens after eight failures for a minute.
    fn default() -> Self {
        Self {
            max_records: 1000,
            max_bytes: 1 << 20,
            records_per_second: 0,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_mins(1),
            failures_to_open: 8,
            open_for: Duration::from_mins(1),
            hours: None,
        }
    }
}

impl Pace {
    /// The wait after so many failures in a row, drawn evenly between nothing and the most: devices that failed
    /// together do not come back together ("full jitter"). `draw` is even over all u32.
    pub(super) fn wait(&self, n_failures: u32, draw: u32) -> Duration {
        let doublings = n_failures.saturating_sub(1).min(16);
        let most = self.first_wait.saturating_mul(1 << doublings);
        let most = most.min(self.longest_wait);
        most.mul_f64(f64::from(draw) / f64::from(u32::MAX))
    }

    /// How long a batch of so many records takes at least.
    pub(super) fn spacing(&self, n_records: usize) -> Duration {
        match self.records_per_second {
            0 => Duration::ZERO,
            rate => Duration::from_secs_f64(n_records as f64 / rate as f64),
        }
    }
}

/// Hours of a day in UTC, from the first minute up to but without the second; over midnight where it is smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    from: u32,
    to: u32,
}

/// What are no hours.
#[derive(Debug, thiserror::Error)]
#[error("found {found:?}; expected two times of day in UTC, such as 22:00-06:00")]
pub struct NoHours {
    found: String,
}

impl FromStr for Hours {
    type Err = NoHours;

    fn from_str(text: &str) -> Result<Self, NoHours> {
        let minute = |text: &str| {
            let (hour, minute) = text.split_once(':')?;
            if hour.len() != 2 || minute.len() != 2 {
                return None;
            }
            let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
            (hour < 24 && minute < 60).then_some(60 * hour + minute)
        };
        let read = || {
            let (from, to) = text.split_once('-')?;
            let (from, to) = (minute(from)?, minute(to)?);
            (from != to).then_some(Self { from, to })
        };
        read().ok_or_else(|| NoHours {
            found: text.to_owned(),
        })
    }
}

impl Hours {
    /// Whether they hold a moment.
    pub(super) fn hold(self, seconds_since_1970: u64) -> bool {
        let minute = (seconds_since_1970 / 60 % (24 * 60)) as u32;
        if self.from < self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

/// Whether to try at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Circuit {
    pub(super) n_failures: u32,
}

impl Circuit {
    pub(super) fn succeeded(&mut self) {
        self.n_failures = 0;
    }

    /// Counts a failure. Gives how long to wait before the next try.
    pub(super) fn failed(&mut self, pace: &Pace, draw: u32) -> Duration {
        self.n_failures = self.n_failures.saturating_add(1);
        if self.is_open(pace) {
            return pace.open_for + pace.wait(1, draw);
        }
        pace.wait(self.n_failures, draw)
    }

    pub(super) fn is_open(self, pace: &Pace) -> bool {
        self.n_failures >= pace.failures_to_open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_are_capped_and_jitter_from_nothing() {
        let pace = Pace::default();
        assert_eq!(pace.wait(1, u32::MAX), Duration::from_millis(500));
        assert_eq!(pace.wait(4, u32::MAX), Duration::from_secs(4));
        assert_eq!(pace.wait(40, u32::MAX), Duration::from_mins(1));
        assert_eq!(pace.wait(4, 0), Duration::ZERO);
    }

    #[test]
    fn the_circuit_opens_after_failures_in_a_row() {
        let (pace, mut circuit) = (Pace::default(), Circuit::default());
        for _ in 0..7 {
            assert!(circuit.failed(&pace, 0).is_zero() && !circuit.is_open(&pace));
        }
        assert_eq!(circuit.failed(&pace, 0), Duration::from_mins(1));
        assert!(circuit.is_open(&pace));
        circuit.succeeded();
        assert!(!circuit.is_open(&pace));
    }

    #[test]
    fn hours_may_span_midnight() -> Result<(), NoHours> {
        let at = |hour: u64, minute: u64| 86_400 * 20_000 + 3600 * hour + 60 * minute;
        let night: Hours = "22:30-06:00".parse()?;
        assert!(night.hold(at(22, 30)) && night.hold(at(0, 0)) && night.hold(at(5, 59)));
        assert!(!night.hold(at(22, 29)) && !night.hold(at(6, 0)));
        let noon: Hours = "12:00-13:00".parse()?;
        assert!(noon.hold(at(12, 59)) && !noon.hold(at(13, 0)));
        for wrong in [
            "",
            "12:00",
            "24:00-01:00",
            "12:00-12:00",
            "1:00-2:00",
            "12:60-13:00",
        ] {
            assert!(wrong.parse::<Hours>().is_err(), "{wrong}");
        }
        Ok(())
    }
}

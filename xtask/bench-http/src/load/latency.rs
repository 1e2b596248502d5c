//! Latencies and their percentiles.

use std::time::Duration;

/// Latencies as they come.
#[derive(Default)]
pub(super) struct Latencies(Vec<Duration>);

/// Latencies in ascending order.
pub(super) struct Sorted(Vec<Duration>);

impl Latencies {
    pub(super) fn push(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn sorted(mut self) -> Sorted {
        self.0.sort_unstable();
        Sorted(self.0)
    }
}

impl Sorted {
    /// The least latency that `percent` of all do not exceed, in milliseconds; none without latencies.
    pub(super) fn percentile(&self, percent: f64) -> Option<f64> {
        let rank = (percent / 100.0 * self.0.len() as f64).ceil() as usize;
        let latency = self.0.get(rank.max(1) - 1)?;
        Some(latency.as_secs_f64() * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_latency_that_was_seen() {
        let mut latencies = Latencies::default();
        for ms in (1..=200).rev() {
            latencies.push(Duration::from_millis(ms));
        }
        let sorted = latencies.sorted();
        assert_eq!(sorted.percentile(50.0), Some(100.0));
        assert_eq!(sorted.percentile(99.0), Some(198.0));
        assert_eq!(sorted.percentile(100.0), Some(200.0));
        assert_eq!(sorted.percentile(0.0), Some(1.0));
        assert_eq!(Latencies::default().sorted().percentile(50.0), None);
    }
}

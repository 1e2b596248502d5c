//! Which span is looked at, and how finely.

use crate::drift::DriftOptions;

/// The most bins of time, and windows of drift.
const MAX_BINS: u64 = 2000;

/// Which span is looked at, and how finely.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MonitorOptions {
    /// The start, in milliseconds since 1970.
    pub from_ms: u64,
    /// The end: the present.
    pub to_ms: u64,
    /// How long a bin of time is.
    pub bin_ms: u64,
    /// How long a window of drift is.
    pub drift_window_ms: u64,
    /// When a column has drifted.
    pub drift: DriftOptions,
    /// From which stability index on a column has drifted: in many rows everything is significant.
    pub min_psi: f64,
}

impl MonitorOptions {
    /// The span before `to_ms`. Bins and windows are lengthened where there would be more than 2,000.
    #[must_use]
    pub fn new(to_ms: u64, span_ms: u64, bin_ms: u64, drift_window_ms: u64) -> Self {
        let shortest = span_ms.div_ceil(MAX_BINS).max(1000);
        let (bin_ms, drift_window_ms) = (bin_ms.max(shortest), drift_window_ms.max(shortest));
        Self {
            // Bins begin at whole multiples, so that a later look has the same.
            from_ms: to_ms.saturating_sub(span_ms) / bin_ms * bin_ms,
            to_ms,
            bin_ms,
            drift_window_ms,
            drift: DriftOptions::default(),
            min_psi: 0.1,
        }
    }

    pub(super) fn bin_of(&self, time_ms: u64) -> u64 {
        time_ms / self.bin_ms * self.bin_ms
    }

    pub(super) fn window_of(&self, time_ms: u64) -> u64 {
        time_ms / self.drift_window_ms * self.drift_window_ms
    }
}

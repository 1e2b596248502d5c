//! Time as the service sees it: only differences, only for `/metrics`.

use std::time::Duration;

/// Tells the time since some fixed moment.
pub trait Clock: Send + Sync {
    /// The time since that moment; `None` where the host has no clock.
    fn elapsed(&self) -> Option<Duration>;
}

/// No clock: durations are left out of the metrics.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoClock;

impl Clock for NoClock {
    fn elapsed(&self) -> Option<Duration> {
        None
    }
}

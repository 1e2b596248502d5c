//! The host's clock.

use std::time::{Duration, Instant};

use picket_service::Clock;

/// The time since it was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Monotonic(Instant);

impl Monotonic {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Monotonic {
    fn elapsed(&self) -> Option<Duration> {
        Some(self.0.elapsed())
    }
}

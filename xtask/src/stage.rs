//! Numbered stage lines with elapsed times.

use anyhow::{Context, Result};
use std::time::{Duration, Instant};

/// Counts the stages of one command.
pub(crate) struct Stages {
    start: Instant,
    count: usize,
    total: usize,
}

impl Stages {
    pub(crate) fn new(total: usize) -> Self {
        Self {
            start: Instant::now(),
            count: 0,
            total,
        }
    }

    /// Announces a stage, does it, and says how long it took.
    pub(crate) fn run<T>(&mut self, what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.count += 1;
        println!(
            "\n[{}/{}] {what}  (at {})",
            self.count,
            self.total,
            shown(self.start.elapsed())
        );
        let start = Instant::now();
        let value = work().with_context(|| what.to_owned())?;
        println!(
            "[{}/{}] done in {}",
            self.count,
            self.total,
            shown(start.elapsed())
        );
        Ok(value)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A duration as people say it: `0.3 s`, `12.0 s`, `4 min 03 s`.
pub(crate) fn shown(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_naturally() {
        assert_eq!(shown(Duration::from_millis(340)), "0.3 s");
        assert_eq!(shown(Duration::from_secs(243)), "4 min 03 s");
    }
}

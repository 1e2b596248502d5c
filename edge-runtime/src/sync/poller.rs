//! Polls in the background.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::release_sync::ReleaseSync;

/// A thread that polls until it is dropped.
#[derive(Debug)]
pub struct Poller {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Poller {
    /// Polls every `interval`, a random part of a quarter of it more or less: a fleet that started together
    /// does not ask together.
    ///
    /// # Errors
    /// What the system says where it has no thread left.
    pub fn start(mut sync: ReleaseSync, interval: Duration) -> std::io::Result<Self> {
        let (stop, stopped): (Sender<()>, Receiver<()>) = channel();
        let thread = std::thread::Builder::new()
            .name("release-sync".into())
            .spawn(move || {
                let random = RandomState::new();
                for n_polls in 0_u64.. {
                    match stopped.recv_timeout(jittered(interval, random.hash_one(n_polls))) {
                        // The result is logged and counted already.
                        Err(RecvTimeoutError::Timeout) => drop(sync.poll(unix_time())),
                        Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                    }
                }
            })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.stop = None;
        // A poll under way ends by its own time limit; it is not waited for, as nothing of it would be lost.
        drop(self.thread.take());
    }
}

/// The time in seconds since 1970; 0 for a clock before that.
pub(crate) fn unix_time() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// From three to five quarters of an interval.
fn jittered(interval: Duration, random: u64) -> Duration {
    let share = (random >> 11) as f64 / (1_u64 << 53) as f64;
    interval.mul_f64(0.75 + share / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_within_a_quarter() {
        let interval = Duration::from_secs(100);
        assert_eq!(jittered(interval, 0), Duration::from_secs(75));
        assert!(jittered(interval, u64::MAX) <= Duration::from_secs(125));
        assert!(jittered(interval, u64::MAX) > Duration::from_secs(124));
    }
}

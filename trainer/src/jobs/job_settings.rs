//! How much a worker does at a time, and how long it waits.

use std::time::Duration;

/// Settings of the workers of a process.
#[derive(Clone, Debug)]
pub struct JobSettings {
    /// Threads that learn. A search task takes one, the last fit of a training all of them.
    pub threads: usize,
    /// Trainings at a time in this process; 0 for none.
    pub trainings: usize,
    /// Trainings of one schema at a time, over all processes.
    pub per_schema: usize,
    /// How often a worker says that it is alive; silent for three times as long, it is taken for dead.
    pub heartbeat: Duration,
    /// How long finished tasks stay in the state folder. The queue's messages about them go after an hour at most.
    pub keep: Duration,
}

impl Default for JobSettings {
    /// One thread fewer than there are cores, so that requests find one free.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            threads: cores.saturating_sub(1).max(1),
            trainings: 1,
            per_schema: 1,
            heartbeat: Duration::from_secs(5),
            keep: Duration::from_hours(30 * 24),
        }
    }
}

impl JobSettings {
    /// With no sign of others for so long, a search does its tasks itself.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.heartbeat * 2
    }

    /// A task that the queue does not know and that was put there longer ago than this is lost.
    #[must_use]
    pub fn lost_after(&self) -> Duration {
        self.heartbeat * 4
    }
}

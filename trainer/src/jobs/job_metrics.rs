//! What the workers of a process count.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the process began.
#[derive(Debug, Default)]
pub struct JobMetrics {
    trainings_ended: AtomicU64,
    search_tasks: AtomicU64,
    worker_restarts: AtomicU64,
    requeued: AtomicU64,
    reaped: AtomicU64,
}

impl JobMetrics {
    pub(super) fn training_ended(&self) {
        self.trainings_ended.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn search_task(&self) {
        self.search_tasks.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn worker_restarted(&self) {
        self.worker_restarts.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn requeued(&self) {
        self.requeued.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn reaped(&self, n: u64) {
        self.reaped.fetch_add(n, Ordering::Relaxed);
    }

    /// Name, meaning and value of each.
    #[must_use]
    pub fn all(&self) -> [(&'static str, &'static str, u64); 5] {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            (
                "picket_jobs_trainings_ended_total",
                "Trainings that this process brought to an end.",
                of(&self.trainings_ended),
            ),
            (
                "picket_jobs_search_tasks_total",
                "Candidates on folds that this process computed for a search.",
                of(&self.search_tasks),
            ),
            (
                "picket_jobs_worker_restarts_total",
                "Times that a worker stopped taking jobs and was started again.",
                of(&self.worker_restarts),
            ),
            (
                "picket_jobs_requeued_total",
                "Tasks that the queue had lost and that were put into it again.",
                of(&self.requeued),
            ),
            (
                "picket_jobs_reaped_total",
                "Finished jobs that were removed from the queue.",
                of(&self.reaped),
            ),
        ]
    }
}

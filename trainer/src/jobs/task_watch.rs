//! Writes how far a training is into its task's folder.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::jobs::state_folder::{StateFolder, now};
use crate::jobs::task::{BestSoFar, TaskProgress};
use crate::jobs::task_id::TaskId;
use crate::jobs::training_trace::TrainingTrace;
use crate::progress_watch::ProgressWatch;
use crate::search::SearchMetric;

/// Who reads it looks once a second or so.
const WRITE_EVERY: Duration = Duration::from_millis(400);

/// Listens to a training.
#[derive(Debug)]
pub(super) struct TaskWatch {
    state: StateFolder,
    task_id: TaskId,
    metric: SearchMetric,
    trace: Option<Arc<TrainingTrace>>,
    heard: Mutex<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    progress: TaskProgress,
    written: Option<Instant>,
}

impl TaskWatch {
    pub(super) fn new(
        state: StateFolder,
        task_id: TaskId,
        metric: SearchMetric,
        trace: Option<Arc<TrainingTrace>>,
    ) -> Self {
        Self {
            state,
            task_id,
            metric,
            trace,
            heard: Mutex::default(),
        }
    }

    fn change(&self, at_once: bool, change: impl FnOnce(&mut TaskProgress)) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut heard.progress);
        let is_due = heard
            .written
            .is_none_or(|written| written.elapsed() >= WRITE_EVERY);
        if at_once || is_due {
            heard.written = Some(Instant::now());
            heard.progress.updated = now();
            // A training does not end because nobody can be told of it.
            let _ = self.state.note(&self.task_id, &heard.progress);
        }
    }
}

impl ProgressWatch for TaskWatch {
    fn entered(&self, stage: &str) {
        if let Some(trace) = &self.trace {
            trace.entered(stage);
        }
        self.change(true, |progress| {
            stage.clone_into(&mut progress.stage);
            progress.percent = None;
            progress.eta_s = None;
        });
    }

    fn reached(&self, stage: &str, done: u64, total: u64, elapsed: Duration) {
        self.change(false, |progress| {
            // Parts of a stage, such as trees of a forest, are not how far the stage is.
            if total == 0 || progress.stage != stage {
                return;
            }
            let share = done.min(total) as f64 / total as f64;
            let left = elapsed.as_secs_f64() / share.max(f64::MIN_POSITIVE) * (1.0 - share);
            progress.percent = Some((share * 1000.0).round() / 10.0);
            progress.eta_s = (done > 0).then(|| (left * 10.0).round() / 10.0);
        });
    }

    fn told(&self, stage: &str, object: &Value) {
        let mean = object["mean"].as_f64();
        let idx = object["candidate_idx"].as_u64();
        let (Some(mean), Some(candidate_idx), "search" | "blend") = (mean, idx, stage) else {
            return;
        };
        self.change(false, |progress| {
            let is_better = progress
                .best
                .as_ref()
                .is_none_or(|best| self.metric.merit(mean) > self.metric.merit(best.mean));
            if is_better {
                progress.best = Some(BestSoFar {
                    candidate_idx,
                    model: object["model"].as_str().unwrap_or_default().to_owned(),
                    metric: self.metric.name().to_owned(),
                    mean,
                });
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_candidate_is_by_the_metrics_direction() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateFolder::open(dir.path()).unwrap();
        let watch = TaskWatch::new(state, TaskId::new().unwrap(), SearchMetric::LogLoss, None);
        watch.entered("search");
        for (idx, mean) in [(0, 0.5), (1, 0.3), (2, 0.4)] {
            let object = serde_json::json!({"candidate_idx": idx, "mean": mean, "model": "tree"});
            watch.told("search", &object);
        }
        watch.reached("search", 1, 4, Duration::from_secs(2));
        watch.reached("trees", 9, 9, Duration::from_secs(2));
        let heard = watch.heard.lock().unwrap();
        let best = heard.progress.best.as_ref().unwrap();
        assert_eq!((best.candidate_idx, best.mean), (1, 0.3));
        assert_eq!(heard.progress.percent, Some(25.0));
        assert_eq!(heard.progress.eta_s, Some(6.0));
    }
}

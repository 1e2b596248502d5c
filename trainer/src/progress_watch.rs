//! Progress for a program that asks how far work is, such as the service.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::progress::Reporter;

/// Is told how far work is.
pub trait ProgressWatch: Debug + Send + Sync {
    /// A stage of a pipeline begins.
    fn entered(&self, stage: &str);

    /// So many of a stage's steps are done; 0 of `total` where their number is not known. Called from many
    /// threads, as often as once a step.
    fn reached(&self, stage: &str, done: u64, total: u64, elapsed: Duration);

    /// Something was found, such as a candidate's score.
    fn told(&self, stage: &str, object: &serde_json::Value);
}

static WATCHES: Mutex<BTreeMap<u64, Arc<dyn ProgressWatch>>> = Mutex::new(BTreeMap::new());
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Which watch is told. A number, so that a [`Reporter`] stays something that is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchId(u64);

impl WatchId {
    /// The watch, while it is there.
    pub(crate) fn watch(self) -> Option<Arc<dyn ProgressWatch>> {
        watches().get(&self.0).cloned()
    }
}

/// Keeps a watch for as long as it lives.
#[derive(Debug)]
pub struct WatchedProgress(WatchId);

impl WatchedProgress {
    /// Lets a watch be told.
    #[must_use]
    pub fn new(watch: Arc<dyn ProgressWatch>) -> Self {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        watches().insert(id, watch);
        Self(WatchId(id))
    }

    /// What tells the watch.
    #[must_use]
    pub fn reporter(&self) -> Reporter {
        Reporter::Watched(self.0)
    }
}

impl Drop for WatchedProgress {
    fn drop(&mut self) {
        watches().remove(&self.0.0);
    }
}

fn watches() -> std::sync::MutexGuard<'static, BTreeMap<u64, Arc<dyn ProgressWatch>>> {
    // A map is whole at every moment, whoever panicked.
    WATCHES.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct Heard(Mutex<Vec<String>>);

    impl ProgressWatch for Heard {
        fn entered(&self, stage: &str) {
            self.0.lock().unwrap().push(format!("enter {stage}"));
        }

        fn reached(&self, stage: &str, done: u64, total: u64, _elapsed: Duration) {
            let text = format!("{stage} {done}/{total}");
            self.0.lock().unwrap().push(text);
        }

        fn told(&self, stage: &str, object: &serde_json::Value) {
            self.0.lock().unwrap().push(format!("{stage} {object}"));
        }
    }

    #[test]
    fn a_watch_hears_all_until_it_is_gone() {
        let heard = Arc::new(Heard::default());
        let watched = WatchedProgress::new(heard.clone());
        let reporter = watched.reporter();
        reporter.enter("search");
        let stage = reporter.stage("search", 3);
        stage.reach(2);
        stage.tell("words", &serde_json::json!({"mean": 1}));
        drop(watched);
        reporter.enter("model");
        reporter.stage("model", 1).reach(1);
        let expected = ["enter search", "search 2/3", "search {\"mean\":1}"];
        assert_eq!(*heard.0.lock().unwrap(), expected);
    }
}

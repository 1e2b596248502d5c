//! Many requests, one sync: those who wait for the same writing.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// How a writing went; the reason where it failed.
pub(super) type Written = Result<(), String>;

/// A writing and those who wait for it, threads and tasks.
#[derive(Debug, Default)]
pub(super) struct Group {
    state: Mutex<State>,
    done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    written: Option<Written>,
    wakers: Vec<Waker>,
    /// Threads that wait.
    n_threads: usize,
    /// Whether one that waited is gone: its waker may be among the others, and wakes nobody.
    deserted: bool,
}

impl Group {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says how the writing went. One task is woken from here, and wakes the others from the thread that it runs on: to
    /// wake a task from a thread of its own runtime costs a fraction of what it costs from another.
    pub(super) fn finish(&self, written: Written) {
        let (woken, n_threads) = {
            let mut state = self.state();
            state.written = Some(written);
            let n_left = if state.deserted {
                0
            } else {
                state.wakers.len().saturating_sub(1)
            };
            (state.wakers.split_off(n_left), state.n_threads)
        };
        if n_threads > 0 {
            self.done.notify_all();
        }
        woken.into_iter().for_each(Waker::wake);
    }

    pub(super) fn poll(&self, context: &mut Context<'_>) -> Poll<Written> {
        let mut state = self.state();
        let Some(written) = state.written.clone() else {
            let waker = context.waker();
            // A task that is polled again has the same waker, and tasks wait for one writing each: the last one in is
            // looked at first.
            if !state.wakers.iter().rev().any(|it| it.will_wake(waker)) {
                state.wakers.push(waker.clone());
            }
            return Poll::Pending;
        };
        let others = std::mem::take(&mut state.wakers);
        drop(state);
        others.into_iter().for_each(Waker::wake);
        Poll::Ready(written)
    }

    /// Wakes those who wait for a writing that is over. Whoever leaves calls it: it may be the one that was woken to wake
    /// the others.
    pub(super) fn leave(&self) {
        let mut state = self.state();
        state.deserted = true;
        if state.written.is_some() && !state.wakers.is_empty() {
            let others = std::mem::take(&mut state.wakers);
            drop(state);
            others.into_iter().for_each(Waker::wake);
        }
    }

    pub(super) fn wait(&self) -> Written {
        let mut state = self.state();
        state.n_threads += 1;
        loop {
            if let Some(written) = &state.written {
                let written = written.clone();
                state.n_threads -= 1;
                return written;
            }
            state = self
                .done
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Wake for Counting {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn n_woken(tasks: &[Arc<Counting>]) -> usize {
        tasks.iter().map(|it| it.0.load(Ordering::Relaxed)).sum()
    }

    /// Five tasks that wait.
    fn waiting(group: &Group) -> Vec<Arc<Counting>> {
        let tasks: Vec<Arc<Counting>> = (0..5).map(|_| Arc::default()).collect();
        for task in &tasks {
            let waker = Waker::from(Arc::clone(task));
            for _ in 0..2 {
                assert!(group.poll(&mut Context::from_waker(&waker)).is_pending());
            }
        }
        tasks
    }

    #[test]
    fn one_task_is_woken_and_wakes_the_others() {
        let group = Group::default();
        let tasks = waiting(&group);
        group.finish(Ok(()));
        assert_eq!(n_woken(&tasks), 1);
        let waker = Waker::from(Arc::new(Counting::default()));
        assert!(group.poll(&mut Context::from_waker(&waker)).is_ready());
        assert_eq!(n_woken(&tasks), 5);
        assert!(tasks.iter().all(|it| it.0.load(Ordering::Relaxed) == 1));
    }

    #[test]
    fn a_task_that_is_gone_before_it_is_polled_leaves_nobody_asleep() {
        let group = Group::default();
        let tasks = waiting(&group);
        group.finish(Err("no".to_owned()));
        assert_eq!(n_woken(&tasks), 1);
        group.leave();
        assert_eq!(n_woken(&tasks), 5);
        // Gone before the writing is over: its waker may be the one that would wake the others.
        let group = Group::default();
        let tasks = waiting(&group);
        group.leave();
        assert_eq!(n_woken(&tasks), 0, "nothing is written yet");
        group.finish(Ok(()));
        assert_eq!(n_woken(&tasks), 5);
    }
}

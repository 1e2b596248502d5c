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
}

impl Group {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn finish(&self, written: Written) {
        let wakers = {
            let mut state = self.state();
            state.written = Some(written);
            std::mem::take(&mut state.wakers)
        };
        self.done.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(super) fn poll(&self, context: &mut Context<'_>) -> Poll<Written> {
        let mut state = self.state();
        if let Some(written) = &state.written {
            return Poll::Ready(written.clone());
        }
        let waker = context.waker();
        if !state.wakers.iter().any(|it| it.will_wake(waker)) {
            state.wakers.push(waker.clone());
        }
        Poll::Pending
    }

    pub(super) fn wait(&self) -> Written {
        let mut state = self.state();
        loop {
            if let Some(written) = &state.written {
                return written.clone();
            }
            state = self
                .done
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

//! A store in memory that fails when told to.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::key_value::{KeyValue, Keys, MAX_VALUE, StoreError};

/// A store in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    pub(crate) values: RefCell<BTreeMap<String, Vec<u8>>>,
    /// So many changes go well; all later ones fail.
    pub(crate) changes_left: Cell<Option<usize>>,
    /// Larger values are refused.
    pub(crate) max_value: Cell<Option<usize>>,
}

impl MemoryStore {
    fn change(&self) -> Result<(), StoreError> {
        let failed = || StoreError {
            reason: "out of order".to_owned(),
        };
        if let Some(left) = self.changes_left.get() {
            self.changes_left
                .set(Some(left.checked_sub(1).ok_or_else(failed)?));
        }
        Ok(())
    }

    pub(crate) fn count(&self, prefix: &str) -> usize {
        let values = self.values.borrow();
        values.keys().filter(|key| key.starts_with(prefix)).count()
    }
}

impl KeyValue for MemoryStore {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.values.borrow().get(key).cloned())
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        assert!(key.len() <= 256 && value.len() <= MAX_VALUE, "{key}");
        self.change()?;
        if self.max_value.get().is_some_and(|max| value.len() > max) {
            let reason = "too large".to_owned();
            return Err(StoreError { reason });
        }
        self.values
            .borrow_mut()
            .insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.change()?;
        self.values.borrow_mut().remove(key);
        Ok(())
    }

    async fn keys(&self, prefix: &str, max: usize) -> Result<Keys, StoreError> {
        let values = self.values.borrow();
        let all = values.keys().filter(|key| key.starts_with(prefix));
        // The worst order for who expects one.
        let found: Vec<String> = all.rev().take(max).cloned().collect();
        drop(values);
        Ok(Keys {
            more: self.count(prefix) > found.len(),
            found,
        })
    }
}

/// Runs a future that never waits.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).as_mut().poll(&mut context) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a store in memory never waits"),
    }
}

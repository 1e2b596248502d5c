//! A store whose disk is full after some writes.

use std::cell::Cell;

use picket_trainer::publish::{PublishError, ReleaseStore, Revision};

pub(crate) struct FailingStore<'s> {
    inner: &'s dyn ReleaseStore,
    left: Cell<u64>,
}

impl<'s> FailingStore<'s> {
    pub(crate) fn new(inner: &'s dyn ReleaseStore, n_writes: u64) -> Self {
        Self {
            inner,
            left: Cell::new(n_writes),
        }
    }

    fn write<T>(
        &self,
        name: &str,
        write: impl FnOnce() -> Result<T, PublishError>,
    ) -> Result<T, PublishError> {
        if self.left.get() == 0 {
            return Err(PublishError::Store {
                place: name.to_owned(),
                operation: "writing",
                message: "the disk is full".to_owned(),
            });
        }
        self.left.set(self.left.get() - 1);
        write()
    }
}

impl ReleaseStore for FailingStore<'_> {
    fn address(&self) -> String {
        self.inner.address()
    }

    fn read(
        &self,
        name: &str,
        max_bytes: u64,
    ) -> Result<Option<(Vec<u8>, Revision)>, PublishError> {
        self.inner.read(name, max_bytes)
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<bool, PublishError> {
        self.write(name, || self.inner.create(name, bytes))
    }

    fn replace(&self, name: &str, bytes: &[u8], expected: &Revision) -> Result<bool, PublishError> {
        self.write(name, || self.inner.replace(name, bytes, expected))
    }

    fn folders(&self, name: &str) -> Result<Vec<String>, PublishError> {
        self.inner.folders(name)
    }
}

//! Which records a list of tombstones covers.

use std::borrow::Cow;
use std::collections::BTreeSet;

use picket_schema::release::Tombstones;
use serde::Deserialize;

use super::SpoolRecorder;
use crate::spool::SpoolError;

/// As much of a record as an erasure looks at.
#[derive(Deserialize)]
struct RecordHead<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    time_ms: u64,
    #[serde(borrow, default)]
    source: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    prediction: Option<Cow<'a, str>>,
}

impl<'a> RecordHead<'a> {
    fn of(record: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(record).ok()
    }

    fn is_covered(&self, tombstones: &Tombstones) -> bool {
        let source = self.source.as_deref();
        source.is_some_and(|source| tombstones.covers(source, self.time_ms))
    }
}

impl SpoolRecorder {
    /// Erases the records that a list of tombstones covers, and the labels of their predictions as far as both stand
    /// here. Gives how many waited.
    ///
    /// # Errors
    /// What the disk says; erasing again does the rest.
    pub fn erase(&self, tombstones: &Tombstones) -> Result<u64, SpoolError> {
        let mut predictions = BTreeSet::new();
        self.spool.for_each(&mut |record| {
            let head = RecordHead::of(record);
            if let Some(head) = head.filter(|it| it.is_covered(tombstones)) {
                predictions.insert(head.id.into_owned());
            }
        })?;
        self.spool.erase(&|record| {
            RecordHead::of(record).is_some_and(|head| {
                let named = head.prediction.as_deref();
                head.is_covered(tombstones) || named.is_some_and(|it| predictions.contains(it))
            })
        })
    }
}

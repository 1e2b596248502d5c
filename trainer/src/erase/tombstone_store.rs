//! Tombstones into the store that edges follow.

use std::collections::BTreeSet;

use picket_schema::ArtifactDigest;
use picket_schema::release::caps::MAX_ENVELOPE_BYTES;
use picket_schema::release::{SigningKey, Tombstones};

use crate::error::TrainerError;
use crate::publish::{PublishError, ReleaseStore};
use crate::signing::SigningError;

/// How many numbers are tried where others publish at the same time.
const ATTEMPTS: u32 = 32;

fn name(version: u64) -> String {
    format!("tombstones/{version}.dsse.json")
}

/// Publishes a signed list under the next number, and gives the number and the
/// envelope's digest. Whoever creates a number's file has it; nothing
/// that is there is written again.
///
/// # Errors
/// [`SigningError::Release`] for what is no list, and what the store says.
pub fn publish_tombstones(
    store: &dyn ReleaseStore,
    subjects: &BTreeSet<String>,
    before: u64,
    keys: &[&SigningKey],
) -> Result<(u64, ArtifactDigest), TrainerError> {
    let mut version = 1;
    for _ in 0..ATTEMPTS {
        while store
            .read(&name(version), MAX_ENVELOPE_BYTES as u64)?
            .is_some()
        {
            version += 1;
        }
        let wrong = SigningError::of("the tombstones");
        let list = Tombstones::new(version, before, subjects.clone()).map_err(wrong)?;
        let wrong = SigningError::of("the tombstones");
        let envelope = list.sign(keys).map_err(wrong)?;
        if store.create(&name(version), &envelope)? {
            return Ok((version, ArtifactDigest::of(&envelope)));
        }
    }
    let store = store.address();
    let attempts = ATTEMPTS;
    Err(PublishError::Busy { store, attempts }.into())
}

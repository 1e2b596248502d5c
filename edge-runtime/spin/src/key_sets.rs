//! Key sets that follow each other: signed by both, taken when pushed, kept in the store.
//!
//! The variable `trusted_keys` is the root. Each set that follows has a key of the store with its version in the name
//! and is verified from the root on whenever it is read: the store is believed nothing but what it lacks. Where a set
//! is there and those before it are not, somebody or something has removed them, and no set is trusted at all: the
//! last that can be verified may hold the very key that was taken out.

use picket_schema::release::KeySet;

use crate::key_value::{KeyValue, StoreError};
use crate::release_store::PushError;

/// What the key of a set begins with.
const KEYS: &str = "keys-";
/// The key of the hint that tells instances to look again.
const NEWEST_KEYS: &str = "newest-keys";
/// The most sets that are looked at.
const MAX_SETS: usize = 1024;

/// As far as sets can be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    keys: KeySet,
    /// Why there is no going on though there is more.
    broken: Option<String>,
}

impl Followed {
    /// The newest set.
    ///
    /// # Errors
    /// What is wrong with the sets in the store.
    pub fn keys(&self) -> Result<&KeySet, &str> {
        match &self.broken {
            None => Ok(&self.keys),
            Some(reason) => Err(reason),
        }
    }
}

fn key_of(version: u64) -> String {
    format!("{KEYS}{version:020}")
}

/// Follows the sets in the store from the root on.
///
/// # Errors
/// [`StoreError`].
pub async fn follow(store: &impl KeyValue, root: &KeySet) -> Result<Followed, StoreError> {
    let listed = store.keys(KEYS, MAX_SETS).await?.found;
    let mut versions: Vec<u64> = listed
        .iter()
        .filter_map(|key| key.strip_prefix(KEYS)?.parse().ok())
        .filter(|version| *version > root.version())
        .collect();
    versions.sort_unstable();
    let mut keys = root.clone();
    for version in versions {
        let envelope = store.get(&key_of(version)).await?.unwrap_or_default();
        match keys.next(&envelope) {
            // The version was signed: one that leaves another out is none that follows.
            Ok(next) => keys = next,
            Err(error) => {
                let broken = Some(format!("key set {version}: {error}"));
                return Ok(Followed { keys, broken });
            }
        }
    }
    Ok(Followed { keys, broken: None })
}

/// Takes a set that follows, and gives the newest one afterwards. The newest once more is no fault. Where a set in the
/// store is damaged, the right one takes its place.
///
/// # Errors
/// A [`PushError`]; what was trusted goes on.
pub async fn push(
    store: &impl KeyValue,
    root: &KeySet,
    envelope: &[u8],
) -> Result<KeySet, PushError> {
    let known = follow(store, root).await?;
    let version = known.keys.version();
    let is_again =
        version > root.version() && store.get(&key_of(version)).await?.as_deref() == Some(envelope);
    if !is_again {
        let next = known.keys.next(envelope)?;
        store.set(&key_of(next.version()), envelope).await?;
    }
    let followed = follow(store, root).await?;
    let keys = followed
        .keys()
        .map_err(|reason| PushError::Keys(reason.to_owned()))?;
    let text = keys.version().to_string();
    store.set(NEWEST_KEYS, text.as_bytes()).await?;
    Ok(keys.clone())
}

/// The version that the hint names.
///
/// # Errors
/// [`StoreError`].
pub async fn newest(store: &impl KeyValue) -> Result<Option<u64>, StoreError> {
    let text = store.get(NEWEST_KEYS).await?;
    Ok(text.and_then(|text| std::str::from_utf8(&text).ok()?.parse().ok()))
}

/// Why a release cannot be held against the keys in the store.
pub(crate) fn trusted(followed: &Followed) -> Result<&KeySet, PushError> {
    followed
        .keys()
        .map_err(|reason| PushError::Keys(reason.to_owned()))
}

#[cfg(test)]
#[path = "key_sets_test.rs"]
mod tests;

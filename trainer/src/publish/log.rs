//! What was done to a store of releases, in entries chained by digests.
//!
//! ```text
//! log/<number>/entry.json       what was done; holds the digest of the entry before
//! log/<number>/entry.dsse.json  the same, signed, where keys were at hand
//! ```
//!
//! An entry is created under its number, once, as a release is: of two who append at the same time one is second. Who
//! changes, leaves out or reorders entries breaks the chain after them, and a signature on any entry vouches for all
//! before it. An edge reads none of this: what it may serve is said by releases alone.

use picket_schema::ArtifactDigest;
use picket_schema::release::caps::MAX_ENVELOPE_BYTES;
use picket_schema::release::{Envelope, KeySet, SigningKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::PublishError;
use super::publisher::user_and_host;
use super::store::ReleaseStore;

const FOLDER: &str = "log";
/// The media type of a signed entry.
const PAYLOAD_TYPE: &str = "application/vnd.picket.publish-log.v1+json";
/// No entry is larger.
const MAX_ENTRY_BYTES: u64 = 64 << 10;
/// How many numbers are tried where others append at the same time.
const ATTEMPTS: u32 = 32;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogAction {
    /// A release was made.
    Publish,
    /// A release became the champion.
    Promote,
    /// A release was made with the artifact of an earlier one.
    Rollback,
    /// A release was signed.
    Sign,
    /// A release was signed that withdraws others.
    Revoke,
    /// Tombstones were published.
    Erase,
}

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogEntry {
    /// Its number, from 1.
    pub number: u64,
    /// The SHA-256 of the entry before; none for the first.
    pub previous: Option<String>,
    /// What was done.
    pub action: LogAction,
    /// The release, or the number of the list of tombstones.
    pub release: u64,
    /// The SHA-256 of what was made: the artifact, the channel's manifest, the envelope.
    pub digest: String,
    /// When (RFC 3339, UTC).
    pub time: String,
    /// Who did it, as the system tells.
    pub user: Option<String>,
    /// On which host.
    pub host: Option<String>,
}

/// A chain that holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VerifiedLog {
    /// How many entries there are.
    pub n_entries: u64,
    /// How many are signed by keys that are trusted.
    pub n_signed: u64,
    /// The newest entry so signed: it vouches for all before it.
    pub signed_up_to: Option<u64>,
    /// The SHA-256 of the last entry. Kept elsewhere, it shows later whether the end was cut off.
    pub head: Option<String>,
    /// Releases that no entry tells of: made before there was a log, or by another program.
    pub unlogged_releases: Vec<u64>,
}

/// The log of a store.
pub struct PublishLog<'s> {
    store: &'s dyn ReleaseStore,
}

impl std::fmt::Debug for PublishLog<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PublishLog")
            .field(&self.store.address())
            .finish()
    }
}

fn digest(bytes: &[u8]) -> String {
    ArtifactDigest(Sha256::digest(bytes).into()).to_string()
}

fn name(number: u64, file: &str) -> String {
    format!("{FOLDER}/{number}/{file}")
}

fn payload(entry: &LogEntry) -> Result<Vec<u8>, PublishError> {
    serde_json::to_vec(entry).map_err(|error| PublishError::Store {
        place: name(entry.number, "entry.json"),
        operation: "writing",
        message: error.to_string(),
    })
}

impl<'s> PublishLog<'s> {
    /// The log of `store`.
    #[must_use]
    pub fn new(store: &'s dyn ReleaseStore) -> Self {
        Self { store }
    }

    fn last_number(&self) -> Result<u64, PublishError> {
        let folders = self.store.folders(FOLDER)?;
        let number = |name: &String| name.parse().ok().filter(|n: &u64| n.to_string() == *name);
        let mut last = folders.iter().filter_map(number).max().unwrap_or(0);
        // The folder of an entry that is being made, or whose maker came no further, is no entry.
        while last > 0 && self.bytes(last)?.is_none() {
            last -= 1;
        }
        Ok(last)
    }

    fn bytes(&self, number: u64) -> Result<Option<Vec<u8>>, PublishError> {
        let found = self
            .store
            .read(&name(number, "entry.json"), MAX_ENTRY_BYTES)?;
        Ok(found.map(|(bytes, _)| bytes))
    }

    fn damaged(number: u64, found: impl Into<String>, expected: impl Into<String>) -> PublishError {
        PublishError::Damaged {
            place: name(number, "entry.json"),
            found: found.into(),
            expected: expected.into(),
        }
    }

    /// Appends what was done, signed where there are keys.
    ///
    /// # Errors
    /// What the store says; [`PublishError::Busy`] where others were faster again and again. What was done is done.
    pub fn append(
        &self,
        action: LogAction,
        release: u64,
        digest_of: &str,
        keys: &[&SigningKey],
    ) -> Result<LogEntry, PublishError> {
        let (user, host) = user_and_host();
        let mut number = self.last_number()?;
        for _ in 0..ATTEMPTS {
            let before = match number {
                0 => None,
                number => Some(
                    self.bytes(number)?
                        .ok_or_else(|| Self::damaged(number, "nothing", "an entry"))?,
                ),
            };
            let entry = LogEntry {
                number: number + 1,
                previous: before.as_deref().map(digest),
                action,
                release,
                digest: digest_of.to_owned(),
                time: humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string(),
                user: user.clone(),
                host: host.clone(),
            };
            let bytes = payload(&entry)?;
            let place = name(entry.number, "entry.json");
            // An answer may have been lost: then it is there, as we wrote it.
            let is_ours = self.store.create(&place, &bytes)?
                || self.bytes(entry.number)?.as_ref() == Some(&bytes);
            if !is_ours {
                number += 1;
                continue;
            }
            if !keys.is_empty() {
                self.sign(entry.number, bytes, keys)?;
            }
            return Ok(entry);
        }
        Err(PublishError::Busy {
            store: self.store.address(),
            attempts: ATTEMPTS,
        })
    }

    fn sign(&self, number: u64, bytes: Vec<u8>, keys: &[&SigningKey]) -> Result<(), PublishError> {
        let mut envelope = Envelope::unsigned(PAYLOAD_TYPE, bytes);
        for key in keys {
            envelope.sign(key);
        }
        let place = name(number, "entry.dsse.json");
        let signed = envelope.to_json().map_err(|error| PublishError::Store {
            place: place.clone(),
            operation: "signing",
            message: error.to_string(),
        })?;
        self.store.create(&place, &signed).map(drop)
    }

    /// Walks the chain from its first entry, and holds it against the releases. With keys, signatures are verified
    /// too.
    ///
    /// # Errors
    /// [`PublishError::Damaged`] with the first entry that is missing, changed or wrongly signed, or where the champion
    /// is not the one of the last promotion.
    pub fn verify(
        &self,
        keys: Option<&KeySet>,
        releases: &[u64],
        champion: Option<u64>,
    ) -> Result<VerifiedLog, PublishError> {
        let mut verified = VerifiedLog::default();
        let (mut logged, mut promoted) = (Vec::new(), None);
        for number in 1..=self.last_number()? {
            let bytes = self
                .bytes(number)?
                .ok_or_else(|| Self::damaged(number, "nothing", "an entry"))?;
            let entry: LogEntry = serde_json::from_slice(&bytes)
                .map_err(|error| Self::damaged(number, error.to_string(), "an entry"))?;
            if payload(&entry)? != bytes || entry.number != number {
                return Err(Self::damaged(
                    number,
                    "another form or number",
                    format!("entry {number}"),
                ));
            }
            if entry.previous != verified.head {
                let found = entry.previous.unwrap_or_else(|| "none".to_owned());
                let expected = verified.head.unwrap_or_else(|| "none".to_owned());
                return Err(Self::damaged(
                    number,
                    format!("the digest {found} of the entry before"),
                    expected,
                ));
            }
            if self.is_signed(number, &bytes, keys)? {
                verified.n_signed += 1;
                verified.signed_up_to = Some(number);
            }
            match entry.action {
                LogAction::Publish | LogAction::Rollback => logged.push(entry.release),
                LogAction::Promote => promoted = Some(entry.release),
                LogAction::Sign | LogAction::Revoke | LogAction::Erase => {}
            }
            verified.n_entries = number;
            verified.head = Some(digest(&bytes));
        }
        if let (Some(promoted), Some(champion)) = (promoted, champion)
            && promoted != champion
        {
            return Err(PublishError::Damaged {
                place: "channels/champion.json".to_owned(),
                found: format!("release {champion}"),
                expected: format!("release {promoted}, as the log says"),
            });
        }
        let is_unlogged = |release: &&u64| !logged.contains(release);
        verified.unlogged_releases = releases.iter().filter(is_unlogged).copied().collect();
        Ok(verified)
    }

    fn is_signed(
        &self,
        number: u64,
        bytes: &[u8],
        keys: Option<&KeySet>,
    ) -> Result<bool, PublishError> {
        let place = name(number, "entry.dsse.json");
        let Some(keys) = keys else { return Ok(false) };
        let Some((envelope, _)) = self.store.read(&place, MAX_ENVELOPE_BYTES as u64)? else {
            return Ok(false);
        };
        let wrong = |found: String| PublishError::Damaged {
            place: place.clone(),
            found,
            expected: "the entry, signed by trusted keys".to_owned(),
        };
        let envelope = Envelope::from_json(&envelope).map_err(|error| wrong(error.to_string()))?;
        let signed = envelope
            .verify(PAYLOAD_TYPE, keys)
            .map_err(|error| wrong(error.to_string()))?;
        if signed != bytes {
            return Err(wrong("a signature of another entry".to_owned()));
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::DirectoryStore;

    fn chain(folder: &std::path::Path) -> Result<DirectoryStore, PublishError> {
        let store = DirectoryStore::new(folder);
        let log = PublishLog::new(&store);
        let key = SigningKey::from_seed(&[1; 32]);
        log.append(LogAction::Publish, 1, "sha256:1", &[])?;
        log.append(LogAction::Sign, 1, "sha256:2", &[&key])?;
        log.append(LogAction::Promote, 1, "sha256:3", &[])?;
        Ok(store)
    }

    fn keys() -> KeySet {
        let key = SigningKey::from_seed(&[1; 32]);
        KeySet::new(1, 1, vec![key.public()]).unwrap()
    }

    #[test]
    fn a_chain_holds_and_says_what_it_vouches_for() {
        let folder = tempfile::tempdir().unwrap();
        let store = chain(folder.path()).unwrap();
        let log = PublishLog::new(&store);
        let verified = log.verify(Some(&keys()), &[1, 2], Some(1)).unwrap();
        assert_eq!((verified.n_entries, verified.n_signed), (3, 1));
        assert_eq!(verified.signed_up_to, Some(2));
        assert_eq!(verified.unlogged_releases, [2]);
        let other = KeySet::new(1, 1, vec![SigningKey::from_seed(&[2; 32]).public()]).unwrap();
        assert!(log.verify(Some(&other), &[], None).is_err());
        assert!(
            log.verify(None, &[], Some(2)).is_err(),
            "a champion that nobody promoted"
        );
    }

    #[test]
    fn every_change_of_the_past_is_seen() {
        for number in 1..=3_u64 {
            let folder = tempfile::tempdir().unwrap();
            let store = chain(folder.path()).unwrap();
            let place = folder.path().join(name(number, "entry.json"));
            let entry = std::fs::read_to_string(&place).unwrap();
            let log = PublishLog::new(&store);
            let changed = entry.replace("\"digest\":\"sha256:", "\"digest\":\"sha256:9");
            assert_ne!(changed, entry);
            std::fs::write(&place, changed).unwrap();
            // The last one is vouched for by whoever kept the head.
            let before = log.verify(None, &[], None);
            assert_eq!(before.is_ok(), number == 3, "{before:?}");
            std::fs::remove_dir_all(place.parent().unwrap()).unwrap();
            let found = log.verify(None, &[], None);
            assert_eq!(found.is_ok(), number == 3, "{found:?}");
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            std::fs::write(&place, entry + " ").unwrap();
            assert!(log.verify(None, &[], None).is_err());
        }
    }

    #[test]
    fn of_many_who_append_at_once_each_has_a_number() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let store = DirectoryStore::new(folder.path());
                scope.spawn(move || {
                    for _ in 0..5 {
                        let log = PublishLog::new(&store);
                        log.append(LogAction::Publish, thread, "sha256:1", &[])
                            .unwrap();
                    }
                });
            }
        });
        let store = DirectoryStore::new(folder.path());
        let verified = PublishLog::new(&store).verify(None, &[], None).unwrap();
        assert_eq!(verified.n_entries, 20);
    }
}

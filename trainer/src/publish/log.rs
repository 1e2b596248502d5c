//! What was done to a store of releases, in entries chained by digests.
//!
//! ```text
//! log/<number>/entry.json       what was done; holds the digest of the entry before
//! log/<number>/entry.dsse.json  the same, signed, where keys were at hand
//! log/head.dsse.json            a copy of the newest signed promotion: what edges read
//! ```
//!
//! An entry is created under its number, once, as a release is: of two who append at the same time one is second. Who
//! changes, leaves out or reorders entries breaks the chain after them, and a signature on any entry vouches for all
//! before it. The form of an entry is the schema crate's, so that whoever verifies the head shares it.

use picket_schema::ArtifactDigest;
use picket_schema::release::caps::{
    MAX_ENVELOPE_BYTES, MAX_LOG_ENTRY_BYTES, MAX_LOG_HEAD_BYTES, MAX_LOG_TEXT_BYTES,
};
use picket_schema::release::{
    Envelope, KeyId, KeySet, LogAction, LogEntry, LogMark, PayloadDigest, PublicKey, SigningKey,
};
use serde::Serialize;

use super::error::PublishError;
use super::publisher::user_and_host;
use super::store::ReleaseStore;

const FOLDER: &str = "log";
/// The copy of the newest signed promotion.
const HEAD: &str = "log/head.dsse.json";
/// How many numbers are tried where others append at the same time.
const ATTEMPTS: u32 = 32;

/// What was done, before it has a number.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'d> {
    /// What.
    pub action: LogAction,
    /// The release, or the number of the list of tombstones.
    pub release: u64,
    /// The SHA-256 of what was made, as `sha256:` and 64 digits: the artifact, the channel's manifest, the envelope.
    pub digest: &'d str,
    /// The signed manifest of the release, where it has one.
    pub payload: Option<PayloadDigest>,
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
    /// The release of the head that edges read: the newest signed promotion.
    pub head_release: Option<u64>,
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

/// A name that fits into an entry.
fn short(text: &str) -> String {
    let mut short: String = text.chars().filter(|it| !it.is_control()).collect();
    while short.len() > MAX_LOG_TEXT_BYTES {
        short.pop();
    }
    short
}

fn name(number: u64, file: &str) -> String {
    format!("{FOLDER}/{number}/{file}")
}

/// The payload of a signed entry, whoever signed it.
fn entry_of(envelope: &[u8]) -> Option<(LogEntry, Vec<u8>)> {
    let envelope = Envelope::from_json(envelope).ok()?;
    let bytes = envelope.unverified_payload();
    Some((LogEntry::from_json(bytes).ok()?, bytes.to_vec()))
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
            .read(&name(number, "entry.json"), MAX_LOG_ENTRY_BYTES as u64)?;
        Ok(found.map(|(bytes, _)| bytes))
    }

    fn damaged(number: u64, found: impl Into<String>, expected: impl Into<String>) -> PublishError {
        PublishError::Damaged {
            place: name(number, "entry.json"),
            found: found.into(),
            expected: expected.into(),
        }
    }

    /// Appends what was done, signed where there are keys. A signed promotion becomes the head.
    ///
    /// # Errors
    /// What the store says; [`PublishError::Busy`] where others were faster again and again. What was done is done.
    pub fn append(&self, deed: &Deed<'_>, keys: &[&SigningKey]) -> Result<LogEntry, PublishError> {
        let (user, host) = user_and_host();
        let (user, host) = (user.as_deref().map(short), host.as_deref().map(short));
        let mut number = self.last_number()?;
        for _ in 0..ATTEMPTS {
            let before = match number {
                0 => None,
                number => Some(
                    self.bytes(number)?
                        .ok_or_else(|| Self::damaged(number, "nothing", "an entry"))?,
                ),
            };
            let place = name(number + 1, "entry.json");
            let failed = |message: String| PublishError::Store {
                place: place.clone(),
                operation: "writing",
                message,
            };
            // A key's name is written as every digest is.
            let digest = KeyId::parse(deed.digest).ok_or_else(|| failed("no digest".into()))?;
            let entry = LogEntry {
                action: deed.action,
                digest: ArtifactDigest(digest.0),
                host: host.clone(),
                number: number + 1,
                payload: deed.payload,
                previous: before.as_deref().map(PayloadDigest::of),
                release: deed.release,
                time: humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string(),
                user: user.clone(),
            };
            let bytes = entry.to_json().map_err(|error| failed(error.to_string()))?;
            // An answer may have been lost: then it is there, as we wrote it.
            let is_ours = self.store.create(&place, &bytes)?
                || self.bytes(entry.number)?.as_ref() == Some(&bytes);
            if !is_ours {
                number += 1;
                continue;
            }
            if !keys.is_empty() {
                self.sign(&entry, keys)?;
            }
            return Ok(entry);
        }
        Err(self.busy())
    }

    fn busy(&self) -> PublishError {
        PublishError::Busy {
            store: self.store.address(),
            attempts: ATTEMPTS,
        }
    }

    fn sign(&self, entry: &LogEntry, keys: &[&SigningKey]) -> Result<(), PublishError> {
        let place = name(entry.number, "entry.dsse.json");
        let signed = entry.sign(keys).map_err(|error| PublishError::Store {
            place: place.clone(),
            operation: "signing",
            message: error.to_string(),
        })?;
        self.store.create(&place, &signed)?;
        if entry.action == LogAction::Promote && entry.payload.is_some() {
            self.move_head(entry.number, &signed)?;
        }
        Ok(())
    }

    /// The head never goes back: of two who promote at the same time the later entry stays.
    fn move_head(&self, number: u64, signed: &[u8]) -> Result<(), PublishError> {
        for _ in 0..ATTEMPTS {
            let moved = match self.store.read(HEAD, MAX_LOG_HEAD_BYTES as u64)? {
                None => self.store.create(HEAD, signed)?,
                Some((there, revision)) => {
                    // A head that is no entry of this log does not stay, whatever number it says.
                    let there = match entry_of(&there) {
                        Some((entry, bytes))
                            if self.bytes(entry.number)?.as_ref() == Some(&bytes) =>
                        {
                            entry.number
                        }
                        _ => 0,
                    };
                    there >= number || self.store.replace(HEAD, signed, &revision)?
                }
            };
            if moved {
                return Ok(());
            }
        }
        Err(self.busy())
    }

    /// The release that the head names, whoever signed it; `None` where no promotion was signed yet.
    ///
    /// # Errors
    /// What the store says, and [`PublishError::Damaged`] for what is no head.
    pub fn head_release(&self) -> Result<Option<u64>, PublishError> {
        Ok(self.head()?.map(|(entry, _)| entry.release))
    }

    /// Whether the head names a release and all of these keys have signed it: after a rotation it has to be signed anew.
    ///
    /// # Errors
    /// What the store says.
    pub fn head_is(&self, release: u64, keys: &[&SigningKey]) -> Result<bool, PublishError> {
        let Some((envelope, _)) = self.store.read(HEAD, MAX_LOG_HEAD_BYTES as u64)? else {
            return Ok(false);
        };
        let mut publics: Vec<_> = keys.iter().map(|key| key.public()).collect();
        publics.sort_by_key(PublicKey::to_bytes);
        publics.dedup_by_key(|key| key.to_bytes());
        let Ok(keys) = KeySet::new(1, publics.len(), publics) else {
            return Ok(false);
        };
        let mark = LogMark::of_head(&envelope, &keys, None);
        Ok(mark.is_ok_and(|mark| mark.release == release))
    }

    fn head(&self) -> Result<Option<(LogEntry, Vec<u8>)>, PublishError> {
        let Some((envelope, _)) = self.store.read(HEAD, MAX_LOG_HEAD_BYTES as u64)? else {
            return Ok(None);
        };
        let wrong = || Self::damaged_head("another file");
        entry_of(&envelope).ok_or_else(wrong).map(Some)
    }

    fn damaged_head(found: impl Into<String>) -> PublishError {
        PublishError::Damaged {
            place: HEAD.to_owned(),
            found: found.into(),
            expected: "a copy of the newest signed promotion".to_owned(),
        }
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
        let (head, mut signed_promotion) = (self.head()?, None);
        let (mut last, mut head_stands) = (None, head.is_none());
        for number in 1..=self.last_number()? {
            let bytes = self
                .bytes(number)?
                .ok_or_else(|| Self::damaged(number, "nothing", "an entry"))?;
            let entry = LogEntry::from_json(&bytes)
                .map_err(|error| Self::damaged(number, error.to_string(), "an entry"))?;
            if entry.number != number {
                return Err(Self::damaged(
                    number,
                    "another number",
                    format!("entry {number}"),
                ));
            }
            if entry.previous != last {
                let text = |it: Option<PayloadDigest>| {
                    it.map_or_else(|| "none".to_owned(), |it| it.to_string())
                };
                let (found, expected) = (text(entry.previous), text(last));
                return Err(Self::damaged(
                    number,
                    format!("the digest {found} of the entry before"),
                    expected,
                ));
            }
            if self.is_signed(number, &bytes, keys)? {
                verified.n_signed += 1;
                verified.signed_up_to = Some(number);
                if entry.action == LogAction::Promote && entry.payload.is_some() {
                    signed_promotion = Some(number);
                }
            }
            head_stands |= head.as_ref().is_some_and(|(_, head)| *head == bytes);
            match entry.action {
                LogAction::Publish | LogAction::Rollback => logged.push(entry.release),
                LogAction::Promote => promoted = Some(entry.release),
                LogAction::Sign | LogAction::Revoke | LogAction::Erase => {}
            }
            verified.n_entries = number;
            last = Some(PayloadDigest::of(&bytes));
        }
        verified.head = last.map(|it| it.to_string());
        if !head_stands {
            return Err(Self::damaged_head("an entry that the log does not have"));
        }
        let number = head.as_ref().map(|(entry, _)| entry.number);
        if keys.is_some() && signed_promotion != number {
            let text = |it: Option<u64>| it.map_or("none".to_owned(), |it| format!("entry {it}"));
            let (found, newest) = (text(number), text(signed_promotion));
            return Err(Self::damaged_head(format!(
                "{found}, where the newest signed promotion is {newest}"
            )));
        }
        verified.head_release = head.map(|(entry, _)| entry.release);
        if let (Some(named), Some(champion)) = (verified.head_release, champion)
            && named != champion
        {
            return Err(Self::damaged_head(format!(
                "release {named}, where the champion is release {champion}"
            )));
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
            .verify(LogEntry::PAYLOAD_TYPE, keys)
            .map_err(|error| wrong(error.to_string()))?;
        if signed != bytes {
            return Err(wrong("a signature of another entry".to_owned()));
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;

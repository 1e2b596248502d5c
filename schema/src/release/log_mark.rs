//! The head of a store's log: the newest signed promotion, and what an edge remembers of it.

use serde::{Deserialize, Serialize};

use super::caps::MAX_LOG_HEAD_BYTES;
use super::envelope::Envelope;
use super::error::ReleaseError;
use super::key_set::KeySet;
use super::log_entry::{LogAction, LogEntry};
use super::manifest::PayloadDigest;

/// The newest signed promotion of a log. It only ever rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogMark {
    /// The entry's own digest.
    pub entry: PayloadDigest,
    /// The entry's number.
    pub number: u64,
    /// The signed manifest of the release that was promoted.
    pub payload: PayloadDigest,
    /// The release's number.
    pub release: u64,
}

/// Why a log's head, or a release beside it, is not to be trusted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The head is not signed, or is no entry.
    #[error("the log's head: {0}")]
    Entry(#[from] ReleaseError),
    /// The head is an entry that no edge follows.
    #[error("the log's head is no promotion of a signed release: {found}; expected one")]
    NotAPromotion {
        /// What it is.
        found: String,
    },
    /// There is no head, and the edge was told to ask for one or has seen one.
    #[error("the source has no log; expected {expected}")]
    Absent {
        /// What was expected.
        expected: String,
    },
    /// An older head than one that was seen.
    #[error("the log ends with entry {found}; entry {expected} was seen")]
    RolledBack {
        /// The newest seen.
        expected: u64,
        /// The one offered.
        found: u64,
    },
    /// Two entries with one number, or a promotion back.
    #[error("the log is another one: found {found}; expected {expected}")]
    Forked {
        /// What goes with what was seen.
        expected: String,
        /// The one offered.
        found: String,
    },
    /// The source offers a release that is not the last one promoted.
    #[error("release {found} is offered; the log's newest promotion is of release {expected}")]
    OtherRelease {
        /// The log's.
        expected: u64,
        /// The one offered.
        found: u64,
    },
    /// The source offers another manifest of the release than the one promoted.
    #[error("release {release} has the manifest {found}; the log says {expected}")]
    OtherManifest {
        /// The release.
        release: u64,
        /// The log's.
        expected: PayloadDigest,
        /// The one offered.
        found: PayloadDigest,
    },
}

impl LogError {
    /// The cause as a short fixed name, for counters.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Entry(_) => "log_not_trusted",
            Self::NotAPromotion { .. } => "log_malformed",
            Self::Absent { .. } => "log_absent",
            Self::RolledBack { .. } => "log_rolled_back",
            Self::Forked { .. } => "log_forked",
            Self::OtherRelease { .. } | Self::OtherManifest { .. } => "log_contradicts",
        }
    }
}

impl LogMark {
    /// The mark of a head that enough keys of a set have signed, and that does not go back behind one that was seen.
    ///
    /// # Errors
    /// [`LogError::Entry`], [`LogError::NotAPromotion`], [`LogError::RolledBack`] or [`LogError::Forked`].
    pub fn of_head(envelope: &[u8], keys: &KeySet, seen: Option<&Self>) -> Result<Self, LogError> {
        if envelope.len() > MAX_LOG_HEAD_BYTES {
            return Err(LogError::Entry(ReleaseError::EnvelopeTooLarge {
                expected: MAX_LOG_HEAD_BYTES,
                found: envelope.len(),
            }));
        }
        let envelope = Envelope::from_json(envelope)?;
        let bytes = envelope.verify(LogEntry::PAYLOAD_TYPE, keys)?;
        let entry = LogEntry::from_json(bytes)?;
        let (LogAction::Promote, Some(payload)) = (entry.action, entry.payload) else {
            let found = format!("entry {} is a {:?}", entry.number, entry.action);
            return Err(LogError::NotAPromotion { found });
        };
        let mark = Self {
            entry: PayloadDigest::of(bytes),
            number: entry.number,
            payload,
            release: entry.release,
        };
        let Some(seen) = seen else { return Ok(mark) };
        if mark.number < seen.number {
            return Err(LogError::RolledBack {
                expected: seen.number,
                found: mark.number,
            });
        }
        let same_entry = mark.number != seen.number || mark == *seen;
        let same_release = mark.release != seen.release || mark.payload == seen.payload;
        if !same_entry || !same_release || mark.release < seen.release {
            let text = |it: &Self| format!("entry {} of release {}", it.number, it.release);
            return Err(LogError::Forked {
                expected: format!("{} with {} or one after it", text(seen), seen.entry),
                found: format!("{} with {}", text(&mark), mark.entry),
            });
        }
        Ok(mark)
    }

    /// Whether a release is the one that was promoted last.
    ///
    /// # Errors
    /// [`LogError::OtherRelease`].
    pub fn check_number(&self, release: u64) -> Result<(), LogError> {
        if release == self.release {
            return Ok(());
        }
        Err(LogError::OtherRelease {
            expected: self.release,
            found: release,
        })
    }

    /// Whether a release's manifest is the one that was promoted last.
    ///
    /// # Errors
    /// [`LogError::OtherRelease`] or [`LogError::OtherManifest`].
    pub fn check(&self, release: u64, payload: PayloadDigest) -> Result<(), LogError> {
        self.check_number(release)?;
        if payload == self.payload {
            return Ok(());
        }
        Err(LogError::OtherManifest {
            release,
            expected: self.payload,
            found: payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::SigningKey;
    use super::*;
    use crate::digest::ArtifactDigest;

    fn entry(number: u64, release: u64) -> LogEntry {
        LogEntry {
            action: LogAction::Promote,
            digest: ArtifactDigest([7; 32]),
            host: None,
            number,
            payload: Some(PayloadDigest([release as u8; 32])),
            previous: (number > 1).then_some(PayloadDigest([9; 32])),
            release,
            time: String::new(),
            user: None,
        }
    }

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    fn cause(
        entry: &LogEntry,
        signer: u8,
        seen: Option<&LogMark>,
    ) -> Result<LogMark, &'static str> {
        let keys = KeySet::new(1, 1, vec![key(1).public()]).map_err(|error| error.cause())?;
        let head = entry.sign(&[&key(signer)]).map_err(|error| error.cause())?;
        LogMark::of_head(&head, &keys, seen).map_err(|error| error.cause())
    }

    #[test]
    fn a_mark_only_rises() -> Result<(), &'static str> {
        let seen = cause(&entry(4, 2), 1, None)?;
        assert_eq!((seen.number, seen.release), (4, 2));
        assert_eq!(cause(&entry(4, 2), 1, Some(&seen)), Ok(seen));
        assert!(cause(&entry(5, 2), 1, Some(&seen)).is_ok());
        assert!(cause(&entry(9, 7), 1, Some(&seen)).is_ok());
        for (offered, expected) in [
            (entry(3, 2), "log_rolled_back"),
            (entry(3, 3), "log_rolled_back"),
            (entry(4, 3), "log_forked"),
            (entry(5, 1), "log_forked"),
        ] {
            assert_eq!(cause(&offered, 1, Some(&seen)), Err(expected));
        }
        let mut twin = entry(4, 2);
        twin.time = "later".to_owned();
        assert_eq!(cause(&twin, 1, Some(&seen)), Err("log_forked"));
        let mut twin = entry(5, 2);
        twin.payload = Some(PayloadDigest([77; 32]));
        assert_eq!(cause(&twin, 1, Some(&seen)), Err("log_forked"));
        Ok(())
    }

    #[test]
    fn only_signed_promotions_of_signed_releases_are_heads() {
        assert_eq!(cause(&entry(1, 1), 2, None), Err("log_not_trusted"));
        let mut other = entry(1, 1);
        other.action = LogAction::Sign;
        assert_eq!(cause(&other, 1, None), Err("log_malformed"));
        let mut unsigned = entry(1, 1);
        unsigned.payload = None;
        assert_eq!(cause(&unsigned, 1, None), Err("log_malformed"));
        // A key set or a release is no entry, whoever signed it.
        let keys = KeySet::new(1, 1, vec![key(1).public()]).expect("a key set");
        let set = keys.sign(&[&key(1)]).expect("signs");
        let error = LogMark::of_head(&set, &keys, None).expect_err("no entry");
        assert_eq!(error.cause(), "log_not_trusted");
        // Nor is an entry that was signed as something else.
        let bytes = entry(1, 1).to_json().expect("an entry");
        let head = Envelope::signed("another type", bytes, &[&key(1)]).expect("signs");
        let error = LogMark::of_head(&head, &keys, None).expect_err("another type");
        assert!(
            matches!(
                error,
                LogError::Entry(ReleaseError::WrongPayloadType { .. })
            ),
            "{error}"
        );
        let of_size = |n_bytes| LogMark::of_head(&vec![b' '; n_bytes], &keys, None);
        for (n_bytes, is_parsed) in [(MAX_LOG_HEAD_BYTES, true), (MAX_LOG_HEAD_BYTES + 1, false)] {
            let error = of_size(n_bytes).expect_err("no envelope");
            assert_eq!(error.cause(), "log_not_trusted");
            let too_large = matches!(
                error,
                LogError::Entry(ReleaseError::EnvelopeTooLarge { found, .. }) if found == n_bytes
            );
            assert_eq!(too_large, !is_parsed, "{error}");
        }
    }

    #[test]
    fn the_newest_promotion_alone_is_allowed() -> Result<(), &'static str> {
        let mark = cause(&entry(4, 2), 1, None)?;
        let cause = |release, seed| {
            let checked = mark.check(release, PayloadDigest([seed; 32]));
            checked.map_err(|error| error.cause())
        };
        assert_eq!(cause(2, 2), Ok(()));
        for (release, seed) in [(1, 1), (1, 2), (3, 3), (3, 2), (2, 3)] {
            assert_eq!(cause(release, seed), Err("log_contradicts"));
        }
        Ok(())
    }
}

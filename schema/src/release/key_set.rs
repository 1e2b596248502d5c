//! The root of trust: which keys sign, how many of them it takes, and how the set changes.

use serde::{Deserialize, Serialize};

use super::canonical;
use super::caps::{MAX_ENVELOPE_BYTES, MAX_INTEGER, MAX_KEYS};
use super::envelope::Envelope;
use super::error::ReleaseError;
use super::key::{KeyId, PublicKey, SigningKey};

/// The keys that are trusted, and how many of them must sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySet {
    // In the order of the keys of the canonical JSON.
    keys: Vec<PublicKey>,
    threshold: usize,
    version: u64,
}

impl KeySet {
    /// The payload's type of a signed key set.
    pub const PAYLOAD_TYPE: &str = "application/vnd.picket.key-set.v1+json";

    /// A set of distinct keys of which `threshold` must sign.
    ///
    /// # Errors
    /// [`ReleaseError::OutOfRange`] for no keys or too many, for a key that stands twice, and for a threshold
    /// that is 0 or cannot be met.
    pub fn new(
        version: u64,
        threshold: usize,
        mut keys: Vec<PublicKey>,
    ) -> Result<Self, ReleaseError> {
        keys.sort_by_key(PublicKey::to_bytes);
        let set = Self {
            keys,
            threshold,
            version,
        };
        set.validate()?;
        Ok(set)
    }

    /// Reads a key set that is trusted already, such as the file that came with the device.
    ///
    /// # Errors
    /// [`ReleaseError::PayloadMalformed`], and as [`KeySet::new`].
    pub fn from_trusted_json(bytes: &[u8]) -> Result<Self, ReleaseError> {
        if bytes.len() > MAX_ENVELOPE_BYTES {
            return Err(ReleaseError::EnvelopeTooLarge {
                expected: MAX_ENVELOPE_BYTES,
                found: bytes.len(),
            });
        }
        let set: Self =
            serde_json::from_slice(bytes).map_err(|error| ReleaseError::PayloadMalformed {
                reason: error.to_string(),
            })?;
        Self::new(set.version, set.threshold, set.keys)
    }

    /// The set as JSON.
    ///
    /// # Errors
    /// None are known: a set that was made can be written.
    pub fn to_json(&self) -> Result<Vec<u8>, ReleaseError> {
        canonical::write(self)
    }

    /// Which of the sets that followed each other this is.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// How many keys must sign.
    #[must_use]
    pub fn threshold(&self) -> usize {
        self.threshold
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// The key of that name.
    #[must_use]
    pub fn key(&self, id: KeyId) -> Option<&PublicKey> {
        self.keys.iter().find(|key| key.id() == id)
    }

    /// Signs this set as the one that follows another: with keys of both.
    ///
    /// # Errors
    /// As [`Envelope::to_json`].
    pub fn sign(&self, keys: &[&SigningKey]) -> Result<Vec<u8>, ReleaseError> {
        Envelope::signed(Self::PAYLOAD_TYPE, self.to_json()?, keys)
    }

    /// The set that follows this one, where enough keys of this one and enough of its own have signed it.
    ///
    /// # Errors
    /// [`ReleaseError::KeySetVersion`] where it is not the next one (an old set played again, or one left
    /// out), and as [`Envelope::verify`] for either set.
    pub fn next(&self, envelope: &[u8]) -> Result<Self, ReleaseError> {
        let envelope = Envelope::from_json(envelope)?;
        let payload = envelope.verify(Self::PAYLOAD_TYPE, self)?;
        let next: Self = canonical::read(payload)?;
        next.validate()?;
        if next.version != self.version + 1 {
            return Err(ReleaseError::KeySetVersion {
                expected: self.version + 1,
                found: next.version,
            });
        }
        // Whoever holds the new keys must agree too: a set that nobody can sign for would end all updates.
        envelope.verify(Self::PAYLOAD_TYPE, &next)?;
        Ok(next)
    }

    fn validate(&self) -> Result<(), ReleaseError> {
        let out_of_range = |field, expected: String, found: String| {
            Err(ReleaseError::OutOfRange {
                field,
                expected,
                found,
            })
        };
        let n_keys = self.keys.len();
        if n_keys == 0 || n_keys > MAX_KEYS {
            return out_of_range("keys", format!("1 to {MAX_KEYS} keys"), n_keys.to_string());
        }
        let ascending = self
            .keys
            .windows(2)
            .all(|pair| pair[0].to_bytes() < pair[1].to_bytes());
        if !ascending {
            let found = "keys out of order, or one twice".to_owned();
            return out_of_range("keys", "distinct keys in ascending order".to_owned(), found);
        }
        if self.threshold == 0 || self.threshold > n_keys {
            let found = self.threshold.to_string();
            return out_of_range("threshold", format!("1 to {n_keys}"), found);
        }
        if self.version == 0 || self.version >= MAX_INTEGER {
            let found = self.version.to_string();
            return out_of_range("version", format!("1 to {}", MAX_INTEGER - 1), found);
        }
        Ok(())
    }
}

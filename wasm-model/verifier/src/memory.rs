//! What a page remembers between visits.

use picket_schema::release::{HighWater, KeySet, ReleaseError, Revocations};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The largest text that is read.
const MAX_BYTES: usize = 1 << 20;

/// The keys that the analyst trusts, and what was seen under them.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory {
    /// Whose signatures count.
    pub keys: KeySet,
    /// The newest release that was seen.
    pub high_water: Option<HighWater>,
    /// What is revoked, for ever.
    pub revoked: Revocations,
    /// The latest time that is known to have been, in seconds since 1970.
    pub latest: u64,
}

/// Why a text is no memory, or no keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// The text is too long.
    #[error("found {found} bytes; expected at most {MAX_BYTES}")]
    TooLong {
        /// Its length.
        found: usize,
    },
    /// The text has another form.
    #[error("what this page remembers cannot be read: {0}; forget the keys and choose them again")]
    Malformed(#[from] serde_json::Error),
    /// The keys are none.
    #[error("the keys cannot be used: {0}")]
    Keys(#[from] ReleaseError),
}

/// As it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    keys: Value,
    high_water: Option<HighWater>,
    revoked: Revocations,
    latest: u64,
}

impl Memory {
    /// Trust in the keys of a file, as `trainer keygen` writes it; nothing is seen yet.
    ///
    /// # Errors
    /// [`MemoryError::TooLong`] and [`MemoryError::Keys`].
    pub fn of_keys(bytes: &[u8]) -> Result<Self, MemoryError> {
        check_length(bytes.len())?;
        Ok(Self {
            keys: KeySet::from_trusted_json(bytes)?,
            high_water: None,
            revoked: Revocations::default(),
            latest: 0,
        })
    }

    /// Reads what [`Memory::to_text`] wrote.
    ///
    /// # Errors
    /// A [`MemoryError`] by what is wrong.
    pub fn parse(text: &str) -> Result<Self, MemoryError> {
        check_length(text.len())?;
        let stored: Stored = serde_json::from_str(text)?;
        Ok(Self {
            keys: KeySet::from_trusted_json(&serde_json::to_vec(&stored.keys)?)?,
            high_water: stored.high_water,
            revoked: stored.revoked,
            latest: stored.latest,
        })
    }

    /// The text to remember.
    ///
    /// # Errors
    /// [`MemoryError::Keys`] where the keys cannot be written; none that were read are such.
    pub fn to_text(&self) -> Result<String, MemoryError> {
        let stored = Stored {
            keys: serde_json::from_slice(&self.keys.to_json()?)?,
            high_water: self.high_water,
            revoked: self.revoked.clone(),
            latest: self.latest,
        };
        Ok(serde_json::to_string(&stored)?)
    }
}

fn check_length(found: usize) -> Result<(), MemoryError> {
    if found > MAX_BYTES {
        return Err(MemoryError::TooLong { found });
    }
    Ok(())
}

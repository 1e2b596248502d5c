//! The keys of a service that signs, held against the key set that edges trust.

use std::collections::BTreeSet;
use std::path::PathBuf;

use picket_schema::release::caps::MAX_ENVELOPE_BYTES;
use picket_schema::release::{KeyId, KeySet, SigningKey};

use super::error::SigningError;
use super::key_file::read_key;
use crate::error::TrainerError;
use crate::publish::ReleaseStore;

/// Keys that sign for as long as a program runs, and the key set that edges began with.
#[derive(Debug)]
pub struct Signers {
    keys: Vec<SigningKey>,
    trusted: KeySet,
    valid_days: u64,
}

impl Signers {
    /// Reads keys and holds them against a key set: each is in it, and they are enough to sign. `valid_days` is how long
    /// what they sign is valid.
    ///
    /// # Errors
    /// As [`read_key`]; [`SigningError::KeyNotTrusted`] with the file, [`SigningError::TooFewKeys`].
    pub fn read(files: &[PathBuf], trusted: KeySet, valid_days: u64) -> Result<Self, TrainerError> {
        let mut keys = Vec::new();
        for file in files {
            let key = read_key(file)?;
            let id = key.public().id();
            if trusted.key(id).is_none() {
                let holder = file.display().to_string();
                return Err(not_trusted(holder, id, &trusted).into());
            }
            keys.push(key);
        }
        let signers = Self {
            keys,
            trusted,
            valid_days,
        };
        signers.enough_for(&signers.trusted)?;
        Ok(signers)
    }

    /// The keys, where the newest key set of the store still has them: edges follow the sets that follow each other there.
    ///
    /// # Errors
    /// [`SigningError::KeyNotTrusted`] and [`SigningError::TooFewKeys`] after a rotation that took keys away or asks for more;
    /// [`SigningError::Release`] for a set that does not follow, and what the store says.
    pub fn keys_for(&self, store: &dyn ReleaseStore) -> Result<Vec<&SigningKey>, TrainerError> {
        let mut trusted = self.trusted.clone();
        loop {
            let name = format!("keys/{}.dsse.json", trusted.version() + 1);
            let Some((envelope, _)) = store.read(&name, MAX_ENVELOPE_BYTES as u64)? else {
                break;
            };
            trusted = trusted.next(&envelope).map_err(SigningError::of(name))?;
        }
        for key in &self.keys {
            let id = key.public().id();
            if trusted.key(id).is_none() {
                let holder = "a key of this service".to_owned();
                return Err(not_trusted(holder, id, &trusted).into());
            }
        }
        self.enough_for(&trusted)?;
        Ok(self.keys.iter().collect())
    }

    /// The keys' names, each once, in order.
    #[must_use]
    pub fn ids(&self) -> BTreeSet<KeyId> {
        self.keys.iter().map(|key| key.public().id()).collect()
    }

    /// How many days what they sign is valid.
    #[must_use]
    pub fn valid_days(&self) -> u64 {
        self.valid_days
    }

    /// A key counts once, however often it was named.
    fn enough_for(&self, set: &KeySet) -> Result<(), SigningError> {
        let found = self.ids().len();
        if found >= set.threshold() {
            return Ok(());
        }
        Err(SigningError::TooFewKeys {
            version: set.version(),
            expected: set.threshold(),
            found,
        })
    }
}

fn not_trusted(holder: String, key: KeyId, set: &KeySet) -> SigningError {
    SigningError::KeyNotTrusted {
        holder,
        key,
        version: set.version(),
    }
}

//! Signed releases in the store that publishing keeps.

use std::path::PathBuf;

use picket_schema::ArtifactDigest;
use picket_schema::limits::MAX_ARTIFACT_BYTES;
use picket_schema::release::SigningKey;
use picket_schema::release::caps::MAX_ENVELOPE_BYTES;
use picket_wasm_model::OwnedModel;

use super::error::SigningError;
use crate::error::TrainerError;
use crate::publish::{LogAction, PublishLog, ReleaseStore, Releases, open_store};

/// A store with releases to sign.
pub struct SignedStore(Box<dyn ReleaseStore>);

impl std::fmt::Debug for SignedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SignedStore")
            .field(&self.0.address())
            .finish()
    }
}

impl SignedStore {
    /// Opens a directory or a bucket.
    ///
    /// # Errors
    /// As [`open_store`].
    pub fn open(destination: &str) -> Result<Self, TrainerError> {
        Ok(Self(open_store(destination)?))
    }

    /// The artifact of a published release.
    ///
    /// # Errors
    /// [`SigningError::NotPublished`], [`TrainerError::Model`], or what the store says.
    pub fn champion_of(&self, release: u64) -> Result<OwnedModel, TrainerError> {
        let name = format!("releases/{release}/model.picket");
        let found = self.0.read(&name, MAX_ARTIFACT_BYTES as u64)?;
        let Some((bytes, _)) = found else {
            let store = self.0.address();
            return Err(SigningError::NotPublished { store, release }.into());
        };
        OwnedModel::load(bytes).map_err(|source| TrainerError::Model { file: name, source })
    }

    /// The envelope of the champion's release, where it is an earlier and a signed one.
    ///
    /// # Errors
    /// What the store says.
    pub fn envelope_before(&self, release: u64) -> Result<Option<Vec<u8>>, TrainerError> {
        let champion = Releases::new(self.0.as_ref()).champion()?;
        let before = champion.filter(|(channel, _)| channel.release < release);
        let Some((channel, _)) = before else {
            return Ok(None);
        };
        let name = format!("releases/{}/release.dsse.json", channel.release);
        let found = self.0.read(&name, MAX_ENVELOPE_BYTES as u64)?;
        Ok(found.map(|(bytes, _)| bytes))
    }

    /// Writes into the store's log that a release was signed, signed by the same keys.
    ///
    /// # Errors
    /// What the store says.
    pub fn log(
        &self,
        action: LogAction,
        release: u64,
        envelope: &[u8],
        keys: &[&SigningKey],
    ) -> Result<(), TrainerError> {
        let digest = ArtifactDigest::of(envelope).to_string();
        let log = PublishLog::new(self.0.as_ref());
        log.append(action, release, &digest, keys)?;
        Ok(())
    }

    /// Puts the files of a signed release beside its artifact, the envelope last: with it the release is one.
    ///
    /// # Errors
    /// [`SigningError::Exists`] where it is signed already, or what the store says.
    pub fn put(
        &self,
        release: u64,
        envelope: &[u8],
        challenger: Option<&[u8]>,
        scorer: Option<&[u8]>,
    ) -> Result<(), TrainerError> {
        let files = [
            ("challenger.picket", challenger),
            ("scorer.wasm", scorer),
            ("release.dsse.json", Some(envelope)),
        ];
        for (file, bytes) in files {
            let Some(bytes) = bytes else { continue };
            let name = format!("releases/{release}/{file}");
            if self.0.create(&name, bytes)? {
                continue;
            }
            // A signer that came no further may have left the same file.
            let there = self.0.read(&name, bytes.len() as u64)?;
            if there.is_none_or(|(there, _)| there != bytes) {
                let file = PathBuf::from(self.0.address()).join(name);
                return Err(SigningError::Exists { file }.into());
            }
        }
        Ok(())
    }
}

//! Signed releases in the store that publishing keeps.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use picket_schema::ArtifactDigest;
use picket_schema::limits::MAX_ARTIFACT_BYTES;
use picket_schema::release::caps::MAX_ENVELOPE_BYTES;
use picket_schema::release::{Envelope, LogAction, PayloadDigest, Revocations, SigningKey};
use picket_wasm_model::OwnedModel;

use super::error::SigningError;
use super::release::{ReleasePlan, plan_release};
use crate::error::TrainerError;
use crate::publish::{
    Channel, Deed, Package, PublishLog, ReleaseManifest, ReleaseStore, Releases, open_store,
};

const DAY: u64 = 86_400;

/// How far back a release is valid, in seconds, for clocks that are behind.
const HOUR: u64 = 3600;

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

    /// The store.
    #[must_use]
    pub fn store(&self) -> &dyn ReleaseStore {
        self.0.as_ref()
    }

    /// Makes a release the champion. With keys the promotion is signed, and becomes the head that edges read.
    ///
    /// # Errors
    /// As [`Releases::promote`].
    pub fn promote(&self, release: u64, keys: &[&SigningKey]) -> Result<Channel, TrainerError> {
        Ok(Releases::new(self.store())
            .signed_by(keys)
            .promote(release)?)
    }

    /// Publishes the artifact of an earlier release anew and makes that the champion. With keys the new release and its
    /// promotion are signed; it is valid for so many days.
    ///
    /// # Errors
    /// As [`Releases::rollback`] and [`SignedStore::sign`].
    pub fn rollback(
        &self,
        release: Option<u64>,
        by: &Package,
        keys: &[&SigningKey],
        valid_days: u64,
    ) -> Result<(ReleaseManifest, Channel), TrainerError> {
        let releases = Releases::new(self.store()).signed_by(keys);
        if keys.is_empty() {
            return releases.rollback(release, by);
        }
        let manifest = releases.republish(release, by)?;
        let run_id = manifest.run_id.clone();
        // Before it is promoted: an edge that follows the channel finds it signed.
        self.sign(manifest.release, keys, valid_days, run_id)?;
        let channel = releases.promote(manifest.release)?;
        Ok((manifest, channel))
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
        let parsed = Envelope::from_json(envelope).map_err(SigningError::of("the release"))?;
        let deed = Deed {
            action,
            release,
            digest: &digest,
            payload: Some(PayloadDigest::of(parsed.unverified_payload())),
        };
        PublishLog::new(self.0.as_ref()).append(&deed, keys)?;
        Ok(())
    }

    /// Signs a published release that has neither challenger nor scorer, from now on for so many days. One that is
    /// signed stays as it is.
    ///
    /// # Errors
    /// Where no edge would take the release, or the store fails.
    pub fn sign(
        &self,
        release: u64,
        keys: &[&SigningKey],
        valid_days: u64,
        run_id: Option<String>,
    ) -> Result<(), TrainerError> {
        let name = format!("releases/{release}/release.dsse.json");
        if self.0.read(&name, MAX_ENVELOPE_BYTES as u64)?.is_some() {
            return Ok(());
        }
        let champion = self.champion_of(release)?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let not_before = since.map_or(0, |since| since.as_secs().saturating_sub(HOUR));
        let manifest = plan_release(&ReleasePlan {
            champion: &champion,
            challenger: None,
            scorer: None,
            release: Some(release),
            parent: self.envelope_before(release)?.as_deref(),
            revoked: Revocations::default(),
            not_before,
            expires: not_before + valid_days * DAY,
            run_id,
        })?;
        let envelope = manifest
            .sign(keys)
            .map_err(SigningError::of("the release"))?;
        self.put(release, &envelope, None, None)?;
        self.log(LogAction::Sign, release, &envelope, keys)
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

//! The files of a release: from the source, from the disk, and onto it.

use picket_schema::ArtifactDigest;
use picket_schema::release::{KeySet, Trust, VerifiedManifest};
use serde_json::json;

use super::ReleaseSync;
use crate::sync::release_host::ReleaseFiles;
use crate::sync::source::{Fetched, SourceError, SourcePath};
use crate::sync::state::ActiveRelease;
use crate::sync::sync_error::SyncError;
use picket_telemetry::log;

impl ReleaseSync {
    /// Serves the last good release from the disk, whatever the source says. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// A [`SyncError`] where the kept release is damaged; `Ok(None)` where there is none.
    pub fn resume(&mut self, now: u64) -> Result<Option<u64>, SyncError> {
        let Some(active) = self.state.active.clone() else {
            return Ok(None);
        };
        // It was valid when it was accepted. Whether it still is, is a question of staleness.
        let trust = Trust {
            keys: &active.keys,
            now: active.accepted_at,
            high_water: None,
            revoked: &self.state.revoked,
            schema: None,
        };
        let verified = trust.manifest(active.envelope.as_bytes(), None)?;
        let manifest = verified.manifest();
        let kept = |path, digest, size| {
            self.folder
                .blob(digest, size)
                .ok_or(SyncError::Source(SourceError::Absent { path }))
        };
        let release = manifest.release;
        let (digest, size) = (manifest.artifact.digest, manifest.artifact.size);
        let champion = kept(SourcePath::Champion(release), digest, size)?;
        let challenger = manifest.challenger.as_ref().map(|challenger| {
            let (digest, size) = (challenger.artifact.digest, challenger.artifact.size);
            kept(SourcePath::Challenger(release), digest, size)
        });
        let scorer = manifest
            .scorer
            .map(|scorer| kept(SourcePath::Scorer(release), scorer.digest, scorer.size));
        let files = ReleaseFiles {
            manifest: manifest.clone(),
            envelope: active.envelope.clone().into_bytes(),
            champion,
            challenger: challenger.transpose()?,
            scorer: scorer.transpose()?,
            shadow_key: self.shadow_key(),
        };
        check(&verified, &files)?;
        let loaded = self.host.load(&files)?;
        self.serve(loaded, &verified);
        self.metrics.serving(release, self.age(now));
        log("info", "release_resumed", &[("release", json!(release))]);
        self.note("model.resume", picket_access::Outcome::Done, &[]);
        self.review(now);
        Ok(Some(release))
    }

    pub(super) fn files(
        &self,
        verified: &VerifiedManifest,
        envelope: Vec<u8>,
    ) -> Result<ReleaseFiles, SyncError> {
        let manifest = verified.manifest().clone();
        let release = manifest.release;
        let (digest, size) = (manifest.artifact.digest, manifest.artifact.size);
        let champion = self.file(SourcePath::Champion(release), digest, size)?;
        let challenger = manifest.challenger.as_ref().map(|challenger| {
            let (digest, size) = (challenger.artifact.digest, challenger.artifact.size);
            self.file(SourcePath::Challenger(release), digest, size)
        });
        let scorer = manifest
            .scorer
            .map(|scorer| self.file(SourcePath::Scorer(release), scorer.digest, scorer.size));
        Ok(ReleaseFiles {
            champion,
            challenger: challenger.transpose()?,
            scorer: scorer.transpose()?,
            shadow_key: self.shadow_key(),
            manifest,
            envelope,
        })
    }

    pub(super) fn shadow_key(&self) -> [u8; 32] {
        let mut key = [0; 32];
        for (bytes, word) in key.chunks_exact_mut(8).zip(self.state.shadow_key) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        key
    }

    /// A file that is kept already, or the source's: of that many bytes and not one more.
    pub(super) fn file(
        &self,
        path: SourcePath,
        digest: ArtifactDigest,
        size: u64,
    ) -> Result<Vec<u8>, SyncError> {
        match self.folder.blob(digest, size) {
            Some(bytes) => Ok(bytes),
            None => self.required(path, size),
        }
    }

    pub(super) fn required(&self, path: SourcePath, max_bytes: u64) -> Result<Vec<u8>, SyncError> {
        match self.source.fetch(path, max_bytes, None)? {
            Fetched::Found { bytes, .. } => Ok(bytes),
            Fetched::Absent | Fetched::Unchanged => Err(SourceError::Absent { path }.into()),
        }
    }

    pub(super) fn keep_release(
        &mut self,
        files: &ReleaseFiles,
        keys: KeySet,
        now: u64,
    ) -> Result<(), SyncError> {
        let manifest = &files.manifest;
        let mut named = vec![manifest.artifact.digest];
        self.folder.keep_blob(named[0], &files.champion)?;
        if let (Some(challenger), Some(bytes)) = (&manifest.challenger, &files.challenger) {
            named.push(challenger.artifact.digest);
            self.folder.keep_blob(challenger.artifact.digest, bytes)?;
        }
        if let (Some(scorer), Some(bytes)) = (&manifest.scorer, &files.scorer) {
            named.push(scorer.digest);
            self.folder.keep_blob(scorer.digest, bytes)?;
        }
        // The envelope was read as JSON, so it is text.
        let envelope =
            String::from_utf8(files.envelope.clone()).map_err(|error| SyncError::Load {
                reason: error.to_string(),
            })?;
        let mut state = self.state.clone();
        state.confirmed_at = now;
        state.active = Some(ActiveRelease {
            envelope,
            keys,
            accepted_at: now,
        });
        self.keep(state)?;
        self.confirmed_on_disk = now;
        self.folder.sweep(&named);
        Ok(())
    }
}

/// Holds every file against the manifest.
pub(super) fn check(verified: &VerifiedManifest, files: &ReleaseFiles) -> Result<(), SyncError> {
    verified.clone().with_artifact(&files.champion)?;
    if let Some(challenger) = &files.challenger {
        verified.check_challenger(challenger)?;
    }
    if let Some(scorer) = &files.scorer {
        verified.check_scorer(scorer)?;
    }
    Ok(())
}

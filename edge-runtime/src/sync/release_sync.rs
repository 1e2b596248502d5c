//! One poll of the source, from the pointer to the swap.

use std::sync::Arc;
use std::time::{Duration, Instant};

use picket_schema::release::{
    HighWater, KeySet, Manifest, ReleaseError, Revocations, Trust, VerifiedManifest, caps,
};
use picket_schema::{ArtifactDigest, SchemaDigest};
use serde::Deserialize;
use serde_json::json;

use super::source::{Fetched, ReleaseSource, SourceError, SourcePath};
use super::state::{ActiveRelease, State, StateDir};
use super::sync_error::SyncError;
use super::sync_metrics::SyncMetrics;
use crate::log_line::log;

/// The largest pointer.
const MAX_POINTER_BYTES: u64 = 64 << 10;
/// How many key sets may follow each other in one poll.
const MAX_ROTATIONS: usize = 8;
/// A source that says "unchanged" is believed so often, then asked again without an entity tag.
const MAX_UNCHANGED: u32 = 10;
/// Marks of time alone are written at most this often, in seconds: flash wears.
const TIME_MARK_INTERVAL: u64 = 60;

/// What the sync holds to.
#[derive(Clone, Debug)]
pub struct SyncConfig {
    /// The keys trusted from the start.
    pub keys: KeySet,
    /// How long a release is served that the source does not confirm.
    pub max_staleness: Duration,
    /// Whether a release may have another schema than the one before: its clients must know.
    pub allow_schema_change: bool,
}

/// A verified release's files.
#[derive(Clone, Debug)]
pub struct ReleaseFiles {
    /// What was signed.
    pub manifest: Manifest,
    /// The model that answers.
    pub champion: Vec<u8>,
    /// The model that scores beside it.
    pub challenger: Option<Vec<u8>>,
    /// The scorer component, where the release brings one.
    pub scorer: Option<Vec<u8>>,
    /// Chooses the rows that the challenger scores.
    pub shadow_key: [u8; 32],
}

/// Models that are loaded and not yet swapped in.
pub trait LoadedModels: Send {
    /// Swaps them in. Requests under way finish with the models that they started with.
    fn swap_in(self: Box<Self>);
}

/// Loads and serves what the sync has verified.
pub trait ReleaseHost: Send {
    /// Loads a release's models and scores its golden rows, while the old ones go on answering.
    ///
    /// # Errors
    /// [`SyncError::Refused`] where a golden row gets another margin, [`SyncError::Load`].
    fn load(&self, files: &ReleaseFiles) -> Result<Box<dyn LoadedModels>, SyncError>;

    /// Withholds all answers, with the reason that is given instead, or gives them again.
    fn withhold(&self, reason: Option<&str>);
}

/// How a poll ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A new release is served.
    Activated {
        /// Its number.
        release: u64,
    },
    /// The release being served is still the newest.
    Confirmed {
        /// Its number.
        release: u64,
    },
}

/// The release being served, in short.
#[derive(Clone, Copy, Debug)]
struct Serving {
    mark: HighWater,
    artifact: ArtifactDigest,
    schema: SchemaDigest,
    expires: u64,
}

/// Keeps a host on the newest release of a source that can be trusted.
pub struct ReleaseSync {
    config: SyncConfig,
    source: Box<dyn ReleaseSource>,
    host: Box<dyn ReleaseHost>,
    folder: StateDir,
    state: State,
    metrics: Arc<SyncMetrics>,
    serving: Option<Serving>,
    /// The pointer's entity tag, and the release that it named.
    pointer: Option<(String, u64)>,
    n_unchanged: u32,
    /// The confirmation that is on the disk, in seconds since 1970.
    confirmed_on_disk: u64,
    /// When this process last saw the release confirmed: does not follow a clock that is set.
    confirmed: Instant,
    withheld: Option<String>,
}

impl std::fmt::Debug for ReleaseSync {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReleaseSync")
            .field("serving", &self.serving)
            .finish_non_exhaustive()
    }
}

/// The pointer: what else stands there is for others.
#[derive(Deserialize)]
struct Pointer {
    release: u64,
}

impl ReleaseSync {
    /// Takes up where an earlier run ended. Nothing is served before [`ReleaseSync::resume`] or
    /// [`ReleaseSync::poll`].
    ///
    /// # Errors
    /// [`SyncError::State`] where the state cannot be read.
    pub fn new(
        config: SyncConfig,
        source: Box<dyn ReleaseSource>,
        host: Box<dyn ReleaseHost>,
        folder: StateDir,
        metrics: Arc<SyncMetrics>,
    ) -> Result<Self, SyncError> {
        let state = folder.read()?;
        Ok(Self {
            confirmed_on_disk: state.confirmed_at,
            config,
            source,
            host,
            folder,
            state,
            metrics,
            serving: None,
            pointer: None,
            n_unchanged: 0,
            confirmed: Instant::now(),
            withheld: None,
        })
    }

    /// The number of the release being served.
    #[must_use]
    pub fn release(&self) -> Option<u64> {
        self.serving.map(|serving| serving.mark.release)
    }

    /// Why answers are withheld, where they are.
    #[must_use]
    pub fn withheld(&self) -> Option<&str> {
        self.withheld.as_deref()
    }

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
            champion,
            challenger: challenger.transpose()?,
            scorer: scorer.transpose()?,
            shadow_key: self.shadow_key(),
        };
        self.check(&verified, &files)?;
        let loaded = self.host.load(&files)?;
        self.serve(loaded, &verified);
        self.metrics.serving(release, self.age(now));
        log("info", "release_resumed", &[("release", json!(release))]);
        self.review(now);
        Ok(Some(release))
    }

    /// Asks the source once, and serves what is new and good. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// Why the edge is not known to be up to date. What was served goes on, unless it is revoked or has
    /// become too old.
    pub fn poll(&mut self, now: u64) -> Result<Outcome, SyncError> {
        let result = self.ask(now);
        match &result {
            Ok(outcome) => {
                self.metrics.succeeded();
                let release = self.release().unwrap_or_default();
                self.metrics.serving(release, Duration::ZERO);
                if let Outcome::Activated { release } = outcome {
                    log("info", "release_activated", &[("release", json!(release))]);
                }
            }
            Err(error) => {
                self.metrics.failed(error);
                // What was unchanged may be what was refused: it is looked at again.
                self.pointer = None;
                let fields = [
                    ("cause", json!(error.cause())),
                    ("reason", json!(error.to_string())),
                    ("serving", json!(self.release())),
                ];
                let event = if error.is_refusal() {
                    "release_refused"
                } else {
                    "release_sync_failed"
                };
                log("warn", event, &fields);
            }
        }
        self.review(now);
        result
    }

    fn ask(&mut self, clock: u64) -> Result<Outcome, SyncError> {
        self.follow_keys();
        let now = clock.max(self.state.clock_floor);
        let number = self.newest()?;
        if let Some(serving) = self.serving.filter(|it| it.mark.release == number) {
            return self.confirm(serving, now);
        }
        if let Some(seen) = self.state.high_water.filter(|seen| number < seen.release) {
            let (expected, found) = (seen.release, number);
            return Err(ReleaseError::RolledBack { expected, found }.into());
        }
        let envelope = self.required(
            SourcePath::Envelope(number),
            caps::MAX_ENVELOPE_BYTES as u64,
        )?;
        let keys = self.keys().clone();
        let schema = self.serving.map(|serving| serving.schema);
        let trust = Trust {
            keys: &keys,
            now,
            high_water: self.state.high_water,
            revoked: &self.state.revoked,
            schema: schema.filter(|_| !self.config.allow_schema_change),
        };
        let verified = trust.manifest(&envelope, Some(number))?;
        // The mark first, on the disk: whatever becomes of the files, nothing older comes back.
        let mut state = self.state.clone();
        state.high_water = Some(verified.high_water());
        state.revoked.extend(&verified.manifest().revoked);
        state.clock_floor = now;
        self.keep(state)?;
        let files = self.files(&verified)?;
        self.check(&verified, &files)?;
        let loaded = self.host.load(&files)?;
        self.keep_release(&files, envelope, keys, now)?;
        self.serve(loaded, &verified);
        self.confirmed = Instant::now();
        Ok(Outcome::Activated { release: number })
    }

    /// The release being served is the one that the source names: good, for as long as it is valid.
    fn confirm(&mut self, serving: Serving, now: u64) -> Result<Outcome, SyncError> {
        let release = serving.mark.release;
        let mut state = self.state.clone();
        // No later than the expiry: a clock that runs wild must not end trust in later releases.
        state.clock_floor = state.clock_floor.max(now.min(serving.expires));
        if now >= serving.expires {
            self.keep(state)?;
            return Err(ReleaseError::Expired {
                expected: serving.expires,
                found: now,
            }
            .into());
        }
        self.state.revoked.check(release, serving.artifact)?;
        // Keys may have been taken away since.
        let active = state.active.as_ref();
        if let Some(active) = active.filter(|active| active.keys != *self.keys()) {
            let trust = Trust {
                keys: self.keys(),
                now,
                high_water: Some(serving.mark),
                revoked: &state.revoked,
                schema: None,
            };
            trust.manifest(active.envelope.as_bytes(), Some(release))?;
        }
        state.confirmed_at = now;
        if now.abs_diff(self.confirmed_on_disk) >= TIME_MARK_INTERVAL {
            self.keep(state)?;
            self.confirmed_on_disk = now;
        } else {
            self.state = state;
        }
        self.confirmed = Instant::now();
        Ok(Outcome::Confirmed { release })
    }

    /// The number that the pointer names.
    fn newest(&mut self) -> Result<u64, SyncError> {
        let known = self
            .pointer
            .clone()
            .filter(|_| self.n_unchanged < MAX_UNCHANGED);
        let etag = known.as_ref().map(|(etag, _)| etag.as_str());
        let path = SourcePath::Pointer;
        let (bytes, etag) = match self.source.fetch(path, MAX_POINTER_BYTES, etag)? {
            Fetched::Found { bytes, etag } => (bytes, etag),
            Fetched::Absent => return Err(SourceError::Absent { path }.into()),
            Fetched::Unchanged => {
                self.n_unchanged += 1;
                let reason = "the source says unchanged, but was not asked";
                return known
                    .map(|(_, number)| number)
                    .ok_or_else(|| SyncError::Pointer {
                        reason: reason.to_owned(),
                    });
            }
        };
        let pointer: Pointer =
            serde_json::from_slice(&bytes).map_err(|error| SyncError::Pointer {
                reason: error.to_string(),
            })?;
        self.n_unchanged = 0;
        self.pointer = etag.map(|etag| (etag, pointer.release));
        Ok(pointer.release)
    }

    /// Takes the key sets that follow the one in use. One that does not is refused and changes nothing.
    fn follow_keys(&mut self) {
        for _ in 0..MAX_ROTATIONS {
            let path = SourcePath::KeySet(self.keys().version() + 1);
            let fetched = self
                .source
                .fetch(path, caps::MAX_ENVELOPE_BYTES as u64, None);
            // Where the source is down, the pointer says so.
            let Ok(Fetched::Found { bytes, .. }) = fetched else {
                return;
            };
            let kept = self.keys().next(&bytes).map_err(SyncError::from);
            let kept = kept.and_then(|next| {
                let version = next.version();
                let mut state = self.state.clone();
                state.keys = Some(next);
                self.keep(state)?;
                Ok(version)
            });
            match kept {
                Ok(version) => log("info", "keys_rotated", &[("version", json!(version))]),
                Err(error) => {
                    self.metrics.failed(&error);
                    let fields = [
                        ("cause", json!(error.cause())),
                        ("reason", json!(error.to_string())),
                    ];
                    log("warn", "keys_refused", &fields);
                    return;
                }
            }
        }
    }

    /// The newer of the set in the configuration and the one that followed it.
    fn keys(&self) -> &KeySet {
        match &self.state.keys {
            Some(keys) if keys.version() > self.config.keys.version() => keys,
            _ => &self.config.keys,
        }
    }

    fn files(&self, verified: &VerifiedManifest) -> Result<ReleaseFiles, SyncError> {
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
        })
    }

    fn shadow_key(&self) -> [u8; 32] {
        let mut key = [0; 32];
        for (bytes, word) in key.chunks_exact_mut(8).zip(self.state.shadow_key) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        key
    }

    /// A file that is kept already, or the source's: of that many bytes and not one more.
    fn file(
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

    fn required(&self, path: SourcePath, max_bytes: u64) -> Result<Vec<u8>, SyncError> {
        match self.source.fetch(path, max_bytes, None)? {
            Fetched::Found { bytes, .. } => Ok(bytes),
            Fetched::Absent | Fetched::Unchanged => Err(SourceError::Absent { path }.into()),
        }
    }

    fn check(&self, verified: &VerifiedManifest, files: &ReleaseFiles) -> Result<(), SyncError> {
        verified.clone().with_artifact(&files.champion)?;
        if let Some(challenger) = &files.challenger {
            verified.check_challenger(challenger)?;
        }
        if let Some(scorer) = &files.scorer {
            verified.check_scorer(scorer)?;
        }
        Ok(())
    }

    fn keep_release(
        &mut self,
        files: &ReleaseFiles,
        envelope: Vec<u8>,
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
        let envelope = String::from_utf8(envelope).map_err(|error| SyncError::Load {
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

    /// Writes a state, and takes it on once it is on the disk.
    fn keep(&mut self, state: State) -> Result<(), SyncError> {
        if state != self.state {
            self.folder.write(&state)?;
            self.state = state;
        }
        Ok(())
    }

    fn serve(&mut self, loaded: Box<dyn LoadedModels>, verified: &VerifiedManifest) {
        let manifest = verified.manifest();
        loaded.swap_in();
        self.serving = Some(Serving {
            mark: verified.high_water(),
            artifact: manifest.artifact.digest,
            schema: manifest.artifact.schema_digest,
            expires: manifest.expires,
        });
    }

    /// How long ago the source confirmed the release, by the clock and by this process: the longer one counts.
    fn age(&self, clock: u64) -> Duration {
        let now = clock.max(self.state.clock_floor);
        let by_clock = Duration::from_secs(now.saturating_sub(self.state.confirmed_at));
        let by_process = self.confirmed.elapsed();
        by_clock.max(by_process)
    }

    /// Withholds answers where the release has become too old or was revoked, and gives them again where not.
    fn review(&mut self, now: u64) {
        let Some(serving) = self.serving else { return };
        let revoked: &Revocations = &self.state.revoked;
        let max = self.config.max_staleness;
        let reason = if let Err(error) = revoked.check(serving.mark.release, serving.artifact) {
            Some(error.to_string())
        } else if self.age(now) > max {
            let seconds = max.as_secs();
            Some(format!(
                "release {} was not confirmed for more than {seconds} s",
                serving.mark.release
            ))
        } else {
            None
        };
        if reason == self.withheld {
            return;
        }
        match &reason {
            Some(reason) => log("error", "answers_withheld", &[("reason", json!(reason))]),
            None => log("info", "answers_given_again", &[]),
        }
        self.metrics.withheld(reason.is_some());
        self.host.withhold(reason.as_deref());
        self.withheld = reason;
    }
}

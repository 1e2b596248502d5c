//! One poll of the source, from the pointer to the swap.

mod files;
mod hints;

use std::sync::Arc;
use std::time::{Duration, Instant};

use picket_access::Outcome::{Done, Refused};
use picket_schema::release::{
    HighWater, KeySet, ReleaseError, Revocations, Trust, VerifiedManifest, caps,
};
use picket_schema::{ArtifactDigest, SchemaDigest};
use serde_json::json;

use super::release_host::{LoadedModels, ReleaseHost};
use super::source::{ReleaseSource, SourcePath};
use super::state::{State, StateDir};
use super::sync_error::SyncError;
use super::sync_metrics::SyncMetrics;
use crate::audit_trail::audit;
use picket_telemetry::log;

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
    /// Whether the source must have a signed log from the start. Once one was seen, it must in any case.
    pub require_log: bool,
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
    /// The refusal that stands in the audit log: the same at every poll is told once.
    audited: Option<String>,
}

impl std::fmt::Debug for ReleaseSync {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReleaseSync")
            .field("serving", &self.serving)
            .finish_non_exhaustive()
    }
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
            audited: None,
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
                    self.audited = None;
                    let artifact = self.serving.map(|it| it.artifact.to_string());
                    let details = [
                        ("release", release.to_string()),
                        ("artifact", artifact.unwrap_or_default()),
                    ];
                    self.note("model.activate", Done, &details);
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
                let reason = error.to_string();
                if error.is_refusal() && self.audited.as_ref() != Some(&reason) {
                    let cause = error.cause().to_owned();
                    let details = [("cause", cause), ("reason", reason.clone())];
                    self.note("model.refuse", Refused, &details);
                    self.audited = Some(reason);
                }
            }
        }
        self.review(now);
        result
    }

    fn ask(&mut self, clock: u64) -> Result<Outcome, SyncError> {
        self.follow_keys();
        self.follow_tombstones();
        let now = clock.max(self.state.clock_floor);
        let (number, log) = self.newest_promoted()?;
        // Also of the release being served: a source that showed a later one, and goes back, confirms nothing.
        if let Some(seen) = self.state.high_water.filter(|seen| number < seen.release) {
            let (expected, found) = (seen.release, number);
            return Err(ReleaseError::RolledBack { expected, found }.into());
        }
        if let Some(serving) = self.serving.filter(|it| it.mark.release == number) {
            if let Some(log) = log {
                log.check(number, serving.mark.payload)?;
            }
            return self.confirm(serving, now);
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
        if let Some(log) = log {
            log.check(number, verified.high_water().payload)?;
        }
        // The mark first, on the disk: whatever becomes of the files, nothing older comes back.
        let mut state = self.state.clone();
        state.high_water = Some(verified.high_water());
        state.revoked.extend(&verified.manifest().revoked);
        state.clock_floor = now;
        self.keep(state)?;
        let files = self.files(&verified, envelope)?;
        files::check(&verified, &files)?;
        let loaded = self.host.load(&files)?;
        self.keep_release(&files, keys, now)?;
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

    /// The newer of the set in the configuration and the one that followed it.
    fn keys(&self) -> &KeySet {
        match &self.state.keys {
            Some(keys) if keys.version() > self.config.keys.version() => keys,
            _ => &self.config.keys,
        }
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
        if let Some(reason) = &reason {
            log("error", "answers_withheld", &[("reason", json!(reason))]);
            self.note("answers.withhold", Done, &[("reason", reason.clone())]);
        } else {
            log("info", "answers_given_again", &[]);
            self.note("answers.give", Done, &[]);
        }
        self.metrics.withheld(reason.is_some());
        self.host.withhold(reason.as_deref());
        self.withheld = reason;
    }

    /// Writes down what became of the model. A model is not held back where that fails: the log says so.
    pub(super) fn note(
        &self,
        action: &str,
        outcome: picket_access::Outcome,
        details: &[(&str, String)],
    ) {
        let serving = self.release().map_or_else(String::new, |it| it.to_string());
        let mut details = details.to_vec();
        details.push(("serving", serving));
        let _ = audit("sync", action, outcome, &details);
    }
}

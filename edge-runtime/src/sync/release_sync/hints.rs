//! What the source says besides releases: which is the newest, and which keys follow.

use picket_access::Outcome::Done;
use picket_schema::release::{LogError, LogMark, Tombstones, caps};
use serde::Deserialize;
use serde_json::json;

use super::ReleaseSync;
use crate::sync::source::{Fetched, SourceError, SourcePath};
use crate::sync::sync_error::SyncError;
use picket_telemetry::log;

/// The largest pointer.
const MAX_POINTER_BYTES: u64 = 64 << 10;
/// How many key sets may follow each other in one poll.
const MAX_ROTATIONS: usize = 8;
/// How many lists of tombstones are carried out in one poll.
const MAX_LISTS: usize = 64;
/// A source that says "unchanged" is believed so often, then asked again without an entity tag.
const MAX_UNCHANGED: u32 = 10;

/// The pointer: what else stands there is for others.
#[derive(Deserialize)]
struct Pointer {
    release: u64,
}

impl ReleaseSync {
    /// The number that the pointer names, and the log's head, which must name the same one.
    pub(super) fn newest_promoted(&mut self) -> Result<(u64, Option<LogMark>), SyncError> {
        let number = self.newest()?;
        let Some(log) = self.log_head()? else {
            return Ok((number, None));
        };
        if log.release == number {
            return Ok((number, Some(log)));
        }
        // A promotion between the two looks, or one whose entry is being written, is no attack.
        self.pointer = None;
        let number = self.newest()?;
        let log = self.log_head()?;
        if let Some(log) = log {
            log.check_number(number)?;
        }
        Ok((number, log))
    }

    /// The newest signed promotion, no older than any seen before; `None` where the source has no log and needs none.
    fn log_head(&mut self) -> Result<Option<LogMark>, SyncError> {
        let path = SourcePath::LogHead;
        let fetched = self
            .source
            .fetch(path, caps::MAX_LOG_HEAD_BYTES as u64, None);
        let is_needed = self.config.require_log || self.state.log.is_some();
        let bytes = match fetched {
            Ok(Fetched::Found { bytes, .. }) => bytes,
            // A bucket that lets nobody list answers 403 for what is not there: no worse than holding it back.
            Ok(_) | Err(_) if !is_needed => return Ok(None),
            Err(error @ (SourceError::TooLarge { .. } | SourceError::Failed { .. })) => {
                return Err(error.into());
            }
            Ok(_) | Err(_) => {
                let expected = match &self.state.log {
                    Some(seen) => format!("entry {} or a later one", seen.number),
                    None => "a signed promotion".to_owned(),
                };
                return Err(LogError::Absent { expected }.into());
            }
        };
        let mark = LogMark::of_head(&bytes, self.keys(), self.state.log.as_ref())?;
        let mut state = self.state.clone();
        state.log = Some(mark);
        self.keep(state)?;
        Ok(Some(mark))
    }

    /// The number that the pointer names.
    pub(super) fn newest(&mut self) -> Result<u64, SyncError> {
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

    /// Carries out the lists of tombstones that follow the last one. One that is not signed as releases are is refused
    /// and changes nothing; one that cannot be carried out now comes again with the next poll.
    pub(super) fn follow_tombstones(&mut self) {
        for _ in 0..MAX_LISTS {
            let version = self.state.tombstones + 1;
            let path = SourcePath::Tombstones(version);
            let fetched = self
                .source
                .fetch(path, caps::MAX_ENVELOPE_BYTES as u64, None);
            let Ok(Fetched::Found { bytes, .. }) = fetched else {
                return;
            };
            let list = match Tombstones::verify(&bytes, version, self.keys()) {
                Ok(list) => list,
                Err(error) => {
                    let error = SyncError::from(error);
                    self.metrics.failed(&error);
                    let fields = [
                        ("cause", json!(error.cause())),
                        ("reason", json!(error.to_string())),
                    ];
                    log("warn", "tombstones_refused", &fields);
                    return;
                }
            };
            let erased = match self.host.erase(&list) {
                None => return,
                Some(Ok(n_erased)) => n_erased,
                Some(Err(reason)) => {
                    log("error", "erasure_failed", &[("reason", json!(reason))]);
                    return;
                }
            };
            let mut state = self.state.clone();
            state.tombstones = version;
            let fields = [
                ("version", json!(version)),
                ("n_subjects", json!(list.subjects().len())),
                ("n_pending", json!(erased)),
            ];
            log("info", "records_erased", &fields);
            if let Err(error) = self.keep(state) {
                // Carried out again, a list does nothing more.
                self.metrics.failed(&error);
                return;
            }
        }
    }

    /// Takes the key sets that follow the one in use. One that does not is refused and changes nothing.
    pub(super) fn follow_keys(&mut self) {
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
                Ok(version) => {
                    log("info", "keys_rotated", &[("version", json!(version))]);
                    let version = version.to_string();
                    self.note("keys.rotate", Done, &[("version", version)]);
                }
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
}

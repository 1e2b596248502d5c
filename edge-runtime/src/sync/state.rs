//! What must survive a crash: the marks that never go back, and the last good release.
//!
//! One small JSON file holds all marks and the active release's envelope; it is replaced as a whole,
//! with the bytes on the disk before the name changes. Artifacts lie beside it under their digests and are
//! there before the file names them. So a crash leaves the old state or the new one.

use std::fs::{self, File};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use picket_schema::ArtifactDigest;
use picket_schema::release::{HighWater, KeySet, LogMark, Revocations};
use serde::{Deserialize, Serialize};

/// The version of the state's file.
const FORMAT: u64 = 1;
/// More than any state holds.
const MAX_STATE_BYTES: u64 = 8 << 20;
const STATE: &str = "state.json";

/// Why the state cannot be kept or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The system refuses, such as for a full disk.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process keeps this state.
    #[error("{}: another process keeps its state here; expected to be the only one", .path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The file is not a state. Without its marks an old release could come back, so nothing goes on.
    #[error(
        "{}: found {reason}; expected the state that this program wrote. Removing the file starts \
         afresh, and gives up the protection from old releases until the next one is seen",
        .path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// The release that is served, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ActiveRelease {
    /// The envelope's JSON.
    pub(super) envelope: String,
    /// The keys that it was verified with.
    pub(super) keys: KeySet,
    /// The time of that, in seconds since 1970.
    pub(super) accepted_at: u64,
}

/// Everything that is kept, artifacts apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    format: u64,
    /// The newest release seen, served or not.
    pub(super) high_water: Option<HighWater>,
    /// The key set in use, where it has followed that of the configuration.
    pub(super) keys: Option<KeySet>,
    /// Everything that was ever revoked.
    pub(super) revoked: Revocations,
    pub(super) active: Option<ActiveRelease>,
    /// Chooses the rows that a challenger scores; secret, so that no client can choose for it.
    pub(super) shadow_key: [u64; 4],
    /// The latest time that is known to have been, in seconds since 1970.
    pub(super) clock_floor: u64,
    /// When the source last said that the active release is the newest, in seconds since 1970.
    pub(super) confirmed_at: u64,
    /// The last list of tombstones that was carried out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) tombstones: u64,
    /// The newest signed promotion seen. Once there is one, the source must have a log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) log: Option<LogMark>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Default for State {
    fn default() -> Self {
        Self {
            format: FORMAT,
            high_water: None,
            keys: None,
            revoked: Revocations::default(),
            active: None,
            shadow_key: random_key(),
            clock_floor: 0,
            confirmed_at: 0,
            tombstones: 0,
            log: None,
        }
    }
}

/// A key out of the system's randomness, by way of the keys that the standard library draws for its maps.
fn random_key() -> [u64; 4] {
    [0, 1, 2, 3].map(|idx: u64| RandomState::new().hash_one(idx))
}

/// The directory that the state is kept in. One process at a time has it.
#[derive(Debug)]
pub struct StateDir {
    folder: PathBuf,
    /// Held for as long as this lives.
    _lock: File,
}

impl StateDir {
    /// Takes a directory, and makes it where it is not there.
    ///
    /// # Errors
    /// [`StateError::Locked`] where another process has it, [`StateError::Io`].
    pub fn open(folder: &Path) -> Result<Self, StateError> {
        fs::create_dir_all(folder).map_err(at(folder))?;
        let path = folder.join("lock");
        let lock = File::create(&path).map_err(at(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                folder: folder.to_owned(),
                _lock: lock,
            }),
            Err(fs::TryLockError::WouldBlock) => Err(StateError::Locked {
                path: folder.to_owned(),
            }),
            Err(fs::TryLockError::Error(source)) => Err(StateError::Io { path, source }),
        }
    }

    /// The state, or a new one where there is none yet.
    pub(super) fn read(&self) -> Result<State, StateError> {
        let path = self.folder.join(STATE);
        let Some(bytes) = read_capped(&path, MAX_STATE_BYTES)? else {
            return Ok(State::default());
        };
        let malformed = |reason: String| StateError::Malformed {
            path: path.clone(),
            reason,
        };
        let state: State =
            serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
        if state.format != FORMAT {
            return Err(malformed(format!("format {}", state.format)));
        }
        Ok(state)
    }

    /// Replaces the state; it is on the disk when this returns.
    pub(super) fn write(&self, state: &State) -> Result<(), StateError> {
        let path = self.folder.join(STATE);
        let bytes = serde_json::to_vec(state).map_err(|error| StateError::Io {
            path: path.clone(),
            source: error.into(),
        })?;
        self.replace(&path, &bytes)
    }

    /// The bytes of a kept file, where it is there whole.
    pub(super) fn blob(&self, digest: ArtifactDigest, size: u64) -> Option<Vec<u8>> {
        let bytes = read_capped(&self.blob_path(digest), size).ok()??;
        (ArtifactDigest::of(&bytes) == digest).then_some(bytes)
    }

    /// Keeps a file under its digest; it is on the disk when this returns.
    pub(super) fn keep_blob(&self, digest: ArtifactDigest, bytes: &[u8]) -> Result<(), StateError> {
        if self.blob(digest, bytes.len() as u64).is_some() {
            return Ok(());
        }
        self.replace(&self.blob_path(digest), bytes)
    }

    /// Removes the kept files that nothing names any more, and what a crash left half written.
    pub(super) fn sweep(&self, named: &[ArtifactDigest]) {
        let kept: Vec<PathBuf> = named.iter().map(|digest| self.blob_path(*digest)).collect();
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let ends = |end: &str| path.extension().is_some_and(|found| found == end);
            if ends("part") || (ends("blob") && !kept.contains(&path)) {
                // It takes room and nothing else; the next sweep tries again.
                let _ = fs::remove_file(&path);
            }
        }
    }

    fn blob_path(&self, digest: ArtifactDigest) -> PathBuf {
        let text = digest.to_string();
        let digits = text.trim_start_matches("sha256:");
        self.folder.join(format!("{digits}.blob"))
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), StateError> {
        let part = path.with_extension("part");
        let written = write_synced(&part, bytes)
            .and_then(|()| fs::rename(&part, path))
            .and_then(|()| sync_folder(&self.folder));
        written.map_err(|source| {
            // Nothing can be done where even this fails.
            let _ = fs::remove_file(&part);
            StateError::Io {
                path: path.to_owned(),
                source,
            }
        })
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes a rename last.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes a rename last: here the system does by itself.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

fn read_capped(path: &Path, max_bytes: u64) -> Result<Option<Vec<u8>>, StateError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(at(path)(source)),
    };
    let mut bytes = Vec::new();
    file.take(max_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(at(path))?;
    if bytes.len() as u64 > max_bytes {
        return Err(StateError::Malformed {
            path: path.to_owned(),
            reason: format!("more than {max_bytes} bytes"),
        });
    }
    Ok(Some(bytes))
}

fn at(path: &Path) -> impl Fn(io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::Io {
        path: path.clone(),
        source,
    }
}

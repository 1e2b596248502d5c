//! What can go wrong with keys and signatures.

use std::path::PathBuf;

use picket_schema::release::{KeyId, ReleaseError};

/// Why nothing was signed or verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SigningError {
    /// An envelope, manifest or key set is not as it should be.
    #[error("{file}: {source}")]
    Release {
        /// The file, or what is being made.
        file: String,
        /// What is wrong.
        source: ReleaseError,
    },
    /// A file with a signing key is none. Nothing of it is shown.
    #[error("{}: not a signing key: expected the file that `trainer keygen` writes", .file.display())]
    NotAKey {
        /// The file.
        file: PathBuf,
    },
    /// A signing key that others can read.
    #[error("{}: others can read this signing key (mode {mode:o}); expected mode 600", .file.display())]
    KeyExposed {
        /// The file.
        file: PathBuf,
        /// The permission bits.
        mode: u32,
    },
    /// A key whose signatures edges do not count.
    #[error("{holder}: {key} is not in key set {version}; expected a key that edges trust")]
    KeyNotTrusted {
        /// The file, or whose key it is.
        holder: String,
        /// The key's name.
        key: KeyId,
        /// The key set's version.
        version: u64,
    },
    /// Fewer keys than must sign.
    #[error(
        "found {found} signing keys; expected {expected}, as key set {version} asks for: name the others by --key too"
    )]
    TooFewKeys {
        /// The key set's version.
        version: u64,
        /// How many must sign.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// There is no such release to sign.
    #[error(
        "{store}: no artifact of release {release}; expected one that `trainer publish` has put there"
    )]
    NotPublished {
        /// The store.
        store: String,
        /// The number.
        release: u64,
    },
    /// A file that must not be overwritten is there.
    #[error("{}: exists; expected no file, for keys and signed releases are never overwritten", .file.display())]
    Exists {
        /// The file.
        file: PathBuf,
    },
    /// The system gives no randomness.
    #[error("the system gives no randomness: {reason}")]
    Randomness {
        /// What it says.
        reason: String,
    },
}

impl SigningError {
    /// Whether the user can mend it.
    #[must_use]
    pub fn is_input_error(&self) -> bool {
        !matches!(self, Self::Randomness { .. })
    }

    /// Wraps a release's error with the file it is about.
    pub(crate) fn of(file: impl Into<String>) -> impl FnOnce(ReleaseError) -> Self {
        let file = file.into();
        move |source| Self::Release { file, source }
    }
}

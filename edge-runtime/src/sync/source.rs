//! Where releases come from. A source is trusted with nothing: it gives bytes, and may lie.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::directory::DirectorySource;
use super::http_source::{HttpSource, HttpTimeouts};
use super::s3::{S3Credentials, S3Source};
use crate::trusted_roots::TrustedRoots;

/// A file of a source. It is made of numbers alone: no text of a manifest ever becomes part of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourcePath {
    /// Says which release is the newest; not signed, a hint only.
    Pointer,
    /// A release's signed manifest.
    Envelope(u64),
    /// A release's champion.
    Champion(u64),
    /// A release's challenger.
    Challenger(u64),
    /// A release's scorer component.
    Scorer(u64),
    /// The signed key set of a version.
    KeySet(u64),
    /// The signed list of tombstones of a number.
    Tombstones(u64),
    /// The newest signed promotion of the store's log.
    LogHead,
}

impl fmt::Display for SourcePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pointer => f.write_str("channels/champion.json"),
            Self::Envelope(release) => write!(f, "releases/{release}/release.dsse.json"),
            Self::Champion(release) => write!(f, "releases/{release}/model.picket"),
            Self::Challenger(release) => write!(f, "releases/{release}/challenger.picket"),
            Self::Scorer(release) => write!(f, "releases/{release}/scorer.wasm"),
            Self::KeySet(version) => write!(f, "keys/{version}.dsse.json"),
            Self::Tombstones(version) => write!(f, "tombstones/{version}.dsse.json"),
            Self::LogHead => f.write_str("log/head.dsse.json"),
        }
    }
}

/// What a source gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The file, with its entity tag where the source has one.
    Found {
        /// The file's bytes.
        bytes: Vec<u8>,
        /// Names this content.
        etag: Option<String>,
    },
    /// The file still has the entity tag that was asked with.
    Unchanged,
    /// There is no such file.
    Absent,
}

/// Why a source gave nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The source cannot be reached, is too slow, or breaks off.
    #[error("{path}: the source failed: {reason}")]
    Failed {
        /// The file.
        path: SourcePath,
        /// What happened.
        reason: String,
    },
    /// The source refuses.
    #[error("{path}: the source answers with status {found}; expected 200, 304 or 404")]
    Status {
        /// The file.
        path: SourcePath,
        /// The status.
        found: u16,
    },
    /// The file is larger than it may be. Reading stopped there.
    #[error("{path}: larger than {expected} bytes; reading stopped there")]
    TooLarge {
        /// The file.
        path: SourcePath,
        /// The limit.
        expected: u64,
    },
    /// A file that should be there is not.
    #[error("{path}: not at the source")]
    Absent {
        /// The file.
        path: SourcePath,
    },
    /// The text names no source.
    #[error("{found:?} is no release source: {expected}")]
    Unknown {
        /// What was found, without any secret in it.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
}

/// Gives the files of releases.
pub trait ReleaseSource: Send {
    /// Reads a file of at most `max_bytes`. Where its entity tag is still `etag`, it need not be read.
    ///
    /// # Errors
    /// A [`SourceError`], such as [`SourceError::TooLarge`] as soon as one byte more than `max_bytes` came.
    fn fetch(
        &self,
        path: SourcePath,
        max_bytes: u64,
        etag: Option<&str>,
    ) -> Result<Fetched, SourceError>;
}

/// Opens what a `--release-source` names: `dir:PATH`, `https://…`, `http://…` on this machine or where
/// `allow_http` says so, `s3://bucket/prefix`. With `roots` the server's certificate must come from one of them.
///
/// # Errors
/// [`SourceError::Unknown`] where it names none of these.
pub fn open_source(
    text: &str,
    allow_http: bool,
    timeout: Duration,
    roots: Option<&TrustedRoots>,
) -> Result<Box<dyn ReleaseSource>, SourceError> {
    let timeouts = HttpTimeouts {
        connect: timeout.min(Duration::from_secs(10)),
        whole: timeout,
    };
    if let Some(folder) = text.strip_prefix("dir:") {
        return Ok(Box::new(DirectorySource::new(PathBuf::from(folder))));
    }
    if text.starts_with("s3://") {
        let credentials = S3Credentials::from_environment()?;
        let source = S3Source::new(text, credentials, allow_http, timeouts)?;
        return Ok(match roots {
            Some(roots) => Box::new(source.trusting(roots)),
            None => Box::new(source),
        });
    }
    if text.starts_with("https://") || text.starts_with("http://") {
        let source = HttpSource::new(text, allow_http, timeouts)?;
        return Ok(match roots {
            Some(roots) => Box::new(source.trusting(roots)),
            None => Box::new(source),
        });
    }
    Err(SourceError::Unknown {
        found: text.chars().take(200).collect(),
        expected: "expected dir:PATH, https://HOST/PATH or s3://BUCKET/PREFIX",
    })
}

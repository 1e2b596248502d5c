//! Why the spool does not take or give records.

use std::path::PathBuf;

/// Why the spool does not take or give records.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// There can be no folder for the spool.
    #[error("cannot use the spool's folder {}: {source}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another process has the spool.
    #[error("the spool {} is in use by another process", .path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// A file of the spool cannot be read or written.
    #[error("cannot {what} {name} of the spool: {source}")]
    File {
        /// What was tried, as a verb.
        what: &'static str,
        /// The file.
        name: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The spool has no room, and its policy is to refuse.
    #[error("the spool is full: {used} of {max} bytes hold records that are not delivered yet")]
    Full {
        /// What pending records take, in bytes.
        used: u64,
        /// The limit in bytes.
        max: u64,
    },
    /// Records come faster than the disk takes them.
    #[error("{waiting} bytes of records wait for the disk; the limit is {max}")]
    Behind {
        /// What waits, in bytes.
        waiting: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// A record is larger than a frame may be.
    #[error("the record has {found} bytes; expected at most {max}")]
    RecordTooLarge {
        /// Its size.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// The spool is being closed.
    #[error("the spool is closed")]
    Closed,
}

impl SpoolError {
    pub(super) fn file(
        what: &'static str,
        name: &str,
    ) -> impl FnOnce(std::io::Error) -> SpoolError {
        let name = name.to_owned();
        move |source| Self::File { what, name, source }
    }

    /// Whether the disk has no room left.
    pub(super) fn is_disk_full(&self) -> bool {
        matches!(self, Self::File { source, .. } if source.kind() == std::io::ErrorKind::StorageFull)
    }
}

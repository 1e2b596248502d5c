//! Writing the log.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::event::{AuditEvent, Outcome};
use super::kept_head;
use super::line::Head;
use super::verify::{Walk, expect_kept, walk};
use crate::error::AuditError;
use crate::private_file;
use crate::secret::hex;

/// Who tells what became of the log itself.
const LOG_ACTOR: &str = "audit-log";
/// The event that tells what was cut off.
const TORN: &str = "audit.torn";
/// Characters of what was cut off that its event tells.
const MAX_TORN_TEXT: usize = 400;

/// A log that takes events. Several processes may write one file: each locks it for the time of an event.
#[derive(Debug)]
pub struct AuditLog {
    path: PathBuf,
    writer: Mutex<Writer>,
    n_torn_bytes: u64,
}

#[derive(Debug)]
struct Writer {
    file: File,
    head: Head,
    /// Bytes of whole lines up to `head`.
    length: u64,
    /// What was cut off and is not told yet.
    torn: Vec<u8>,
}

impl AuditLog {
    /// Opens a log, or makes one that only its owner reads (mode 600). What a crash left of a last event stays until
    /// the next event: then it is cut off, and an event of its own, `audit.torn`, tells how much it was and how it began.
    ///
    /// The digest of the last line is kept beside the log, in a file with `.head` behind the log's name: it shows that
    /// lines at the end are gone. Move both aside together.
    ///
    /// # Errors
    /// [`AuditError::Broken`] where the chain does not hold or lines at its end are gone: nothing is added to such a
    /// log, move it aside; [`AuditError::File`].
    pub fn open(path: &Path) -> Result<Self, AuditError> {
        let wrong = |source| AuditError::File {
            path: path.to_owned(),
            source,
        };
        let new = !path.try_exists().map_err(wrong)?;
        let file = private_file::options()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(wrong)?;
        if new {
            private_file::sync_folder(path).map_err(wrong)?;
        }
        let mut writer = Writer {
            file,
            head: Head::START,
            length: 0,
            torn: Vec::new(),
        };
        writer.file.lock().map_err(wrong)?;
        let begun = writer.begin(path);
        writer.file.unlock().map_err(wrong)?;
        Ok(Self {
            path: path.to_owned(),
            writer: Mutex::new(writer),
            n_torn_bytes: begun?,
        })
    }

    /// Writes an event down. When this returns, it is on the disk. The answer is the event's number, from 1.
    ///
    /// # Errors
    /// [`AuditError::File`] where the disk does not take it; then the event is not in the log.
    /// [`AuditError::Broken`] where another has changed what was there, or moved or removed the file;
    /// [`AuditError::TooLong`].
    pub fn append(&self, event: &AuditEvent) -> Result<u64, AuditError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let wrong = |source| AuditError::File {
            path: self.path.clone(),
            source,
        };
        writer.file.lock().map_err(wrong)?;
        let written = writer.append(event, &self.path);
        writer.file.unlock().map_err(wrong)?;
        written
    }

    /// Whether the file is still where it was and as long as it was, without an event.
    ///
    /// # Errors
    /// [`AuditError::Broken`] or [`AuditError::File`], as [`Self::append`].
    pub fn check(&self) -> Result<(), AuditError> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.expect_in_place(&self.path)?;
        writer.n_new_bytes(&self.path).map(|_| ())
    }

    /// The SHA-256 of the last line and its number, for keeping elsewhere.
    #[must_use]
    pub fn head(&self) -> (u64, String) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        (writer.head.number, hex(&writer.head.digest))
    }

    /// Bytes of an unfinished event that were found at the end when the log was opened.
    #[must_use]
    pub fn n_torn_bytes(&self) -> u64 {
        self.n_torn_bytes
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Writer {
    /// Reads the log from its start. Gives how many bytes of an unfinished event are at its end. The file is locked.
    fn begin(&mut self, path: &Path) -> Result<u64, AuditError> {
        let kept = kept_head::read(path).map_err(|source| AuditError::File {
            path: kept_head::place(path),
            source,
        })?;
        let anchors: Vec<[u8; 32]> = kept.iter().map(|head| head.digest).collect();
        let walked = self.follow(path, &anchors)?;
        expect_kept(kept, &walked, path)?;
        self.head = walked.head;
        self.length = walked.length;
        self.keep_head(path);
        Ok(walked.torn.len() as u64)
    }

    /// Follows the lines that are new to this writer.
    fn follow(&mut self, path: &Path, anchors: &[[u8; 32]]) -> Result<Walk, AuditError> {
        let wrong = |source| AuditError::File {
            path: path.to_owned(),
            source,
        };
        self.file
            .seek(SeekFrom::Start(self.length))
            .map_err(wrong)?;
        let n_new = self.n_new_bytes(path)?;
        let reader = BufReader::new((&self.file).take(n_new));
        walk(reader, self.head, anchors, path)
    }

    /// Bytes that are new to this writer.
    fn n_new_bytes(&self, path: &Path) -> Result<u64, AuditError> {
        let metadata = self.file.metadata().map_err(|source| AuditError::File {
            path: path.to_owned(),
            source,
        })?;
        let found = metadata.len();
        found.checked_sub(self.length).ok_or_else(|| {
            let reason = format!("expected {} bytes, found {found}: cut off", self.length);
            self.broken(path, reason)
        })
    }

    /// Follows what other processes have added, and cuts a torn end off. The file is locked.
    fn catch_up(&mut self, path: &Path) -> Result<(), AuditError> {
        let wrong = |source| AuditError::File {
            path: path.to_owned(),
            source,
        };
        if self.n_new_bytes(path)? == 0 {
            return Ok(());
        }
        let walked = self.follow(path, &[])?;
        self.length += walked.length;
        self.head = walked.head;
        if !walked.torn.is_empty() {
            self.file.set_len(self.length).map_err(wrong)?;
            self.file.sync_all().map_err(wrong)?;
            self.torn = walked.torn;
        }
        Ok(())
    }

    fn append(&mut self, event: &AuditEvent, path: &Path) -> Result<u64, AuditError> {
        self.expect_in_place(path)?;
        self.catch_up(path)?;
        let mut head = self.head;
        let mut text = Vec::new();
        let torn = (!self.torn.is_empty()).then(|| torn_event(&self.torn, event));
        for event in torn.iter().chain([event]) {
            let line = head.write(event)?.into_bytes();
            head = head.after(&line);
            text.extend(line);
            text.push(b'\n');
        }
        let written = self
            .file
            .write_all(&text)
            .and_then(|()| self.file.sync_data());
        if let Err(source) = written {
            // What came through of it is not an event. Where this fails too, the next one cuts it off.
            let _ = self.file.set_len(self.length);
            let path = path.to_owned();
            return Err(AuditError::File { path, source });
        }
        self.head = head;
        self.length += text.len() as u64;
        self.torn.clear();
        self.keep_head(path);
        Ok(head.number)
    }

    /// The event is on the disk already: an older digest beside it is no lie, and the next event tries again.
    fn keep_head(&self, path: &Path) {
        if self.head != Head::START {
            let _ = kept_head::write(path, self.head);
        }
    }

    /// A file that was moved or removed still takes lines, which nobody would find.
    #[cfg(unix)]
    fn expect_in_place(&self, path: &Path) -> Result<(), AuditError> {
        use std::os::unix::fs::MetadataExt as _;

        let wrong = |source| AuditError::File {
            path: path.to_owned(),
            source,
        };
        let ours = self.file.metadata().map_err(wrong)?;
        let there = match std::fs::metadata(path) {
            Ok(there) => Some(there),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(wrong(error)),
        };
        if there.is_some_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())) {
            return Ok(());
        }
        let reason = "the file was moved, removed or replaced while it was written".to_owned();
        Err(self.broken(path, reason))
    }

    /// Elsewhere an open file is not moved.
    #[cfg(not(unix))]
    fn expect_in_place(&self, _path: &Path) -> Result<(), AuditError> {
        Ok(())
    }

    fn broken(&self, path: &Path, reason: String) -> AuditError {
        AuditError::Broken {
            path: path.to_owned(),
            line: self.head.number,
            reason,
        }
    }
}

/// Tells what was cut off, at the time of the event that follows.
fn torn_event(torn: &[u8], next: &AuditEvent) -> AuditEvent {
    let text: String = String::from_utf8_lossy(torn)
        .chars()
        .take(MAX_TORN_TEXT)
        .collect();
    next.beside(LOG_ACTOR, TORN, Outcome::Failed)
        .with("bytes", torn.len().to_string())
        .with("text", text)
}

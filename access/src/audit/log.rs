//! Writing the log.

use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::event::AuditEvent;
use super::line::Head;
use super::verify::walk;
use crate::error::AuditError;
use crate::private_file;
use crate::secret::hex;

/// A log that takes events. Several processes may write one file: each locks it for the time of an event.
#[derive(Debug)]
pub struct AuditLog {
    path: PathBuf,
    writer: Mutex<Writer>,
}

#[derive(Debug)]
struct Writer {
    file: File,
    head: Head,
    /// Bytes of whole lines up to `head`.
    length: u64,
}

impl AuditLog {
    /// Opens a log, or makes one that only its owner reads (mode 600). What a crash left of a last event is cut off.
    ///
    /// # Errors
    /// [`AuditError::Broken`] where the chain does not hold: nothing is added to such a log, move it aside;
    /// [`AuditError::File`].
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
        };
        writer.file.lock().map_err(wrong)?;
        let caught_up = writer.catch_up(path);
        writer.file.unlock().map_err(wrong)?;
        caught_up?;
        Ok(Self {
            path: path.to_owned(),
            writer: Mutex::new(writer),
        })
    }

    /// Writes an event down. When this returns, it is on the disk. The answer is the event's number, from 1.
    ///
    /// # Errors
    /// [`AuditError::File`] where the disk does not take it; then the event is not in the log.
    /// [`AuditError::Broken`] where another has changed what was there, [`AuditError::TooLong`].
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

    /// The SHA-256 of the last line and its number, for keeping elsewhere.
    #[must_use]
    pub fn head(&self) -> (u64, String) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        (writer.head.number, hex(&writer.head.digest))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Writer {
    /// Follows what other processes have added, and cuts a torn end off. The file is locked.
    fn catch_up(&mut self, path: &Path) -> Result<(), AuditError> {
        let wrong = |source| AuditError::File {
            path: path.to_owned(),
            source,
        };
        let found = self.file.metadata().map_err(wrong)?.len();
        if found == self.length {
            return Ok(());
        }
        if found < self.length {
            return Err(AuditError::Broken {
                path: path.to_owned(),
                line: self.head.number,
                reason: format!("expected {} bytes, found {found}: cut off", self.length),
            });
        }
        self.file
            .seek(SeekFrom::Start(self.length))
            .map_err(wrong)?;
        let reader = BufReader::new((&self.file).take(found - self.length));
        let walked = walk(reader, self.head, None, path)?;
        self.length += walked.length;
        self.head = walked.head;
        if walked.n_torn_bytes > 0 {
            self.file.set_len(self.length).map_err(wrong)?;
            self.file.sync_all().map_err(wrong)?;
        }
        Ok(())
    }

    fn append(&mut self, event: &AuditEvent, path: &Path) -> Result<u64, AuditError> {
        self.catch_up(path)?;
        let mut line = self.head.write(event)?.into_bytes();
        let head = self.head.after(&line);
        line.push(b'\n');
        let written = self
            .file
            .write_all(&line)
            .and_then(|()| self.file.sync_data());
        if let Err(source) = written {
            // What came through of it is not an event. Where this fails too, the next one cuts it off.
            let _ = self.file.set_len(self.length);
            let path = path.to_owned();
            return Err(AuditError::File { path, source });
        }
        self.head = head;
        self.length += line.len() as u64;
        Ok(head.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{MAX_LINE, Outcome, Verified, verify, verify_anchored};
    use proptest::prelude::*;
    use std::time::{Duration, SystemTime};

    type Tested = Result<(), Box<dyn std::error::Error>>;

    fn event(action: &str) -> AuditEvent {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        AuditEvent::new(time, "admin-1", action, Outcome::Done).with("release", "7")
    }

    /// A log of three events, its bytes and where each line starts.
    fn three(path: &Path) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        let log = AuditLog::open(path)?;
        for (number, action) in (1..).zip(["token.add", "model.activate", "subject.erase"]) {
            assert_eq!(log.append(&event(action))?, number);
        }
        let bytes = std::fs::read(path)?;
        assert_eq!(log.head(), (3, verify(path)?.head));
        Ok(bytes)
    }

    #[test]
    fn events_are_chained_and_verified() -> Tested {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("audit.jsonl");
        let bytes = three(&path)?;
        let text = String::from_utf8(bytes)?;
        let first = "{\"number\":1,\"time\":\"2023-11-14T22:13:20.123Z\",\"actor\":\"admin-1\",\
                     \"action\":\"token.add\",\"outcome\":\"done\",\"details\":{\"release\":\"7\"},\
                     \"previous\":\"0000";
        assert!(text.starts_with(first), "{text}");
        let verified = verify(&path)?;
        assert_eq!((verified.n_events, verified.n_torn_bytes), (3, 0));
        // It goes on after it is opened again.
        let log = AuditLog::open(&path)?;
        assert_eq!(log.append(&event("token.remove"))?, 4);
        assert_eq!(verify_anchored(&path, &verified.head)?.n_events, 4);
        Ok(())
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_its_owners() -> Tested {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir()?;
        let path = folder.path().join("audit.jsonl");
        AuditLog::open(&path)?;
        let mode = std::fs::metadata(&path)?.permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        Ok(())
    }

    #[test]
    fn lines_taken_out_put_in_or_moved_are_found() -> Tested {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("audit.jsonl");
        let bytes = three(&path)?;
        let kept = verify(&path)?.head;
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        for (order, line) in [
            (vec![1, 2], 1),
            (vec![0, 2], 2),
            (vec![0, 2, 1], 2),
            (vec![0, 0, 1, 2], 2),
            (vec![0, 1, 1, 2], 3),
        ] {
            let changed: Vec<u8> = order.iter().flat_map(|idx| lines[*idx]).copied().collect();
            std::fs::write(&path, &changed)?;
            let found = verify(&path);
            assert!(
                matches!(found, Err(AuditError::Broken { line: at, .. }) if at == line),
                "{order:?}: {found:?}"
            );
            assert!(AuditLog::open(&path).is_err(), "{order:?}");
            assert_eq!(
                std::fs::read(&path)?,
                changed,
                "a broken log is left as it is"
            );
        }
        // A chain cut short holds; what was kept elsewhere shows it.
        std::fs::write(&path, [lines[0], lines[1]].concat())?;
        assert_eq!(verify(&path)?.n_events, 2);
        let found = verify_anchored(&path, &kept)
            .expect_err("cut off")
            .to_string();
        assert!(found.contains("cut off"), "{found}");
        Ok(())
    }

    #[test]
    fn a_torn_end_is_cut_off_at_any_byte() -> Tested {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("audit.jsonl");
        let bytes = three(&path)?;
        let last = bytes.len()
            - 1
            - bytes[..bytes.len() - 1]
                .iter()
                .rev()
                .position(|it| *it == b'\n')
                .expect("lines");
        for length in last + 1..bytes.len() {
            std::fs::write(&path, &bytes[..length])?;
            let torn = verify(&path)?;
            assert_eq!(
                (torn.n_events, torn.n_torn_bytes),
                (2, (length - last) as u64)
            );
            let log = AuditLog::open(&path)?;
            assert_eq!(log.append(&event("after"))?, 3);
            assert_eq!(verify(&path)?.n_torn_bytes, 0);
        }
        // Zeros where the start of the last write should be.
        let mut zeros = bytes.clone();
        zeros[last..last + 20].fill(0);
        std::fs::write(&path, &zeros)?;
        assert_eq!(AuditLog::open(&path)?.head().0, 2);
        // In the middle they are no accident of the last write.
        let mut zeros = bytes;
        zeros[10..20].fill(0);
        std::fs::write(&path, &zeros)?;
        assert!(AuditLog::open(&path).is_err());
        Ok(())
    }

    #[test]
    fn two_writers_share_a_file() -> Tested {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("audit.jsonl");
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let log = AuditLog::open(&path).expect("opens");
                    for _ in 0..20 {
                        log.append(&event("shared")).expect("is written");
                    }
                });
            }
        });
        assert_eq!(verify(&path)?.n_events, 60);
        Ok(())
    }

    #[test]
    fn a_log_cut_under_its_writer_takes_no_more() -> Tested {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("audit.jsonl");
        let log = AuditLog::open(&path)?;
        log.append(&event("one"))?;
        std::fs::write(&path, "")?;
        assert!(matches!(
            log.append(&event("two")),
            Err(AuditError::Broken { .. })
        ));
        Ok(())
    }

    #[test]
    fn long_events_are_refused_and_leave_nothing() -> Tested {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("audit.jsonl");
        let log = AuditLog::open(&path)?;
        let long = event("long").with("text", "x".repeat(MAX_LINE));
        assert!(matches!(log.append(&long), Err(AuditError::TooLong { .. })));
        assert_eq!(std::fs::read(&path)?, b"");
        // Line feeds in a text stay in its line.
        log.append(&event("a\nb").with("k\n", "v\n"))?;
        assert_eq!(verify(&path)?.n_events, 1);
        let missing = verify(&folder.path().join("none"));
        assert!(matches!(missing, Err(AuditError::File { .. })));
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Any byte before the last line that changes is found; a change in the last line is found by its digest.
        #[test]
        fn any_changed_byte_is_found(place in any::<prop::sample::Index>(), flip in 1..=255_u8) {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("audit.jsonl");
            let mut bytes = three(&path).expect("a log");
            let kept: Verified = verify(&path).expect("holds");
            let place = place.index(bytes.len());
            bytes[place] ^= flip;
            std::fs::write(&path, &bytes).expect("written");
            let found = verify_anchored(&path, &kept.head);
            prop_assert!(found.is_err(), "byte {} of {}", place, bytes.len());
        }

        #[test]
        fn no_bytes_are_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("audit.jsonl");
            std::fs::write(&path, &bytes).expect("written");
            let _ = verify(&path);
            let _ = AuditLog::open(&path);
        }
    }
}

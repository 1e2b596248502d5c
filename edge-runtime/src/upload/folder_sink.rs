//! Records to a folder of segments, each record a line of JSON: a store for set-ups without a database.
//!
//! A record is on the disk before it counts as delivered, and stands there once, whatever comes again: the ids of
//! everything that the folder holds are in memory, 16 bytes each. Whoever changes the folder holds its lock, so that
//! the trainer may erase while records come.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::sink::{Outcome, RecordSink, SinkError};

const PREFIX: &str = "records-";
const SUFFIX: &str = ".ndjson";
const LOCK: &str = "lock";
/// A segment that is larger is written to no more.
const SEGMENT_BYTES: u64 = 64 << 20;
/// The longest line that is read: more than any record.
const MAX_LINE: u64 = 1 << 20;

/// Appends to the folder's last segment.
#[derive(Debug)]
pub struct FolderSink {
    folder: PathBuf,
    lock: File,
    segment_bytes: u64,
    seen: HashSet<u128>,
    /// The segments whose ids are known, by number.
    known: HashSet<u64>,
}

fn unreachable(path: &Path) -> impl Fn(io::Error) -> SinkError + '_ {
    move |error| SinkError::Unreachable {
        reason: format!("{}: {error}", path.display()),
    }
}

fn segment_name(number: u64) -> String {
    format!("{PREFIX}{number:08}{SUFFIX}")
}

fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let number = digits.parse().ok()?;
    (segment_name(number) == name).then_some(number)
}

/// As much of a record as its place in the folder depends on.
#[derive(serde::Deserialize)]
struct Id<'a> {
    #[serde(borrow)]
    id: std::borrow::Cow<'a, str>,
}

fn id_of(record: &[u8]) -> Option<u128> {
    let id: Id<'_> = serde_json::from_slice(record).ok()?;
    (id.id.len() == 32)
        .then(|| u128::from_str_radix(&id.id, 16).ok())
        .flatten()
}

impl FolderSink {
    /// Takes a folder, and makes it where it is not there.
    ///
    /// # Errors
    /// [`SinkError::Unreachable`] with what the system says.
    pub fn open(folder: &Path) -> Result<Self, SinkError> {
        Self::with_segments_of(folder, SEGMENT_BYTES)
    }

    fn with_segments_of(folder: &Path, segment_bytes: u64) -> Result<Self, SinkError> {
        fs::create_dir_all(folder).map_err(unreachable(folder))?;
        let path = folder.join(LOCK);
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(unreachable(&path))?;
        Ok(Self {
            folder: folder.to_owned(),
            lock,
            segment_bytes,
            seen: HashSet::new(),
            known: HashSet::new(),
        })
    }

    fn numbers(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            numbers.extend(entry?.file_name().to_str().and_then(number_of));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Learns the ids of segments that are new: all of them at the start, and those of another writer later.
    fn learn(&mut self, numbers: &[u64]) -> io::Result<()> {
        for number in numbers {
            if self.known.contains(number) {
                continue;
            }
            let file = File::open(self.folder.join(segment_name(*number)))?;
            let mut reader = BufReader::new(file);
            let mut line = Vec::new();
            loop {
                line.clear();
                let n_bytes = io::Read::take(&mut reader, MAX_LINE).read_until(b'\n', &mut line)?;
                if n_bytes == 0 {
                    break;
                }
                self.seen.extend(id_of(&line));
            }
            self.known.insert(*number);
        }
        Ok(())
    }

    /// Appends lines to the last segment, durably. A line that a crash has cut is taken off before.
    fn append(&mut self, lines: &[u8], numbers: &[u64]) -> io::Result<()> {
        let mut number = numbers.last().copied().unwrap_or(1);
        let size = |number: u64| match fs::metadata(self.folder.join(segment_name(number))) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            found => found.map(|it| it.len()),
        };
        if size(number)? >= self.segment_bytes {
            number += 1;
        }
        let path = self.folder.join(segment_name(number));
        let is_new = !path.exists();
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)?;
        let n_whole = whole_bytes(&path)?;
        if n_whole < file.metadata()?.len() {
            file.set_len(n_whole)?;
        }
        let written = file.write_all(lines).and_then(|()| file.sync_data());
        if written.is_err() {
            // What stands there of it would be a cut line, or records that come again.
            let _ = file.set_len(n_whole);
        }
        written?;
        if is_new {
            #[cfg(unix)]
            File::open(&self.folder)?.sync_all()?;
        }
        self.known.insert(number);
        Ok(())
    }

    fn deliver_locked(&mut self, records: &[&[u8]]) -> io::Result<Vec<Outcome>> {
        let numbers = self.numbers()?;
        self.learn(&numbers)?;
        let mut outcomes = vec![Outcome::Delivered; records.len()];
        let (mut lines, mut new) = (Vec::new(), HashSet::new());
        for (record, outcome) in records.iter().zip(&mut outcomes) {
            let Some(id) = id_of(record).filter(|_| !record.contains(&b'\n')) else {
                *outcome = Outcome::Rejected("no record with an id, on one line".to_owned());
                continue;
            };
            if self.seen.contains(&id) || !new.insert(id) {
                continue;
            }
            lines.extend_from_slice(record);
            lines.push(b'\n');
        }
        if !lines.is_empty() {
            self.append(&lines, &numbers)?;
        }
        self.seen.extend(new);
        Ok(outcomes)
    }
}

/// How many bytes of a file end with a line.
fn whole_bytes(path: &Path) -> io::Result<u64> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = File::open(path)?;
    let n_bytes = file.metadata()?.len();
    let tail = n_bytes.min(MAX_LINE);
    file.seek(SeekFrom::Start(n_bytes - tail))?;
    let mut bytes = Vec::new();
    file.take(tail).read_to_end(&mut bytes)?;
    let end = bytes
        .iter()
        .rposition(|it| *it == b'\n')
        .map_or(0, |it| it + 1);
    Ok(n_bytes - tail + end as u64)
}

impl RecordSink for FolderSink {
    fn deliver(&mut self, records: &[&[u8]]) -> Result<Vec<Outcome>, SinkError> {
        self.lock.lock().map_err(unreachable(&self.folder))?;
        let delivered = self.deliver_locked(records);
        let unlocked = self.lock.unlock();
        let delivered = delivered.map_err(unreachable(&self.folder))?;
        unlocked.map_err(unreachable(&self.folder))?;
        Ok(delivered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Tested = Result<(), Box<dyn std::error::Error>>;

    fn record(n: u32) -> String {
        format!("{{\"kind\":\"label\",\"id\":\"{n:032x}\"}}")
    }

    fn lines(folder: &Path) -> io::Result<Vec<String>> {
        let mut all = Vec::new();
        let mut names: Vec<PathBuf> = fs::read_dir(folder)?
            .filter_map(|it| Some(it.ok()?.path()))
            .filter(|it| it.extension().is_some_and(|it| it == "ndjson"))
            .collect();
        names.sort();
        for name in names {
            all.extend(fs::read_to_string(name)?.lines().map(str::to_owned));
        }
        Ok(all)
    }

    fn deliver(sink: &mut FolderSink, numbers: &[u32]) -> Result<Vec<Outcome>, SinkError> {
        let records: Vec<String> = numbers.iter().map(|n| record(*n)).collect();
        let records: Vec<&[u8]> = records.iter().map(String::as_bytes).collect();
        sink.deliver(&records)
    }

    #[test]
    fn each_record_stands_there_once_over_segments_and_starts() -> Tested {
        let folder = tempfile::tempdir()?;
        let mut sink = FolderSink::with_segments_of(folder.path(), 150)?;
        deliver(&mut sink, &[1, 2, 2, 3])?;
        deliver(&mut sink, &[3, 4])?;
        deliver(&mut sink, &[5])?;
        let again = sink.deliver(&[b"{}", b"[", record(6).as_bytes()])?;
        assert!(
            matches!(again[0], Outcome::Rejected(_)) && matches!(again[1], Outcome::Rejected(_))
        );
        drop(sink);
        // Another start, and another writer beside it.
        let mut sink = FolderSink::with_segments_of(folder.path(), 150)?;
        deliver(&mut sink, &[1, 4, 6, 7])?;
        let expected: Vec<String> = (1..=7).map(record).collect();
        assert_eq!(lines(folder.path())?, expected);
        assert!(fs::read_dir(folder.path())?.count() > 2, "segments rotate");
        Ok(())
    }

    #[test]
    fn a_cut_line_is_taken_off_and_delivered_anew() -> Tested {
        let folder = tempfile::tempdir()?;
        let mut sink = FolderSink::open(folder.path())?;
        deliver(&mut sink, &[1])?;
        drop(sink);
        let path = folder.path().join(segment_name(1));
        let mut text = fs::read_to_string(&path)?;
        text.push_str(&record(2)[..20]);
        fs::write(&path, text)?;
        let mut sink = FolderSink::open(folder.path())?;
        deliver(&mut sink, &[2, 3])?;
        assert_eq!(lines(folder.path())?, [record(1), record(2), record(3)]);
        Ok(())
    }

    #[test]
    fn what_was_erased_while_it_ran_does_not_come_back() -> Tested {
        let folder = tempfile::tempdir()?;
        let mut sink = FolderSink::open(folder.path())?;
        deliver(&mut sink, &[1, 2])?;
        let path = folder.path().join(segment_name(1));
        let rewritten = folder.path().join("rewritten");
        fs::write(&rewritten, record(2) + "\n")?;
        fs::rename(rewritten, path)?;
        deliver(&mut sink, &[1, 3])?;
        assert_eq!(lines(folder.path())?, [record(2), record(3)]);
        Ok(())
    }
}

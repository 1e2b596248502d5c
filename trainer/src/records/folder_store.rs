//! Records in a folder: what `edge-runtime collect --into` writes.
//!
//! Segments `records-<number>.ndjson`, a record a line. Whoever changes one holds the folder's lock, and replaces it
//! as a whole: a collector may run meanwhile, and a crash leaves the segment as it was.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use picket_schema::record::{Record, RecordKind};

use super::error::RecordsError;
use super::store::{ErasedRecords, Expiry, ReadCounts, RecordQuery, RecordStore};

const PREFIX: &str = "records-";
const SUFFIX: &str = ".ndjson";
const LOCK: &str = "lock";
const PART: &str = "rewritten.part";
/// The longest line that is read: more than any record.
const MAX_LINE: u64 = 1 << 20;

/// Records in a folder.
#[derive(Clone, Debug)]
pub struct FolderStore {
    folder: PathBuf,
}

fn failed<'p>(
    path: &'p Path,
    operation: &'static str,
) -> impl Fn(io::Error) -> RecordsError + use<'p> {
    move |error| RecordsError::Store {
        place: path.display().to_string(),
        operation,
        reason: error.to_string(),
    }
}

fn is_segment(name: &str) -> bool {
    let digits = name
        .strip_prefix(PREFIX)
        .and_then(|it| it.strip_suffix(SUFFIX));
    digits.is_some_and(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit()))
}

/// Shows every line of a file, a last one without an end included; longer ones than any record are cut.
fn for_each_line(path: &Path, mut show: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        let n_bytes = (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line)?;
        if n_bytes == 0 {
            return Ok(());
        }
        let text = line.trim_ascii();
        if !text.is_empty() {
            show(text)?;
        }
    }
}

impl FolderStore {
    /// The store in a folder.
    ///
    /// # Errors
    /// [`RecordsError::Store`] where it cannot be listed.
    pub fn open(folder: &Path) -> Result<Self, RecordsError> {
        let store = Self {
            folder: folder.to_owned(),
        };
        store.segments()?;
        Ok(store)
    }

    /// The segments in the order they were written.
    fn segments(&self) -> Result<Vec<PathBuf>, RecordsError> {
        let wrong = failed(&self.folder, "listing");
        let mut segments = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(&wrong)? {
            let entry = entry.map_err(&wrong)?;
            if entry.file_name().to_str().is_some_and(is_segment) {
                segments.push(entry.path());
            }
        }
        segments.sort();
        Ok(segments)
    }

    /// Runs `change` while nobody else changes the folder.
    fn locked<T>(
        &self,
        change: impl FnOnce() -> Result<T, RecordsError>,
    ) -> Result<T, RecordsError> {
        let path = self.folder.join(LOCK);
        let wrong = failed(&path, "locking");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(&wrong)?;
        lock.lock().map_err(&wrong)?;
        change()
    }

    /// Takes the lines out of all segments that `goes` says; gives their number. Segments that become empty go, but
    /// for the last: its number must not come again while a collector knows it.
    fn remove(&self, goes: &mut dyn FnMut(&Record) -> bool) -> Result<u64, RecordsError> {
        let mut n_removed = 0;
        for path in self.segments()? {
            let wrong = failed(&path, "rewriting");
            let part = self.folder.join(PART);
            let mut n_here = 0;
            let mut rewrite = || -> io::Result<()> {
                let mut kept = BufWriter::new(File::create(&part)?);
                for_each_line(&path, |line| {
                    // What is no record is about nobody that could be named: it stays, and is counted by readers.
                    if Record::from_json(line).is_ok_and(|record| goes(&record)) {
                        n_here += 1;
                        return Ok(());
                    }
                    kept.write_all(line)?;
                    kept.write_all(b"\n")
                })?;
                kept.flush()?;
                kept.get_ref().sync_all()
            };
            rewrite().map_err(&wrong)?;
            if n_here == 0 {
                fs::remove_file(&part).map_err(&wrong)?;
                continue;
            }
            fs::rename(&part, &path).map_err(&wrong)?;
            n_removed += n_here;
        }
        #[cfg(unix)]
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed(&self.folder, "syncing"))?;
        Ok(n_removed)
    }
}

impl RecordStore for FolderStore {
    fn address(&self) -> String {
        self.folder.display().to_string()
    }

    fn read(
        &self,
        query: &RecordQuery,
        take: &mut dyn FnMut(Record),
    ) -> Result<ReadCounts, RecordsError> {
        let mut counts = ReadCounts::default();
        let mut seen: HashSet<u128> = HashSet::new();
        for path in self.segments()? {
            let shown = for_each_line(&path, |line| {
                match Record::from_json(line) {
                    Ok(record) => {
                        let is_asked_for = query.kinds.contains(&record.kind())
                            && (query.from_ms..query.to_ms).contains(&record.time_ms());
                        if !is_asked_for {
                            return Ok(());
                        }
                        // A record's id was checked to be 32 digits.
                        let id = u128::from_str_radix(record.id(), 16).unwrap_or_default();
                        if seen.insert(id) {
                            counts.n_records += 1;
                            take(record);
                        } else {
                            counts.n_twice += 1;
                        }
                    }
                    Err(error) => {
                        let cause = error.cause().to_owned();
                        *counts.n_invalid.entry(cause).or_default() += 1;
                    }
                }
                Ok(())
            });
            shown.map_err(failed(&path, "reading"))?;
        }
        Ok(counts)
    }

    fn delete_before(&self, time_ms: u64) -> Result<u64, RecordsError> {
        self.locked(|| self.remove(&mut |record| record.time_ms() < time_ms))
    }

    fn expire_after(&self, _: u64) -> Result<Expiry, RecordsError> {
        Ok(Expiry::Unsupported {
            reason: "a folder deletes nothing by itself".to_owned(),
        })
    }

    fn erase(
        &self,
        subjects: &BTreeSet<String>,
        before_ms: u64,
    ) -> Result<ErasedRecords, RecordsError> {
        let is_covered = |record: &Record| {
            let source = record.source();
            record.time_ms() < before_ms && source.is_some_and(|it| subjects.contains(it))
        };
        self.locked(|| {
            let mut predictions = BTreeSet::new();
            let answers = RecordQuery {
                kinds: vec![RecordKind::Prediction],
                from_ms: 0,
                to_ms: u64::MAX,
            };
            self.read(&answers, &mut |record| {
                if is_covered(&record) {
                    predictions.insert(record.id().to_owned());
                }
            })?;
            let is_label_of = |record: &Record| matches!(record, Record::Label(label) if predictions.contains(&label.prediction));
            // Labels first: they are found by predictions, which an interruption must leave.
            let n_labels = self.remove(&mut |record| is_label_of(record))?;
            let n_answers = self.remove(&mut |record| {
                let is_shadow_of = matches!(record, Record::Shadow(shadow) if predictions.contains(&shadow.prediction));
                is_shadow_of || is_covered(record)
            })?;
            Ok(ErasedRecords {
                n_answers,
                n_labels,
            })
        })
    }
}

//! Records that the server will never take, with its reason, kept for whoever mends the cause.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::disk::Disk;
use super::error::SpoolError;
use super::frame;
use super::spool_log::frames;

const NAME: &str = "dead.log";
/// The older half, once there are many.
const OLD: &str = "dead.old.log";
/// The letters on their way to be rewritten.
const PART: &str = "dead.part";

/// A record that the server will never take.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The number that it had.
    pub seq: u64,
    /// What the server said.
    pub reason: String,
    /// The record.
    pub record: Box<RawValue>,
}

/// The files of dead letters.
#[derive(Debug)]
pub(super) struct DeadLetters {
    n_bytes: u64,
    n_old_bytes: u64,
    max_bytes: u64,
    made: bool,
}

impl DeadLetters {
    pub(super) fn open(disk: &impl Disk, max_bytes: u64) -> Self {
        let end = |name| {
            let bytes = disk.read(name, 0, usize::MAX >> 1).unwrap_or_default();
            frames(&bytes)
                .last()
                .map_or(0, |(at, it)| at + it.n_bytes()) as u64
        };
        Self {
            n_bytes: end(NAME),
            n_old_bytes: end(OLD),
            max_bytes,
            made: false,
        }
    }

    pub(super) fn n_bytes(&self) -> u64 {
        self.n_bytes + self.n_old_bytes
    }

    pub(super) fn push(
        &mut self,
        disk: &mut impl Disk,
        seq: u64,
        reason: &str,
        record: &[u8],
    ) -> Result<(), SpoolError> {
        let text = String::from_utf8_lossy(record).into_owned();
        // What is no JSON is kept as text.
        let record = RawValue::from_string(text.clone())
            .or_else(|_| serde_json::value::to_raw_value(&text))
            .unwrap_or_default();
        let reason = reason.chars().take(500).collect();
        let mut letter = DeadLetter {
            seq,
            reason,
            record,
        };
        let mut json = serde_json::to_vec(&letter).unwrap_or_default();
        if json.len() > frame::MAX_READ {
            // Only what is no JSON grows so much, and nothing writes such records.
            letter.record = Box::default();
            json = serde_json::to_vec(&letter).unwrap_or_default();
        }
        let mut bytes = Vec::new();
        frame::push(&mut bytes, seq, &json);
        if self.n_bytes + bytes.len() as u64 > self.max_bytes / 2 && self.n_bytes > 0 {
            // Letters of this very batch may stand there.
            disk.sync(NAME)
                .and_then(|()| disk.rename(NAME, OLD))
                .and_then(|()| disk.sync_names())
                .map_err(SpoolError::file("rename", NAME))?;
            self.n_old_bytes = self.n_bytes;
            self.n_bytes = 0;
            self.made = false;
        }
        disk.write(NAME, self.n_bytes, &bytes)
            .map_err(SpoolError::file("write", NAME))?;
        self.n_bytes += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn sync(&mut self, disk: &mut impl Disk) -> Result<(), SpoolError> {
        let synced = disk.sync(NAME).and_then(|()| {
            if self.made {
                return Ok(());
            }
            disk.sync_names()
        });
        self.made = synced.is_ok();
        synced.map_err(SpoolError::file("write", NAME))
    }

    /// Every letter once, oldest first.
    pub(super) fn read(disk: &impl Disk) -> Vec<DeadLetter> {
        let mut letters: Vec<DeadLetter> = Vec::new();
        for name in [OLD, NAME] {
            let bytes = disk.read(name, 0, usize::MAX >> 1).unwrap_or_default();
            for (_, frame) in frames(&bytes) {
                letters.extend(serde_json::from_slice::<DeadLetter>(frame.record).ok());
            }
        }
        // One that was written before a crash and again after it stands there twice.
        letters.sort_by_key(|it| it.seq);
        letters.dedup_by_key(|it| it.seq);
        letters
    }

    /// Takes letters out whose records match.
    pub(super) fn erase(
        &mut self,
        disk: &mut impl Disk,
        matches: &dyn Fn(&[u8]) -> bool,
    ) -> Result<(), SpoolError> {
        let letters = Self::read(disk);
        let n_letters = letters.len();
        let kept: Vec<DeadLetter> = letters
            .into_iter()
            .filter(|it| !matches(it.record.get().as_bytes()))
            .collect();
        if kept.len() == n_letters {
            return Ok(());
        }
        let mut bytes = Vec::new();
        for letter in &kept {
            let json = serde_json::to_vec(letter).unwrap_or_default();
            frame::push(&mut bytes, letter.seq, &json);
        }
        let failed = SpoolError::file("rewrite", NAME);
        disk.write(PART, 0, &[])
            .and_then(|()| disk.truncate(PART, 0))
            .and_then(|()| disk.write(PART, 0, &bytes))
            .and_then(|()| disk.sync(PART))
            .and_then(|()| disk.rename(PART, NAME))
            .and_then(|()| disk.sync_names())
            .map_err(failed)?;
        // All letters stand in one file now. The older one may be there although nothing counts it: a renaming that
        // failed half-way leaves it so.
        let names = disk.list().map_err(SpoolError::file("list", NAME))?;
        if names.iter().any(|it| it == OLD) {
            disk.remove(OLD).map_err(SpoolError::file("remove", OLD))?;
        }
        self.n_bytes = bytes.len() as u64;
        self.n_old_bytes = 0;
        self.made = false;
        Ok(())
    }

    pub(super) fn clear(&mut self, disk: &mut impl Disk) -> Result<(), SpoolError> {
        let names = disk
            .list()
            .map_err(SpoolError::file("list", "the folder"))?;
        for name in [OLD, NAME] {
            if names.iter().any(|it| it == name) {
                disk.remove(name)
                    .map_err(SpoolError::file("remove", name))?;
            }
        }
        self.n_bytes = 0;
        self.n_old_bytes = 0;
        self.made = false;
        Ok(())
    }
}

/// Every dead letter of a spool, oldest first.
#[must_use]
pub fn dead_letters(disk: &impl Disk) -> Vec<DeadLetter> {
    DeadLetters::read(disk)
}

//! The spool without its threads: records in, records out, what became of them, on any [`Disk`].

mod erasure;
mod repair;
mod writing;

use std::collections::BTreeSet;

use super::batch::{Batch, Fate, Settled};
use super::config::{SpoolConfig, WhenFull};
use super::counters::Counters;
use super::dead_letters::DeadLetters;
use super::disk::Disk;
use super::error::SpoolError;
use super::frame;
use super::ledger::{self, Ledger, LedgerFile};
use super::survey::{Segment, Survey};

/// The largest part of a damaged place that is kept, and of all of them together.
const MAX_QUARANTINE: u64 = 16 << 20;
const QUARANTINE: &str = "quarantine-";

/// A queue of records on a disk. Numbers go up by one a record, from 1.
#[derive(Debug)]
pub struct SpoolLog<D> {
    disk: D,
    config: SpoolConfig,
    segments: Vec<Segment>,
    ledger_file: LedgerFile,
    dead: DeadLetters,
    next_seq: u64,
    damaged_ahead: u64,
    /// Records not settled yet that were erased.
    erased_ahead: BTreeSet<u64>,
    /// How often records were erased since this was opened.
    epoch: u64,
    /// A writing to the last segment failed: what stands behind its last record is unknown.
    broken: bool,
    /// Where the last segment's file ends: zeros stand behind its last record. None where no room could be taken.
    room_end: Option<u64>,
    /// Where the record after the last settled one may begin: a segment and an offset.
    cursor: (u64, u64),
    torn_bytes: u64,
    quarantined_bytes: u64,
}

impl<D: Disk> SpoolLog<D> {
    /// Opens what stands on the disk and mends it: a torn end is cut, damage is put aside and counted.
    ///
    /// # Errors
    /// [`SpoolError::File`] where the folder's names cannot be read; damage of any file is no error.
    pub fn open(disk: D, config: SpoolConfig) -> Result<Self, SpoolError> {
        let mut disk = disk;
        let names = disk.list().unwrap_or_default();
        let stands_there = |name: &str| names.iter().any(|it| it == name);
        // A crash while records were erased left it: the segment itself stands beside it, whole.
        if stands_there(erasure::PART) {
            let _ = disk.remove(erasure::PART);
        }
        // A writing of the ledger that failed may be read now and gone after a crash: nothing is removed on its word before
        // it is durable.
        let may_remove = stands_there(ledger::NAME) && disk.sync(ledger::NAME).is_ok();
        let survey = Survey::of(&disk)?;
        let dead = DeadLetters::open(&disk, config.max_dead_bytes);
        let mut log = Self {
            disk,
            config,
            segments: Vec::new(),
            ledger_file: survey.ledger_file,
            dead,
            next_seq: survey.next_seq,
            damaged_ahead: survey.damaged_ahead,
            erased_ahead: survey.erased_ahead,
            epoch: 0,
            // The first record goes to a segment of its own: nothing is ever written over.
            broken: true,
            room_end: None,
            cursor: (0, 0),
            torn_bytes: 0,
            quarantined_bytes: 0,
        };
        // Where it fails, a full disk can only refuse: that is no reason not to start.
        let _ = log.ledger_file.reserve(&mut log.disk);
        let n_segments = survey.segments.len();
        for (idx, mut segment) in survey.segments.into_iter().enumerate() {
            if segment.unreadable.is_some() {
                // Its name stays free for no one; a file that cannot even be renamed stays where it is.
                let aside = format!("{QUARANTINE}{}", segment.name);
                let _ = log.disk.rename(&segment.name, &aside);
                continue;
            }
            log.quarantine(&segment);
            if segment.torn > 0 || segment.unused > 0 {
                log.torn_bytes += segment.torn;
                // Left standing, it would be read over again; that is all.
                let _ = log.disk.truncate(&segment.name, segment.n_bytes);
                (segment.torn, segment.unused) = (0, 0);
            }
            let is_last = idx + 1 == n_segments;
            if segment.last_seq <= log.ledger().acked_seq && !is_last && may_remove {
                let _ = log.disk.remove(&segment.name);
                continue;
            }
            // A writing that failed may have come in part, and count now: before the ledger says that it is durable.
            let _ = log.disk.sync(&segment.name);
            log.segments.push(segment);
        }
        Ok(log)
    }

    /// Keeps a copy of what is no record. A copy is made once: its name says where it stood, and what it is.
    fn quarantine(&mut self, segment: &Segment) {
        let names = self.disk.list().unwrap_or_default();
        for range in &segment.damage {
            let n_bytes = range.end - range.start;
            self.quarantined_bytes += n_bytes;
            let room = MAX_QUARANTINE.saturating_sub(self.quarantined_bytes);
            if n_bytes > room {
                continue;
            }
            let read = self.disk.read(&segment.name, range.start, n_bytes as usize);
            let copied = read.and_then(|bytes| {
                let (first_seq, start) = (segment.first_seq, range.start);
                let crc = crc32fast::hash(&bytes);
                let name = format!("{QUARANTINE}{first_seq:016x}-{start}-{crc:08x}");
                if names.contains(&name) {
                    return Ok(());
                }
                self.disk.write(&name, 0, &bytes)
            });
            // Where there is no room for a copy, the damage is counted all the same.
            drop(copied);
        }
    }

    pub(super) fn ledger(&self) -> Ledger {
        self.ledger_file.ledger
    }

    /// Bytes of all segments.
    fn n_bytes(&self) -> u64 {
        self.segments.iter().map(|it| it.n_bytes).sum()
    }

    /// What the spool holds and what became of the rest.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let ledger = self.ledger();
        let accepted = self.next_seq - 1;
        Counters {
            accepted,
            delivered: ledger.delivered,
            pending: (accepted - ledger.acked_seq)
                .saturating_sub(self.damaged_ahead + self.erased_ahead.len() as u64),
            rejected: ledger.rejected,
            overflowed: ledger.overflowed,
            damaged: ledger.damaged + self.damaged_ahead,
            unaccounted: ledger.unaccounted,
            erased: ledger.erased + self.erased_ahead.len() as u64,
            acked_seq: ledger.acked_seq,
            bytes: self.n_bytes(),
            max_bytes: self.config.max_bytes,
            dead_bytes: self.dead.n_bytes(),
            torn_bytes: self.torn_bytes,
            quarantined_bytes: self.quarantined_bytes,
        }
    }

    /// Makes records durable, all of them or none, with one sync.
    ///
    /// # Errors
    /// [`SpoolError::Full`] by policy, [`SpoolError::RecordTooLarge`], or what the disk says.
    pub fn append<'r>(
        &mut self,
        records: impl Iterator<Item = &'r [u8]>,
    ) -> Result<(), SpoolError> {
        // Room for a group of single rows, at once.
        let mut bytes = Vec::with_capacity(16 << 10);
        let mut next_seq = self.next_seq;
        for record in records {
            if record.len() > frame::MAX_RECORD {
                return Err(SpoolError::RecordTooLarge {
                    found: record.len(),
                    max: frame::MAX_RECORD,
                });
            }
            frame::push(&mut bytes, next_seq, record);
            next_seq += 1;
        }
        if next_seq == self.next_seq {
            return Ok(());
        }
        self.make_room(bytes.len() as u64)?;
        let written = match self.write(&bytes) {
            Err(error) if error.is_disk_full() && self.config.when_full == WhenFull::DropOldest => {
                // The file system may be smaller than the limit.
                self.drop_oldest()?;
                self.write(&bytes)
            }
            written => written,
        };
        written?;
        let n_records = next_seq - self.next_seq;
        self.next_seq = next_seq;
        if let Some(active) = self.segments.last_mut() {
            active.n_bytes += bytes.len() as u64;
            active.n_records += n_records;
            active.last_seq = next_seq - 1;
        }
        Ok(())
    }

    fn make_room(&mut self, n_bytes: u64) -> Result<(), SpoolError> {
        let max = self.config.max_bytes;
        while self.n_bytes() + n_bytes > max {
            let used = self.n_bytes();
            let full = SpoolError::Full { used, max };
            if self.config.when_full == WhenFull::Refuse || n_bytes > max {
                return Err(full);
            }
            if !self.drop_oldest()? {
                return Err(full);
            }
        }
        Ok(())
    }

    /// Settles the oldest segment as dropped. Says whether there was one with records.
    fn drop_oldest(&mut self) -> Result<bool, SpoolError> {
        let Some(idx) = self.segments.iter().position(|it| it.n_records > 0) else {
            return Ok(false);
        };
        let oldest = &self.segments[idx];
        let (last_seq, acked_seq) = (oldest.last_seq, self.ledger().acked_seq);
        let bytes = self
            .disk
            .read(&oldest.name, 0, oldest.n_bytes as usize)
            .unwrap_or_default();
        let dropped = counting_frames(oldest, &bytes)
            .filter(|it| it.seq > acked_seq && it.is_record())
            .count() as u64;
        let erased = self.erased_ahead.range(..=last_seq).count() as u64;
        if idx + 1 == self.segments.len() {
            // The one that is written to goes as well; the next record begins another.
            self.broken = true;
        }
        let counts = Ledger {
            overflowed: dropped,
            erased,
            ..Ledger::default()
        };
        self.advance(last_seq.max(acked_seq), counts)?;
        Ok(true)
    }

    /// Settles records up to `through`; those that `counts` does not count are lost to damage.
    fn advance(&mut self, through: u64, counts: Ledger) -> Result<(), SpoolError> {
        let mut ledger = self.ledger();
        let n_settled = through - ledger.acked_seq;
        let counted = counts.delivered + counts.rejected + counts.overflowed + counts.erased;
        let damaged = n_settled.saturating_sub(counted);
        ledger.acked_seq = through;
        ledger.last_seq = self.next_seq - 1;
        ledger.delivered += counts.delivered;
        ledger.rejected += counts.rejected;
        ledger.overflowed += counts.overflowed;
        ledger.damaged += damaged;
        ledger.erased += counts.erased;
        self.ledger_file.write(&mut self.disk, ledger)?;
        self.damaged_ahead = self.damaged_ahead.saturating_sub(damaged);
        self.erased_ahead = self.erased_ahead.split_off(&(through + 1));
        // The ledger is durable: the files may go. The last one is kept for what comes, while it has room.
        let has_room = |it: &Segment| it.n_bytes < self.config.segment_bytes();
        let keep_last = !self.broken && self.segments.last().is_some_and(has_room);
        let n_segments = self.segments.len();
        let mut idx = 0;
        let disk = &mut self.disk;
        self.segments.retain(|segment| {
            idx += 1;
            let done = segment.last_seq <= through && !(keep_last && idx == n_segments);
            // One that stays is settled: it is read over at the next start and removed then.
            if done {
                let _ = disk.remove(&segment.name);
            }
            !done
        });
        // Without its file the last segment is none to write to.
        self.broken |= self.segments.is_empty();
        Ok(())
    }

    /// The next records to deliver, oldest first; `None` where there is nothing.
    ///
    /// # Errors
    /// [`SpoolError::File`] where a segment cannot be read now.
    pub fn peek(
        &mut self,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Option<Batch>, SpoolError> {
        let acked_seq = self.ledger().acked_seq;
        for segment in &self.segments {
            if segment.last_seq <= acked_seq {
                continue;
            }
            let from = match self.cursor {
                (first_seq, offset) if first_seq == segment.first_seq => offset,
                _ => 0,
            };
            let left = segment.n_bytes.saturating_sub(from) as usize;
            // Settled records may stand before the first that counts: the window is not bound to `max_bytes`.
            let bytes = self
                .disk
                .read(&segment.name, from, left)
                .map_err(SpoolError::file("read", &segment.name))?;
            let mut batch = Batch {
                epoch: self.epoch,
                ..Batch::default()
            };
            let mut taken = 0;
            let mut end = 0;
            for (start, frame) in frames(&bytes) {
                if frame.seq > segment.last_seq {
                    break;
                }
                if frame.seq <= acked_seq.max(batch.through) || !segment.holds(frame.seq) {
                    end = start + frame.n_bytes();
                    continue;
                }
                if !frame.is_record() {
                    end = start + frame.n_bytes();
                    batch.through = frame.seq;
                    continue;
                }
                let would_take = taken + frame.record.len();
                if batch.records.len() == max_records
                    || (would_take > max_bytes && !batch.records.is_empty())
                {
                    break;
                }
                taken = would_take;
                end = start + frame.n_bytes();
                batch.through = frame.seq;
                batch.records.push((frame.seq, frame.record.to_vec()));
            }
            batch.cursor = (segment.first_seq, from + end as u64);
            if batch.records.is_empty() {
                // All that was left here is damaged: it is settled with nothing delivered.
                batch.through = segment.last_seq;
            }
            return Ok(Some(batch));
        }
        Ok(None)
    }

    /// Writes down what became of a batch. Records that were dropped meanwhile stay dropped.
    ///
    /// # Errors
    /// What the disk says; the batch is not settled then, and comes again.
    pub fn settle(&mut self, settled: &Settled) -> Result<(), SpoolError> {
        let acked_seq = self.ledger().acked_seq;
        let mut counts = Ledger {
            erased: self.erased_ahead.range(..=settled.through).count() as u64,
            ..Ledger::default()
        };
        let mut n_rejected = 0;
        for (seq, fate) in settled.fates.iter().filter(|(seq, _)| *seq > acked_seq) {
            // It may have been erased while it was under way.
            let is_erased = self.erased_ahead.contains(seq);
            match fate {
                Fate::Delivered => {
                    counts.delivered += 1;
                    // The store has it, and that is what counts.
                    counts.erased -= u64::from(is_erased);
                }
                Fate::Rejected { .. } if is_erased => {}
                Fate::Rejected { reason, record } => {
                    self.dead.push(&mut self.disk, *seq, reason, record)?;
                    n_rejected += 1;
                }
            }
        }
        counts.rejected = n_rejected;
        if n_rejected > 0 {
            self.dead.sync(&mut self.disk)?;
        }
        if settled.through > acked_seq {
            self.advance(settled.through, counts)?;
            // Offsets of before an erasure mean nothing after it.
            self.cursor = if settled.epoch == self.epoch {
                settled.cursor
            } else {
                (0, 0)
            };
        }
        Ok(())
    }

    /// Writes down how many records are durable. Damage to the end of what the ledger knows is seen as damage;
    /// without it, as a writing that power cut short.
    ///
    /// # Errors
    /// What the disk says.
    pub fn checkpoint(&mut self) -> Result<(), SpoolError> {
        let mut ledger = self.ledger();
        if ledger.last_seq == self.next_seq - 1 {
            return Ok(());
        }
        ledger.last_seq = self.next_seq - 1;
        self.ledger_file.write(&mut self.disk, ledger)
    }

    /// As [`SpoolLog::checkpoint`], and gives back what room was taken for records that did not come. The next record
    /// begins a segment of its own.
    ///
    /// # Errors
    /// What the disk says.
    pub fn close(&mut self) -> Result<(), SpoolError> {
        let active = self.segments.last().filter(|_| !self.broken);
        if let Some((name, end)) = active.map(|it| (it.name.clone(), it.n_bytes)) {
            self.broken = true;
            // Where it stays it is cut at the next start.
            let _ = self.disk.truncate(&name, end);
        }
        self.checkpoint()
    }

    /// Takes dead letters back as new records, durably, and removes them from among the dead. Gives their number.
    ///
    /// # Errors
    /// As [`SpoolLog::append`].
    pub fn replay(&mut self) -> Result<u64, SpoolError> {
        let letters = DeadLetters::read(&self.disk);
        let mut n_replayed = 0;
        for some in letters.chunks(1000) {
            let records = some.iter().map(|it| it.record.get().as_bytes());
            self.append(records)?;
            n_replayed += some.len() as u64;
        }
        self.dead.clear(&mut self.disk)?;
        Ok(n_replayed)
    }

    fn segment_bytes(&self, segment: &Segment) -> Result<Vec<u8>, SpoolError> {
        self.disk
            .read(&segment.name, 0, segment.n_bytes as usize)
            .map_err(SpoolError::file("read", &segment.name))
    }

    #[cfg(test)]
    pub(super) fn into_disk(self) -> D {
        self.disk
    }

    #[cfg(test)]
    pub(super) fn disk_mut(&mut self) -> &mut D {
        &mut self.disk
    }
}

/// All frames of a segment's bytes, with where each begins; damage between them is passed over.
pub(super) fn frames(bytes: &[u8]) -> impl Iterator<Item = (usize, frame::Frame<'_>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = frame::find(bytes, at)?;
        let frame = frame::read(&bytes[start..])?;
        at = start + frame.n_bytes();
        Some((start, frame))
    })
}

/// The frames of a segment's bytes that count: its numbers, going up. Others may stand there, behind a writing that failed
/// or in a file that was meddled with, and were not counted when it was read.
fn counting_frames<'b>(
    segment: &Segment,
    bytes: &'b [u8],
) -> impl Iterator<Item = frame::Frame<'b>> {
    let mut expected = segment.first_seq;
    let last_seq = segment.last_seq;
    frames(bytes).filter_map(move |(_, it)| {
        let counts = (expected..=last_seq).contains(&it.seq);
        if counts {
            expected = it.seq + 1;
        }
        counts.then_some(it)
    })
}

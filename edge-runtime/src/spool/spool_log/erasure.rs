//! Records taken out of the middle of the spool, because whoever they are about wishes so.

use std::collections::BTreeSet;

use super::super::dead_letters::DeadLetters;
use super::super::disk::Disk;
use super::super::error::SpoolError;
use super::super::frame;
use super::{QUARANTINE, SpoolLog, counting_frames};

/// A segment on its way to be rewritten.
pub(super) const PART: &str = "rewritten.part";

impl<D: Disk> SpoolLog<D> {
    /// Shows every record that stands on the disk: those that wait, settled ones whose segment is still there, and dead
    /// letters.
    ///
    /// # Errors
    /// [`SpoolError::File`] where a segment cannot be read now.
    pub fn for_each(&self, show: &mut dyn FnMut(&[u8])) -> Result<(), SpoolError> {
        for segment in self.segments.iter().filter(|it| it.n_records > 0) {
            for frame in counting_frames(segment, &self.segment_bytes(segment)?) {
                if frame.gap_start().is_none() {
                    show(frame.record);
                }
            }
        }
        for letter in DeadLetters::read(&self.disk) {
            show(letter.record.get().as_bytes());
        }
        Ok(())
    }

    /// Erases the records that match, wherever they stand: a stub takes the place of each, under its number, so that
    /// nothing looks like damage. Those that waited are counted as dropped. Bytes put aside as damaged cannot be
    /// looked into: they all go. Gives how many records waited.
    ///
    /// Each segment is replaced as a whole: a crash leaves it as it was or erased, and erasing again does the rest.
    ///
    /// # Errors
    /// What the disk says of the first segment that could not be rewritten; the others are.
    pub fn erase(&mut self, matches: &dyn Fn(&[u8]) -> bool) -> Result<u64, SpoolError> {
        let (mut n_erased, mut outcome) = (0, Ok(()));
        for idx in 0..self.segments.len() {
            match self.erase_in(idx, matches) {
                Ok(n_here) => n_erased += n_here,
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        outcome = outcome.and(self.dead.erase(&mut self.disk, matches));
        for name in self.disk.list().unwrap_or_default() {
            if name.starts_with(QUARANTINE) {
                let removed = self.disk.remove(&name);
                outcome = outcome.and(removed.map_err(SpoolError::file("remove", &name)));
            }
        }
        outcome.map(|()| n_erased)
    }

    fn erase_in(&mut self, idx: usize, matches: &dyn Fn(&[u8]) -> bool) -> Result<u64, SpoolError> {
        let segment = &self.segments[idx];
        if segment.n_records == 0 {
            return Ok(0);
        }
        let name = segment.name.clone();
        let acked_seq = self.ledger().acked_seq;
        let bytes = self.segment_bytes(segment)?;
        let mut rewritten = Vec::with_capacity(bytes.len());
        let (mut n_stubs, mut waited) = (0, BTreeSet::new());
        for it in counting_frames(segment, &bytes) {
            let goes = it.is_record() && matches(it.record);
            let record = if goes { frame::ERASED } else { it.record };
            frame::push(&mut rewritten, it.seq, record);
            n_stubs += u64::from(goes);
            if goes && it.seq > acked_seq {
                waited.insert(it.seq);
            }
        }
        if n_stubs == 0 {
            return Ok(0);
        }
        self.replace(&name, &rewritten)?;
        self.segments[idx].n_bytes = rewritten.len() as u64;
        let n_waited = waited.len() as u64;
        self.erased_ahead.append(&mut waited);
        // One that was full would be small enough to be written to again, and the next may have begun.
        self.broken |= idx + 1 == self.segments.len();
        self.epoch += 1;
        self.cursor = (0, 0);
        let synced = self.disk.sync_names();
        synced.map_err(SpoolError::file("rewrite", &name))?;
        Ok(n_waited)
    }

    /// Puts a file in the place of a segment: a crash leaves the one or the other. The name is durable once the names are
    /// synced.
    pub(super) fn replace(&mut self, name: &str, bytes: &[u8]) -> Result<(), SpoolError> {
        let written = self
            .disk
            .write(PART, 0, &[])
            .and_then(|()| self.disk.truncate(PART, 0))
            .and_then(|()| self.disk.write(PART, 0, bytes))
            .and_then(|()| self.disk.sync(PART))
            .and_then(|()| self.disk.rename(PART, name));
        written.map_err(SpoolError::file("rewrite", name))
    }
}

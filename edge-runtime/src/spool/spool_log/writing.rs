//! Bytes into the last segment, and room for those to come.

use super::super::disk::Disk;
use super::super::error::SpoolError;
use super::super::survey::Segment;
use super::SpoolLog;

/// What a segment is lengthened by at a time, with zeros: a writing into room that is taken already is synced without
/// the file system's journal.
const ROOM_AT_A_TIME: u64 = 256 << 10;

impl<D: Disk> SpoolLog<D> {
    /// Writes frames behind the last one, durably.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        let is_full = |it: &Segment| it.n_bytes >= self.config.segment_bytes();
        if self.broken || self.segments.last().is_none_or(is_full) {
            self.start_segment()?;
        }
        let Some(active) = self.segments.last() else {
            return Err(SpoolError::Closed);
        };
        let (name, offset) = (active.name.clone(), active.n_bytes);
        let written = self.disk.write(&name, offset, bytes);
        if written.is_ok() {
            self.take_room(&name, offset + bytes.len() as u64);
        }
        let written = written.and_then(|()| self.disk.sync(&name));
        // After a failed sync nobody knows what stands on the disk: the file is not written to again.
        self.broken = written.is_err();
        written.map_err(SpoolError::file("write", &name))
    }

    /// Lengthens the last segment, whose records will end at `end`, by zeros where its room is used up: within what a
    /// segment and all of them may have.
    fn take_room(&mut self, name: &str, end: u64) {
        let Some(room_end) = self.room_end.filter(|it| *it < end) else {
            return;
        };
        let others = self.n_bytes() - self.segments.last().map_or(0, |it| it.n_bytes);
        let most = self.config.segment_bytes();
        let most = most.min(self.config.max_bytes.saturating_sub(others));
        let new_end = (end + ROOM_AT_A_TIME).min(most);
        if new_end <= end {
            self.room_end = Some(room_end.max(end));
            return;
        }
        let zeros = vec![0; (new_end - end) as usize];
        self.room_end = if self.disk.write(name, end, &zeros).is_ok() {
            Some(new_end)
        } else {
            // There is no room beyond the records: others on this disk may need what is left.
            let _ = self.disk.truncate(name, end);
            None
        };
    }

    fn start_segment(&mut self) -> Result<(), SpoolError> {
        let segment = Segment::new(self.next_seq);
        let name = segment.name.clone();
        // A segment without a record has the name already.
        if self.segments.last().is_some_and(|it| it.n_records == 0) {
            self.segments.pop();
        }
        self.disk
            .write(&name, 0, &[])
            .and_then(|()| self.disk.truncate(&name, 0))
            .and_then(|()| self.disk.sync(&name))
            .and_then(|()| self.disk.sync_names())
            .map_err(SpoolError::file("make", &name))?;
        self.segments.push(segment);
        self.broken = false;
        self.room_end = Some(0);
        Ok(())
    }
}

//! Damage taken out of the segments: what it cost is said by a mark in its place.

use super::super::disk::Disk;
use super::super::error::SpoolError;
use super::super::frame;
use super::super::survey::Segment;
use super::{SpoolLog, counting_frames};

impl<D: Disk> SpoolLog<D> {
    /// Leaves a spool in which nothing is amiss: damaged bytes, which have been put aside, go from the segments, and a
    /// mark says which numbers are missing. The records that they were stay counted as damaged. A ledger that was lost
    /// is written again.
    ///
    /// Each segment is replaced as a whole: a crash leaves it as it was or mended, and repairing again does the rest.
    ///
    /// # Errors
    /// What the disk says.
    pub fn repair(&mut self) -> Result<(), SpoolError> {
        // What is missing is told by the ledger too, where the end of the last segment is gone.
        self.ledger_file
            .write_again(&mut self.disk, self.next_seq - 1)?;
        let first_pending = self.ledger().acked_seq + 1;
        let first_seq = self
            .segments
            .first()
            .map_or(self.next_seq, |it| it.first_seq);
        if first_seq > first_pending {
            // The first segment of all is lost. Its name is free.
            self.segments.insert(0, Segment::new(first_pending));
        }
        let mut outcome = Ok(());
        for idx in 0..self.segments.len() {
            let next = self.segments.get(idx + 1);
            let next_seq = next.map_or(self.next_seq, |it| it.first_seq);
            outcome = outcome.and(self.repair_segment(idx, next_seq));
        }
        let synced = self.disk.sync_names();
        outcome.and(synced.map_err(SpoolError::file("rewrite", "the folder")))
    }

    /// Rewrites a segment whose numbers end before `next_seq`, unless there is nothing amiss.
    fn repair_segment(&mut self, idx: usize, next_seq: u64) -> Result<(), SpoolError> {
        let acked_seq = self.ledger().acked_seq;
        let segment = &self.segments[idx];
        let bytes = if segment.n_records > 0 {
            self.segment_bytes(segment)?
        } else {
            Vec::new()
        };
        let mut rewritten = Vec::with_capacity(bytes.len());
        let mut mended = Segment::new(segment.first_seq);
        // The lowest number whose fate is not known yet.
        let mut expected = segment.first_seq.max(acked_seq + 1);
        let mut is_sound = segment.damage.is_empty();
        let mut mark = |out: &mut Vec<u8>, expected: u64, seq: u64| {
            if seq > expected {
                frame::push_gap(out, expected, seq - 1);
                mended.n_records += 1;
                mended.last_seq = seq - 1;
                is_sound = false;
            }
        };
        let mut last_seq = segment.first_seq - 1;
        let mut n_frames = 0;
        for it in counting_frames(segment, &bytes) {
            last_seq = it.seq;
            mark(&mut rewritten, expected, it.gap_start().unwrap_or(it.seq));
            expected = expected.max(it.seq + 1);
            frame::push(&mut rewritten, it.seq, it.record);
            n_frames += 1;
        }
        mark(&mut rewritten, expected, next_seq);
        if is_sound {
            return Ok(());
        }
        mended.n_records += n_frames;
        mended.last_seq = mended.last_seq.max(last_seq);
        mended.n_bytes = rewritten.len() as u64;
        let name = mended.name.clone();
        self.replace(&name, &rewritten)?;
        self.segments[idx] = mended;
        // Offsets of before mean nothing now, and the last one may be short enough to be written to again.
        self.broken = true;
        self.epoch += 1;
        self.cursor = (0, 0);
        Ok(())
    }
}

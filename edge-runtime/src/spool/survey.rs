//! What stands on the disk: every segment read to its end, nothing changed.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::Serialize;

use super::disk::Disk;
use super::error::SpoolError;
use super::frame::{self, MAX_SEQ};
use super::ledger::{Ledger, LedgerFile};
use super::spool_log::frames;

const PREFIX: &str = "segment-";
const SUFFIX: &str = ".log";

/// A file of frames whose numbers go up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// The file.
    pub name: String,
    /// The number that its first record has or would have.
    pub first_seq: u64,
    /// The number of its last record; below `first_seq` where it has none.
    pub last_seq: u64,
    /// How many records it has.
    pub n_records: u64,
    /// Bytes up to the end of the last record.
    pub n_bytes: u64,
    /// Bytes between records that are no record.
    pub damage: Vec<Range<u64>>,
    /// Bytes behind the last record that are no record: what was being written as the power went.
    pub torn: u64,
    /// Zeros behind all that: room that was taken for records to come.
    pub unused: u64,
    /// Why the file cannot be read at all.
    pub unreadable: Option<String>,
}

impl Segment {
    pub(super) fn new(first_seq: u64) -> Self {
        Self {
            name: segment_name(first_seq),
            first_seq,
            last_seq: first_seq.saturating_sub(1),
            n_records: 0,
            n_bytes: 0,
            damage: Vec::new(),
            torn: 0,
            unused: 0,
            unreadable: None,
        }
    }
}

impl Segment {
    /// Whether a record with this number is one of the segment's. Others may stand in the file: behind a writing that
    /// failed, or in a file that got another's name.
    pub(super) fn holds(&self, seq: u64) -> bool {
        (self.first_seq..=self.last_seq).contains(&seq)
    }
}

pub(super) fn segment_name(first_seq: u64) -> String {
    format!("{PREFIX}{first_seq:016x}{SUFFIX}")
}

fn first_seq_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let first_seq = u64::from_str_radix(digits, 16).ok()?;
    let is_one = (1..=MAX_SEQ).contains(&first_seq) && segment_name(first_seq) == name;
    is_one.then_some(first_seq)
}

/// What stands on the disk.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// In the order of their records.
    pub segments: Vec<Segment>,
    /// What is settled; made up from the segments where the ledger is lost.
    pub ledger: Ledger,
    /// Whether segments stand there without a ledger.
    pub ledger_lost: bool,
    /// The number that the next record gets.
    pub next_seq: u64,
    /// Records behind the settled ones that are lost to damage.
    pub damaged_ahead: u64,
    /// Those of them that a mark stands for: a repair has seen to them.
    pub repaired_ahead: u64,
    /// Records not settled yet that were erased.
    pub erased_ahead: BTreeSet<u64>,
    pub(super) ledger_file: LedgerFile,
}

impl Survey {
    /// Reads everything. A file that cannot be read is a finding, not an error.
    ///
    /// # Errors
    /// [`SpoolError::File`] where the folder's names cannot be read.
    pub fn of(disk: &impl Disk) -> Result<Self, SpoolError> {
        let names = disk
            .list()
            .map_err(SpoolError::file("list", "the folder"))?;
        let mut first_seqs: Vec<u64> = names.iter().filter_map(|it| first_seq_of(it)).collect();
        first_seqs.sort_unstable();
        let mut segments = Vec::with_capacity(first_seqs.len());
        let mut seen = Vec::new();
        let mut erased = Vec::new();
        for (idx, first_seq) in first_seqs.iter().enumerate() {
            // A writing that failed may have left records behind the number where the next segment began anew.
            let limit = first_seqs.get(idx + 1).copied().unwrap_or(u64::MAX);
            segments.push(read_segment(
                disk,
                *first_seq,
                limit,
                &mut seen,
                &mut erased,
            ));
        }
        let found = LedgerFile::read(disk);
        let ledger_lost = found.is_none() && first_seqs.first().is_some_and(|first| *first > 1);
        let mut ledger_file = found.unwrap_or_default();
        if ledger_lost {
            let settled = first_seqs[0] - 1;
            ledger_file.ledger = Ledger {
                acked_seq: settled,
                last_seq: settled,
                unaccounted: settled,
                ..Ledger::default()
            };
        }
        let ledger = ledger_file.ledger;
        let mut expected = ledger.acked_seq + 1;
        let (mut damaged_ahead, mut repaired_ahead) = (0, 0);
        let acked_seq = ledger.acked_seq;
        let erased_ahead = erased.into_iter().filter(|seq| *seq > acked_seq).collect();
        for (gap_start, seq) in seen.into_iter().filter(|it| it.1 > ledger.acked_seq) {
            damaged_ahead += seq - expected;
            if let Some(first) = gap_start {
                damaged_ahead += 1;
                repaired_ahead += seq + 1 - first.max(expected);
            }
            expected = seq + 1;
        }
        // What was durable once counts, also where its end is gone.
        let known = ledger
            .last_seq
            .max(first_seqs.last().map_or(0, |it| it - 1));
        damaged_ahead += (known + 1).saturating_sub(expected);
        Ok(Self {
            segments,
            ledger,
            ledger_lost,
            next_seq: expected.max(known + 1),
            damaged_ahead,
            repaired_ahead,
            erased_ahead,
            ledger_file,
        })
    }

    /// Hands on every pending record with its number, oldest first, until `take` fails.
    ///
    /// # Errors
    /// What `take` says.
    pub fn pending<E>(
        &self,
        disk: &impl Disk,
        mut take: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut last_seq = self.ledger.acked_seq;
        for segment in &self.segments {
            let read = disk.read(&segment.name, 0, segment.n_bytes as usize);
            for (_, frame) in frames(&read.unwrap_or_default()) {
                if !frame.is_record() {
                    continue;
                }
                if frame.seq > last_seq && segment.holds(frame.seq) {
                    last_seq = frame.seq;
                    take(frame.seq, frame.record)?;
                }
            }
        }
        Ok(())
    }

    /// Whether nothing is amiss: no damage but what a repair has seen to.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let whole = |it: &Segment| it.damage.is_empty() && it.unreadable.is_none();
        self.damaged_ahead == self.repaired_ahead
            && !self.ledger_lost
            && self.segments.iter().all(whole)
    }
}

/// Reads a segment to its end; numbers of its records go to `seen`, with the first one that a mark of damage stands for.
/// Numbers that do not go up, or reach `limit`,
/// are not the segment's.
fn read_segment(
    disk: &impl Disk,
    first_seq: u64,
    limit: u64,
    seen: &mut Vec<(Option<u64>, u64)>,
    erased: &mut Vec<u64>,
) -> Segment {
    let mut segment = Segment::new(first_seq);
    let bytes = match disk.read(&segment.name, 0, usize::MAX >> 1) {
        Ok(bytes) => bytes,
        Err(error) => {
            segment.unreadable = Some(error.to_string());
            return segment;
        }
    };
    // Where to look on, and where the last record that counts ends.
    let (mut at, mut end) = (0, 0);
    while let Some(start) = frame::find(&bytes, at) {
        let Some(frame) = frame::read(&bytes[start..]) else {
            break;
        };
        if frame.seq >= limit {
            break;
        }
        at = start + frame.n_bytes();
        // A record of another file is no more than bytes between records here.
        if frame.seq <= segment.last_seq {
            continue;
        }
        if start > end {
            segment.damage.push(end as u64..start as u64);
        }
        end = at;
        segment.last_seq = frame.seq;
        segment.n_records += 1;
        seen.push((frame.gap_start(), frame.seq));
        if frame.record == frame::ERASED {
            erased.push(frame.seq);
        }
    }
    segment.n_bytes = end as u64;
    let behind = &bytes[end..];
    let torn = behind.iter().rposition(|byte| *byte != 0);
    segment.torn = torn.map_or(0, |at| at as u64 + 1);
    segment.unused = behind.len() as u64 - segment.torn;
    segment
}

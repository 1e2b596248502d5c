//! What the spool holds and what became of the rest.

use serde::Serialize;

/// Records since the spool was made, and bytes now. `accepted = delivered + pending + dropped` always holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Made durable; also the number of the last record.
    pub accepted: u64,
    /// Taken by the server.
    pub delivered: u64,
    /// Waiting.
    pub pending: u64,
    /// Dropped: refused by the server for good; kept among the dead letters.
    pub rejected: u64,
    /// Dropped to make room.
    pub overflowed: u64,
    /// Dropped: lost to damage of the files.
    pub damaged: u64,
    /// Dropped: settled before the ledger itself was lost.
    pub unaccounted: u64,
    /// Dropped: erased because whoever they were about wished so.
    pub erased: u64,
    /// Records up to this one are settled.
    pub acked_seq: u64,
    /// What the segments take.
    pub bytes: u64,
    /// What they may take.
    pub max_bytes: u64,
    /// What the dead letters take.
    pub dead_bytes: u64,
    /// Cut from the end at this start.
    pub torn_bytes: u64,
    /// Found damaged at this start.
    pub quarantined_bytes: u64,
}

impl Counters {
    /// Records that will never be delivered, by reason.
    #[must_use]
    pub fn dropped_by_reason(&self) -> [(&'static str, u64); 5] {
        [
            ("rejected", self.rejected),
            ("overflowed", self.overflowed),
            ("damaged", self.damaged),
            ("unaccounted", self.unaccounted),
            ("erased", self.erased),
        ]
    }

    /// Records that will never be delivered.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped_by_reason().iter().map(|(_, n)| n).sum()
    }
}

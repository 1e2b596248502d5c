//! Records on their way out, and what became of them.

/// Records to deliver, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Each with its number. Numbers that are missing are lost to damage.
    pub records: Vec<(u64, Vec<u8>)>,
    /// Settling all of the batch settles everything up to this number.
    pub through: u64,
    /// Where the next record begins.
    pub(super) cursor: (u64, u64),
    /// How often records had been erased when this was read: the cursor is of that time.
    pub(super) epoch: u64,
}

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The server has it.
    Delivered,
    /// The server will never take it.
    Rejected {
        /// What the server says.
        reason: String,
        /// The record.
        record: Vec<u8>,
    },
}

/// What became of the records of a batch, up to one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    pub(super) fates: Vec<(u64, Fate)>,
    pub(super) through: u64,
    pub(super) cursor: (u64, u64),
    pub(super) epoch: u64,
}

impl Batch {
    /// Takes the fates of the first records, in their order. Where some are left, the batch is settled up to them,
    /// and they come again.
    #[must_use]
    pub fn settle(&self, fates: Vec<Fate>) -> Settled {
        let is_whole = fates.len() >= self.records.len();
        let seqs = self.records.iter().map(|(seq, _)| *seq);
        let fates: Vec<(u64, Fate)> = seqs.zip(fates).collect();
        let last = fates.last().map_or(0, |(seq, _)| *seq);
        Settled {
            through: if is_whole { self.through } else { last },
            // Without a cursor the segment is read from its start, and settled records are passed over.
            cursor: if is_whole { self.cursor } else { (0, 0) },
            fates,
            epoch: self.epoch,
        }
    }
}

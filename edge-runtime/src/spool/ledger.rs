//! What became of the records that are settled: two slots, written in turn, so that a torn write leaves the other.

use serde::Serialize;

use super::disk::Disk;
use super::error::SpoolError;
use super::frame::MAX_SEQ;

/// The file.
pub(super) const NAME: &str = "ledger";
const MAGIC: [u8; 8] = *b"PKLEDGR2";
/// Magic, generation, eight counts and a CRC-32.
const N_BYTES: usize = 8 + 8 + 8 * N_FIELDS + 4;
const N_FIELDS: usize = 8;
/// The form before records could be erased: without the last count.
const OLD_MAGIC: [u8; 8] = *b"PKLEDGR1";
const N_OLD_BYTES: usize = N_BYTES - 8;
/// The slots stand in different sectors of every disk.
const SLOT_STRIDE: u64 = 4096;

/// Counts of records since the spool was made. Every record up to `acked_seq` stands in exactly one of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ledger {
    /// Records up to this one are settled.
    pub acked_seq: u64,
    /// The last record that was durable when this was written.
    pub last_seq: u64,
    /// Taken by the server.
    pub delivered: u64,
    /// Refused by the server for good; they are dead letters.
    pub rejected: u64,
    /// Dropped to make room.
    pub overflowed: u64,
    /// Lost to damage of the files.
    pub damaged: u64,
    /// Settled before the ledger itself was lost.
    pub unaccounted: u64,
    /// Erased because whoever they were about wished so.
    pub erased: u64,
}

impl Ledger {
    fn fields(&self) -> [u64; N_FIELDS] {
        [
            self.acked_seq,
            self.last_seq,
            self.delivered,
            self.rejected,
            self.overflowed,
            self.damaged,
            self.unaccounted,
            self.erased,
        ]
    }

    /// Whether every settled record is counted once.
    fn is_balanced(&self) -> bool {
        let [_, _, counts @ ..] = self.fields();
        let sum = counts.iter().try_fold(0u64, |sum, n| sum.checked_add(*n));
        let in_range = self.last_seq >= self.acked_seq && self.last_seq <= MAX_SEQ;
        sum == Some(self.acked_seq) && in_range
    }
}

/// The ledger and where it is kept.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LedgerFile {
    pub(super) ledger: Ledger,
    /// Counts the writings; 0 where nothing was written yet.
    generation: u64,
}

impl LedgerFile {
    /// The newest whole slot; `None` where there is none.
    pub(super) fn read(disk: &impl Disk) -> Option<Self> {
        let slot = |idx: u64| decode(&disk.read(NAME, idx * SLOT_STRIDE, N_BYTES).ok()?);
        let slots = [slot(0), slot(1)];
        slots.into_iter().flatten().max_by_key(|it| it.generation)
    }

    /// Takes the room of both slots while there is some: on a full disk nothing can be settled, and so nothing dropped to
    /// make room, unless the ledger can be written in place. The slot that counts is not touched.
    pub(super) fn reserve(&self, disk: &mut impl Disk) -> Result<(), SpoolError> {
        // The second writing has taken the other slot; a file that stands there and says nothing may yet be read.
        let names = disk.list().unwrap_or_default();
        if self.generation > 1 || (self.generation == 0 && names.iter().any(|it| it == NAME)) {
            return Ok(());
        }
        let taken = (0..2)
            .filter(|slot| self.generation == 0 || *slot != self.generation % 2)
            .try_for_each(|slot| {
                let zeros = [0; SLOT_STRIDE as usize];
                disk.write(NAME, slot * SLOT_STRIDE, &zeros)
            })
            .and_then(|()| disk.sync(NAME))
            .and_then(|()| disk.sync_names());
        taken.map_err(SpoolError::file("write", NAME))
    }

    /// Writes the ledger durably where it is not on the disk, or does not know the last record.
    pub(super) fn write_again(
        &mut self,
        disk: &mut impl Disk,
        last_seq: u64,
    ) -> Result<(), SpoolError> {
        if last_seq == 0 || (self.generation > 0 && self.ledger.last_seq == last_seq) {
            return Ok(());
        }
        let ledger = Ledger {
            last_seq,
            ..self.ledger
        };
        self.write(disk, ledger)
    }

    /// Writes the ledger durably. On an error the last one stands.
    pub(super) fn write(&mut self, disk: &mut impl Disk, ledger: Ledger) -> Result<(), SpoolError> {
        let next = Self {
            ledger,
            generation: self.generation + 1,
        };
        let bytes = encode(&next);
        let offset = next.generation % 2 * SLOT_STRIDE;
        disk.write(NAME, offset, &bytes)
            .and_then(|()| disk.sync(NAME))
            .map_err(SpoolError::file("write", NAME))?;
        if self.generation == 0 {
            disk.sync_names().map_err(SpoolError::file("write", NAME))?;
        }
        *self = next;
        Ok(())
    }
}

fn encode(file: &LedgerFile) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&file.generation.to_le_bytes());
    for field in file.ledger.fields() {
        out.extend_from_slice(&field.to_le_bytes());
    }
    out.extend_from_slice(&crc32fast::hash(&out).to_le_bytes());
    out
}

fn decode(bytes: &[u8]) -> Option<LedgerFile> {
    let is_old = bytes.starts_with(&OLD_MAGIC);
    let n_bytes = if is_old { N_OLD_BYTES } else { N_BYTES };
    let (content, crc) = bytes.get(..n_bytes)?.split_last_chunk::<4>()?;
    if !(is_old || content.starts_with(&MAGIC)) || crc32fast::hash(content).to_le_bytes() != *crc {
        return None;
    }
    let (numbers, _) = content[MAGIC.len()..].as_chunks::<8>();
    let at = |idx: usize| numbers.get(idx).map(|it| u64::from_le_bytes(*it));
    let ledger = Ledger {
        acked_seq: at(1)?,
        last_seq: at(2)?,
        delivered: at(3)?,
        rejected: at(4)?,
        overflowed: at(5)?,
        damaged: at(6)?,
        unaccounted: at(7)?,
        erased: if is_old { 0 } else { at(8)? },
    };
    let generation = at(0)?;
    // As for numbers of records: one that another can be counted up from, however often it is written.
    (generation <= MAX_SEQ && ledger.is_balanced()).then_some(LedgerFile { ledger, generation })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::fake_disk::FakeDisk;

    #[test]
    fn a_torn_slot_leaves_the_one_before() -> Result<(), SpoolError> {
        let mut disk = FakeDisk::default();
        let mut file = LedgerFile::default();
        assert!(LedgerFile::read(&disk).is_none());
        let mut ledger = Ledger::default();
        for seq in 1..=5 {
            ledger.acked_seq = seq;
            ledger.last_seq = 9;
            ledger.delivered = seq;
            file.write(&mut disk, ledger)?;
            assert_eq!(LedgerFile::read(&disk).map(|it| it.ledger), Some(ledger));
        }
        for at in 0..N_BYTES {
            let mut torn = disk.clone();
            torn.flip(NAME, SLOT_STRIDE as usize + at);
            let left = LedgerFile::read(&torn).map(|it| it.ledger.acked_seq);
            assert_eq!(left, Some(4), "byte {at}");
        }
        Ok(())
    }

    #[test]
    fn a_generation_that_has_no_next_one_is_not_believed() -> Result<(), SpoolError> {
        for (generation, is_read) in [(MAX_SEQ, true), (MAX_SEQ + 1, false), (u64::MAX, false)] {
            let mut disk = FakeDisk::default();
            let ledger = Ledger::default();
            disk.write(NAME, 0, &encode(&LedgerFile { ledger, generation }))
                .map_err(SpoolError::file("write", NAME))?;
            let read = LedgerFile::read(&disk);
            assert_eq!(read.is_some(), is_read, "{generation}");
            let mut file = read.unwrap_or_default();
            file.write(&mut disk, ledger)?;
        }
        Ok(())
    }

    #[test]
    fn the_form_without_erased_records_is_read() {
        let mut bytes = OLD_MAGIC.to_vec();
        for field in [9_u64, 5, 6, 3, 1, 1, 0, 0] {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        // As it is read where the other slot, or nothing, follows.
        for more in [0, 8] {
            let mut read = bytes.clone();
            read.resize(bytes.len() + more, 0);
            let file = decode(&read).expect("a ledger");
            assert_eq!((file.generation, file.ledger.acked_seq), (9, 5));
            assert_eq!((file.ledger.delivered, file.ledger.erased), (3, 0));
        }
    }

    #[test]
    fn room_is_taken_for_both_slots_and_the_one_that_counts_stays() -> Result<(), SpoolError> {
        let mut disk = FakeDisk::default();
        let mut file = LedgerFile::default();
        file.reserve(&mut disk)?;
        let n_bytes = |disk: &FakeDisk| disk.read(NAME, 0, 1 << 20).map_or(0, |it| it.len());
        assert_eq!(n_bytes(&disk), 2 * SLOT_STRIDE as usize);
        assert!(LedgerFile::read(&disk).is_none());
        let mut ledger = Ledger::default();
        for seq in 1..=3 {
            ledger.acked_seq = seq;
            ledger.last_seq = 3;
            ledger.delivered = seq;
            file.write(&mut disk, ledger)?;
            file.reserve(&mut disk)?;
            assert_eq!(LedgerFile::read(&disk).map(|it| it.ledger), Some(ledger));
        }
        assert_eq!(n_bytes(&disk), 2 * SLOT_STRIDE as usize);
        Ok(())
    }

    #[test]
    fn counts_that_do_not_add_up_are_no_ledger() {
        let mut ledger = Ledger {
            acked_seq: 3,
            last_seq: 3,
            delivered: 2,
            damaged: 1,
            ..Ledger::default()
        };
        let read = |ledger| {
            decode(&encode(&LedgerFile {
                ledger,
                generation: 1,
            }))
            .is_some()
        };
        assert!(read(ledger));
        ledger.delivered = 3;
        assert!(!read(ledger));
        ledger.delivered = u64::MAX;
        assert!(!read(ledger));
    }
}

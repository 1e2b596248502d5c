//! The records of a CSV file in memory, one at a time.

use csv_core::{ReadRecordResult, Reader};

/// Walks over records; where each stands can be asked before and after it is read.
pub(super) struct Records<'b> {
    bytes: &'b [u8],
    offset: usize,
    reader: Reader,
    /// The fields of the last record, one after another, and where each ends.
    fields: Vec<u8>,
    ends: Vec<usize>,
    n_fields: usize,
}

impl<'b> Records<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self {
            bytes,
            offset: 0,
            reader: Reader::new(),
            fields: vec![0; 1024],
            ends: vec![0; 64],
            n_fields: 0,
        }
    }

    /// The position behind the last record, in bytes.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    /// The line that stands there, from 1.
    pub(super) fn line(&self) -> u64 {
        self.reader.line()
    }

    /// Reads a record; `false` at the file's end.
    pub(super) fn read(&mut self) -> bool {
        let (mut n_bytes, mut n_fields) = (0, 0);
        loop {
            // At the end the rest is empty, which tells the reader to finish the last record.
            let rest = self.bytes.get(self.offset..).unwrap_or_default();
            let (result, read, written, ended) = self.reader.read_record(
                rest,
                &mut self.fields[n_bytes..],
                &mut self.ends[n_fields..],
            );
            self.offset += read;
            n_bytes += written;
            n_fields += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.fields.resize(2 * self.fields.len(), 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * self.ends.len(), 0),
                ReadRecordResult::Record => {
                    self.n_fields = n_fields;
                    return true;
                }
                ReadRecordResult::End => return false,
            }
        }
    }

    /// Field `column_idx` of the last record; `None` where the record ends before it.
    pub(super) fn field(&self, column_idx: usize) -> Option<&[u8]> {
        let end = *self.ends[..self.n_fields].get(column_idx)?;
        let start = column_idx.checked_sub(1).map_or(0, |left| self.ends[left]);
        self.fields.get(start..end)
    }

    /// All fields of the last record.
    pub(super) fn fields(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.n_fields).filter_map(|column_idx| self.field(column_idx))
    }
}

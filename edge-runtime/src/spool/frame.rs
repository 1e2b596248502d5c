//! A record in a file: marker, length, number, checksum, bytes.

/// Begins every frame. Records are UTF-8, which never holds 0xFF: no record can look like a frame.
const MARKER: [u8; 4] = [0xFF, b'P', b'S', 1];
/// Marker, length (u32), `record_seq` (u64) and CRC-32 (u32) of length, number and record; little-endian.
pub(super) const HEADER: usize = 20;
/// The largest record in bytes that is read.
pub(super) const MAX_READ: usize = 256 << 10;
/// The largest record in bytes that is taken: as a dead letter it grows by a reason.
pub const MAX_RECORD: usize = 240 << 10;

/// The largest number of a record that is believed: a device that takes a million records a second gets there in a
/// hundred thousand years, and no sum of such numbers overflows.
pub(super) const MAX_SEQ: u64 = 1 << 62;

/// What stands in place of a record that was erased, under its number.
pub(super) const ERASED: &[u8] = br#"{"kind":"erased"}"#;
/// Begins what stands in place of records that were lost to damage, under the last one's number. The first one's
/// follows.
const GAP: &[u8] = br#"{"kind":"damaged","from":"#;

/// A whole and checked frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'b> {
    pub(super) seq: u64,
    pub(super) record: &'b [u8],
}

impl Frame<'_> {
    /// Whether it holds a record: no stub of one that was erased, no mark of damage.
    pub(super) fn is_record(&self) -> bool {
        self.record != ERASED && self.gap_start().is_none()
    }

    /// Of a mark of damage the first number that is lost; the last one is the frame's.
    pub(super) fn gap_start(&self) -> Option<u64> {
        let digits = self.record.strip_prefix(GAP)?.strip_suffix(b"}")?;
        let first = std::str::from_utf8(digits).ok()?.parse().ok()?;
        (1..=self.seq).contains(&first).then_some(first)
    }

    /// What it takes in the file.
    pub(super) fn n_bytes(&self) -> usize {
        HEADER + self.record.len()
    }
}

fn checksum(length_and_seq: &[u8], record: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(length_and_seq);
    crc.update(record);
    crc.finalize()
}

/// Appends a frame. The record has at most [`MAX_READ`] bytes.
pub(super) fn push(out: &mut Vec<u8>, seq: u64, record: &[u8]) {
    let start = out.len();
    out.extend_from_slice(&MARKER);
    out.extend_from_slice(&(record.len() as u32).to_le_bytes());
    out.extend_from_slice(&seq.to_le_bytes());
    let crc = checksum(&out[start + MARKER.len()..], record);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(record);
}

/// Appends a mark that says that the records from `first` to `last` are lost.
pub(super) fn push_gap(out: &mut Vec<u8>, first: u64, last: u64) {
    let mut record = GAP.to_vec();
    record.extend_from_slice(first.to_string().as_bytes());
    record.push(b'}');
    push(out, last, &record);
}

/// The frame at the start of `bytes`; `None` where there is no whole and right one.
pub(super) fn read(bytes: &[u8]) -> Option<Frame<'_>> {
    let (header, rest) = bytes.split_at_checked(HEADER)?;
    let (marker, checked) = header.split_at(MARKER.len());
    let n_bytes = u32::from_le_bytes(checked[..4].try_into().ok()?) as usize;
    if marker != MARKER || n_bytes > MAX_READ {
        return None;
    }
    let record = rest.get(..n_bytes)?;
    let crc = u32::from_le_bytes(checked[12..].try_into().ok()?);
    let seq = u64::from_le_bytes(checked[4..12].try_into().ok()?);
    let is_whole = seq <= MAX_SEQ && checksum(&checked[..12], record) == crc;
    is_whole.then_some(Frame { seq, record })
}

/// Where the next whole and right frame begins, at `from` or later.
pub(super) fn find(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let rest = bytes.get(at..)?;
        at += rest.windows(MARKER.len()).position(|it| it == MARKER)?;
        if read(&bytes[at..]).is_some() {
            return Some(at);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_as_documented() {
        let mut out = Vec::new();
        push(&mut out, 0x0102, b"{}");
        let expected = b"\xFFPS\x01\x02\0\0\0\x02\x01\0\0\0\0\0\0";
        assert_eq!(out[..16], *expected);
        let mut checked = out[4..16].to_vec();
        checked.extend_from_slice(b"{}");
        assert_eq!(out[16..20], crc32fast::hash(&checked).to_le_bytes());
        assert_eq!(out[20..], *b"{}");
        let (seq, record) = (0x0102, b"{}".as_slice());
        assert_eq!(read(&out), Some(Frame { seq, record }));
    }

    #[test]
    fn a_mark_of_damage_says_what_is_lost_and_nothing_else_does() {
        let mut out = Vec::new();
        push_gap(&mut out, 3, 7);
        let mark = read(&out).expect("a frame");
        assert_eq!(
            (mark.gap_start(), mark.seq, mark.is_record()),
            (Some(3), 7, false)
        );
        for (record, is_record) in [
            (&b"{}"[..], true),
            (br#"{"kind":"damaged","from":8}"#, true),
            (br#"{"kind":"damaged","from":0}"#, true),
            (br#"{"kind":"damaged","from":3,"a":1}"#, true),
            (br#"{"kind":"damaged","from":7}"#, false),
            (ERASED, false),
        ] {
            assert_eq!(Frame { seq: 7, record }.is_record(), is_record);
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_seen() {
        let mut out = Vec::new();
        push(&mut out, 7, b"{\"a\":1}");
        for bit in 0..8 * out.len() {
            let mut damaged = out.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(&damaged), None, "bit {bit}");
        }
        for n_bytes in 0..out.len() {
            assert_eq!(read(&out[..n_bytes]), None, "{n_bytes} bytes");
        }
    }

    #[test]
    fn numbers_that_no_device_reaches_are_no_frame() {
        for (seq, is_frame) in [(MAX_SEQ, true), (MAX_SEQ + 1, false), (u64::MAX, false)] {
            let mut out = Vec::new();
            push(&mut out, seq, b"{}");
            assert_eq!(read(&out).is_some(), is_frame, "{seq}");
        }
    }

    #[test]
    fn a_frame_behind_damage_is_found() {
        let mut out = b"\xFF\xFFPS\xFFPS\x01 not a frame".to_vec();
        let at = out.len();
        push(&mut out, 7, b"1");
        assert_eq!(find(&out, 0), Some(at));
        assert_eq!(find(&out, at + 1), None);
    }
}

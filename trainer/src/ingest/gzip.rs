//! Unpacks gzip on the way, told by its first bytes.

use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;

/// The first bytes of every gzip file (RFC 1952).
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// How many bytes a packed source may hold. Rows are read one by one, so this bounds time, not
/// memory.
pub(crate) const MAX_INFLATED_BYTES: u64 = 64 << 30;

/// Whether the source starts as gzip does.
pub(crate) fn is_gzip(source: &mut impl BufRead) -> io::Result<bool> {
    Ok(source.fill_buf()?.starts_with(&MAGIC))
}

/// The bytes inside a gzip source of one or more members.
#[derive(Debug)]
pub(crate) struct Inflated<R> {
    decoder: MultiGzDecoder<R>,
    left: u64,
    max_bytes: u64,
}

impl<R: BufRead> Inflated<R> {
    pub(crate) fn new(source: R, max_bytes: u64) -> Self {
        Self {
            decoder: MultiGzDecoder::new(source),
            left: max_bytes,
            max_bytes,
        }
    }
}

impl<R: BufRead> Read for Inflated<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.decoder.read(buffer)?;
        let Some(left) = self.left.checked_sub(n as u64) else {
            let text = format!(
                "found more than {} bytes inside the gzip; expected at most so many",
                self.max_bytes
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        };
        self.left = left;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn members_are_put_together() {
        let both = [packed(b"a,b\n"), packed(b"1,2\n")].concat();
        assert!(is_gzip(&mut &both[..]).unwrap());
        assert!(!is_gzip(&mut &b"a,b"[..]).unwrap());
        let mut text = String::new();
        Inflated::new(&both[..], 8)
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "a,b\n1,2\n");
    }

    #[test]
    fn a_bomb_ends_at_the_cap() {
        let bomb = packed(&vec![0; 1 << 20]);
        let mut inflated = Inflated::new(&bomb[..], 1 << 16);
        let error = io::copy(&mut inflated, &mut io::sink()).unwrap_err();
        assert!(
            error.to_string().contains("more than 65536 bytes"),
            "{error}"
        );
    }

    #[test]
    fn a_cut_file_is_an_error() {
        let whole = packed(b"a,b\n1,2\n3,4\n");
        let mut sink = Vec::new();
        let cut = &whole[..whole.len() - 9];
        assert!(Inflated::new(cut, 100).read_to_end(&mut sink).is_err());
    }
}

//! The check that a document stands in its one canonical form.

use std::io;

use serde::Serialize;

use super::error::ArtifactError;

/// Compares what is written to it with the bytes that should come; keeps nothing.
struct Comparer<'a> {
    expected: &'a [u8],
    offset: usize,
}

impl io::Write for Comparer<'_> {
    fn write(&mut self, written: &[u8]) -> io::Result<usize> {
        let rest = &self.expected[self.offset..];
        // Slices are compared as a whole first: that is the fast path for tables.
        if rest.starts_with(written) {
            self.offset += written.len();
            return Ok(written.len());
        }
        self.offset += written.iter().zip(rest).take_while(|(a, b)| a == b).count();
        Err(io::ErrorKind::InvalidData.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `Ok` where writing `document` gives exactly `bytes`.
///
/// # Errors
/// [`ArtifactError::NotCanonical`] with the first byte that differs.
pub(super) fn check<T: Serialize>(document: &T, bytes: &[u8]) -> Result<(), ArtifactError> {
    let mut comparer = Comparer {
        expected: bytes,
        offset: 0,
    };
    let written = rmp_serde::encode::write_named(&mut comparer, document);
    if written.is_err() || comparer.offset != bytes.len() {
        return Err(ArtifactError::NotCanonical {
            offset: comparer.offset,
        });
    }
    Ok(())
}

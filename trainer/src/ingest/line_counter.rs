//! Which line of a file a byte stands on.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::rc::Rc;

/// How many bytes one row may have: a quote that is never closed must not take all the memory.
const MAX_ROW_BYTES: u64 = 16 << 20;

/// Where the line ends of the bytes read last are.
///
/// The csv crate's own line numbers are those of where it began to look for a row: with blank lines
/// or CRLF that is a line before the row's own.
#[derive(Clone, Debug, Default)]
pub(crate) struct LineCounter(Rc<RefCell<LineEnds>>);

#[derive(Debug, Default)]
struct LineEnds {
    n_bytes: u64,
    /// Where the last whole row ends.
    n_passed: u64,
    /// Line ends before those that are kept.
    n_dropped: u64,
    /// The offsets of line ends, ascending.
    kept: VecDeque<u64>,
}

/// Passes bytes on and counts their lines.
#[derive(Debug)]
pub(crate) struct CountedLines<R> {
    source: R,
    counter: LineCounter,
}

impl LineCounter {
    /// Counts the lines of `source` while it is read.
    pub(crate) fn count<R: Read>(&self, source: R) -> CountedLines<R> {
        CountedLines {
            source,
            counter: self.clone(),
        }
    }

    /// Forgets line ends before `offset`, but for their number, so that memory does not grow.
    pub(crate) fn pass(&self, offset: u64) {
        let mut ends = self.0.borrow_mut();
        ends.n_passed = offset;
        while ends.kept.front().is_some_and(|end| *end < offset) {
            ends.kept.pop_front();
            ends.n_dropped += 1;
        }
    }

    /// The line of the byte at `offset`, counted from 1. `offset` must not have been passed.
    pub(crate) fn line_at(&self, offset: u64) -> u64 {
        let ends = self.0.borrow();
        1 + ends.n_dropped + ends.kept.partition_point(|end| *end < offset) as u64
    }
}

impl<R: Read> Read for CountedLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read(buffer)?;
        let mut ends = self.counter.0.borrow_mut();
        let first = ends.n_bytes;
        let line_ends = buffer[..n]
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n');
        ends.kept.extend(line_ends.map(|(at, _)| first + at as u64));
        ends.n_bytes += n as u64;
        if ends.n_bytes - ends.n_passed.min(ends.n_bytes) > MAX_ROW_BYTES {
            let text =
                format!("found a row of more than {MAX_ROW_BYTES} bytes; is a quote left open?");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(n)
    }
}

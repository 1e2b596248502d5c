//! The digest of the last line, kept beside the log: it shows that lines at the end are gone.
//!
//! It is written after the line is on the disk, so it is never ahead of a log that nobody cut. Who may write the log may
//! write this file too: against them the digest has to be kept elsewhere.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::line::Head;
use crate::private_file;
use crate::secret::{hex, unhex};

/// Twenty digits, a space, the digest, a line feed. Always as long, so that one write takes the place of the last.
const LENGTH: usize = 20 + 1 + 64 + 1;

/// Where the digest is kept: the log's name and `.head`.
pub(crate) fn place(log: &Path) -> PathBuf {
    let mut name = OsString::from(log);
    name.push(".head");
    name.into()
}

/// What was kept; `None` where nothing was, or a crash left what is no digest.
pub(crate) fn read(log: &Path) -> io::Result<Option<Head>> {
    let mut bytes = Vec::new();
    match std::fs::File::open(place(log)) {
        Ok(file) => file.take(LENGTH as u64 + 1).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(parse(&bytes))
}

fn parse(bytes: &[u8]) -> Option<Head> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    let (number, digest) = text.split_once(' ')?;
    Some(Head {
        number: number.parse().ok()?,
        digest: unhex(digest)?,
    })
}

/// Keeps it. The log is locked meanwhile.
pub(crate) fn write(log: &Path, head: Head) -> io::Result<()> {
    let text = format!("{:020} {}\n", head.number, hex(&head.digest));
    debug_assert_eq!(text.len(), LENGTH);
    private_file::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(place(log))?
        .write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_digest_is_none() {
        let head = Head {
            number: 12,
            digest: [7; 32],
        };
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("audit.jsonl");
        assert_eq!(read(&log).expect("nothing there"), None);
        write(&log, head).expect("written");
        assert_eq!(read(&log).expect("read"), Some(head));
        let whole = std::fs::read(place(&log)).expect("read");
        assert_eq!(whole.len(), LENGTH);
        for length in 0..LENGTH {
            assert_eq!(parse(&whole[..length]), None, "{length} bytes");
        }
        assert_eq!(
            parse(&[0; LENGTH]),
            None,
            "zeros, as a power cut leaves them"
        );
    }
}

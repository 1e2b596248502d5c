//! Reading a chain to its end.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

use super::line::Head;
use super::{MAX_LINE, kept_head};
use crate::error::AuditError;
use crate::secret::{hex, unhex};

/// A chain that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many events there are.
    pub n_events: u64,
    /// The SHA-256 of the last line, in hexadecimal; zeros where there is none. Kept elsewhere it shows later that
    /// no line up to this one was changed or cut off.
    pub head: String,
    /// Bytes after the last whole line: an event that was being written when the power went. Never acknowledged.
    pub n_torn_bytes: u64,
}

/// What reading found.
pub(crate) struct Walk {
    pub(crate) head: Head,
    /// Bytes of whole lines.
    pub(crate) length: u64,
    /// What is behind the last whole line.
    pub(crate) torn: Vec<u8>,
    /// Anchors that no line has.
    pub(crate) missing: Vec<[u8; 32]>,
}

/// Checks that every line is the one that was written there, and that the log has the line whose digest is kept beside it.
///
/// # Errors
/// [`AuditError::Broken`] names the first line that does not follow from those before it; [`AuditError::File`].
pub fn verify(path: &Path) -> Result<Verified, AuditError> {
    check(path, None)
}

/// As [`verify`], and that the log has the line with the digest `anchor`: a [`Verified::head`] that was kept elsewhere.
///
/// # Errors
/// As [`verify`]; [`AuditError::Broken`] also where that line is missing.
pub fn verify_anchored(path: &Path, anchor: &str) -> Result<Verified, AuditError> {
    check(path, Some(anchor))
}

fn check(path: &Path, anchor: Option<&str>) -> Result<Verified, AuditError> {
    let wrong = |source| AuditError::File {
        path: path.to_owned(),
        source,
    };
    // Before the log: a writer that goes on meanwhile must not look as if lines were gone.
    let kept = kept_head::read(path).map_err(|source| AuditError::File {
        path: kept_head::place(path),
        source,
    })?;
    let file = File::open(path).map_err(wrong)?;
    let broken = |line, reason| AuditError::Broken {
        path: path.to_owned(),
        line,
        reason,
    };
    let digest = match anchor {
        None => None,
        Some(text) => Some(unhex(text).ok_or_else(|| {
            broken(
                0,
                "expected 64 hexadecimal digits for the digest".to_owned(),
            )
        })?),
    };
    let anchors: Vec<[u8; 32]> = kept.iter().map(|head| head.digest).chain(digest).collect();
    let walk = walk(BufReader::new(file), Head::START, &anchors, path)?;
    if digest.is_some_and(|digest| walk.missing.contains(&digest)) {
        let reason =
            "no line has the digest that was kept: lines were cut off, or all was written anew";
        return Err(broken(walk.head.number, reason.to_owned()));
    }
    expect_kept(kept, &walk, path)?;
    Ok(Verified {
        n_events: walk.head.number,
        head: hex(&walk.head.digest),
        n_torn_bytes: walk.torn.len() as u64,
    })
}

/// The line whose digest is kept beside the log must be in it.
pub(crate) fn expect_kept(kept: Option<Head>, walk: &Walk, path: &Path) -> Result<(), AuditError> {
    let Some(kept) = kept.filter(|kept| walk.missing.contains(&kept.digest)) else {
        return Ok(());
    };
    Err(AuditError::Broken {
        path: path.to_owned(),
        line: walk.head.number,
        reason: format!(
            "{} holds the digest of line {}, and no line has it: lines were cut off, or all was written anew",
            kept_head::place(path).display(),
            kept.number
        ),
    })
}

/// Follows a chain from `head` on.
pub(crate) fn walk(
    mut reader: impl BufRead,
    head: Head,
    anchors: &[[u8; 32]],
    path: &Path,
) -> Result<Walk, AuditError> {
    let wrong = |source| AuditError::File {
        path: path.to_owned(),
        source,
    };
    let mut walk = Walk {
        head,
        length: 0,
        torn: Vec::new(),
        missing: anchors.to_vec(),
    };
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = MAX_LINE as u64 + 2;
        let n_read = (&mut reader)
            .take(limit)
            .read_until(b'\n', &mut line)
            .map_err(wrong)?;
        if n_read == 0 {
            return Ok(walk);
        }
        let whole = line.pop_if(|last| *last == b'\n').is_some();
        // A disk may keep the end of a write and not its start: what is not there reads as zeros. No text has them.
        let torn = !whole && line.len() <= MAX_LINE || line.contains(&0);
        if torn && reader.fill_buf().map_err(wrong)?.is_empty() {
            walk.torn = line;
            return Ok(walk);
        }
        walk.head = walk
            .head
            .follow(&line)
            .map_err(|reason| AuditError::Broken {
                path: path.to_owned(),
                line: walk.head.number + 1,
                reason,
            })?;
        walk.length += n_read as u64;
        walk.missing.retain(|anchor| *anchor != walk.head.digest);
    }
}

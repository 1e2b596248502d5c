//! As much of HTTP as it takes to see where an answer ends.

use anyhow::{Context as _, Result, bail};

/// An answer that is there to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Where in the bytes the body stands.
    pub(super) body: std::ops::Range<usize>,
}

impl Answer {
    /// Reads an answer; none while some of it is still to come.
    ///
    /// # Errors
    /// For what is not HTTP/1.1 with a length or in chunks.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Self>> {
        let Some(head_end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let head = std::str::from_utf8(&bytes[..head_end]).context("an answer's head")?;
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok())
            .context("an answer without a status")?;
        let start = head_end + 4;
        let header = |name: &str| {
            lines.clone().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then_some(value.trim())
            })
        };
        let end = if let Some(length) = header("content-length") {
            start + length.parse::<usize>().context("an answer's length")?
        } else if header("transfer-encoding").is_some() {
            // No answer here has this inside.
            const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";
            let rest = &bytes[start..];
            match rest
                .windows(LAST_CHUNK.len())
                .position(|it| it == LAST_CHUNK)
            {
                Some(at) => start + at + LAST_CHUNK.len(),
                None => return Ok(None),
            }
        } else {
            bail!("an answer that does not say where it ends");
        };
        let body = start..end;
        Ok((bytes.len() >= end).then_some(Self { status, body }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_it_says() -> Result<()> {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        for end in 0..whole.len() {
            assert_eq!(Answer::read(&whole[..end])?, None, "{end}");
        }
        let body = whole.len() - 2..whole.len();
        assert_eq!(Answer::read(whole)?, Some(Answer { status: 200, body }));
        Ok(())
    }

    #[test]
    fn chunks_end_with_an_empty_one() -> Result<()> {
        let whole = b"HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
        assert_eq!(Answer::read(&whole[..whole.len() - 1])?, None);
        assert_eq!(Answer::read(whole)?.map(|it| it.status), Some(500));
        assert!(Answer::read(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(Answer::read(b"SSH-2.0\r\n\r\n").is_err());
        Ok(())
    }
}

//! A connection with at most one request under way.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use mio::net::TcpStream;

use super::answer::Answer;

/// Room for an answer; those of the bench are well below.
const ROOM: usize = 16 << 10;

/// Answers whose text is looked at; the later ones are only counted.
const N_COMPARED: usize = 100;

pub(super) struct Connection {
    stream: TcpStream,
    buffer: Box<[u8]>,
    n_read: usize,
    /// When the request under way was to be sent.
    due: Instant,
    /// Digests of the first answers.
    seen: BTreeSet<u64>,
    n_answers: usize,
}

impl Connection {
    pub(super) fn open(target: SocketAddr) -> Result<Self> {
        let stream = std::net::TcpStream::connect(target)
            .with_context(|| format!("connecting to {target}"))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: TcpStream::from_std(stream),
            buffer: vec![0; ROOM].into(),
            n_read: 0,
            due: Instant::now(),
            seen: BTreeSet::new(),
            n_answers: 0,
        })
    }

    pub(super) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Sends a request. It is smaller than the system's buffer, which is empty: the last answer has come.
    pub(super) fn send(&mut self, request: &[u8], due: Instant) -> Result<()> {
        (self.due, self.n_read) = (due, 0);
        let n_sent = self.stream.write(request).context("sending a request")?;
        if n_sent != request.len() {
            bail!("sent {n_sent} bytes of a request of {}", request.len());
        }
        Ok(())
    }

    /// Reads what has come; whether that is all of the answer.
    pub(super) fn receive(&mut self) -> Result<bool> {
        loop {
            let n_bytes = match self.stream.read(&mut self.buffer[self.n_read..]) {
                Ok(0) => bail!("the server closed the connection, or its answer is too long"),
                Ok(n_bytes) => n_bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error).context("reading an answer"),
            };
            self.n_read += n_bytes;
            let read = &self.buffer[..self.n_read];
            let Some(answer) = Answer::read(read)? else {
                continue;
            };
            let body = &read[answer.body];
            if answer.status != 200 {
                let body = String::from_utf8_lossy(body);
                bail!("an answer has status {}: {body}", answer.status);
            }
            if self.n_answers < N_COMPARED {
                self.n_answers += 1;
                let mut hasher = DefaultHasher::new();
                body.hash(&mut hasher);
                self.seen.insert(hasher.finish());
            }
            return Ok(true);
        }
    }
}

/// How many different answers came first.
pub(super) fn distinct(connections: &[Connection]) -> usize {
    let all: BTreeSet<u64> = connections
        .iter()
        .flat_map(|connection| connection.seen.iter().copied())
        .collect();
    all.len()
}

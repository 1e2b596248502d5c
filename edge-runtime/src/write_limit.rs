//! A connection whose other side has to read what is written to it.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// What a client that reads slowly has to take in the time that it has: with 30 seconds, about 2 KiB a second.
const LEAST_TAKEN: usize = 64 << 10;

/// A stream whose writings fail once the other side has taken too little for too long.
#[derive(Debug)]
pub(crate) struct WriteLimited<T> {
    stream: T,
    patience: Duration,
    /// Stands while the system takes no more; what was taken meanwhile in bytes.
    blocked: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<T> WriteLimited<T> {
    pub(crate) fn new(stream: T, patience: Duration) -> Self {
        Self {
            stream,
            patience,
            blocked: None,
        }
    }

    /// Looks at the clock, after a writing of `n_bytes` bytes.
    fn judge(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
        n_bytes: usize,
    ) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(n_taken)) => {
                if let Some((_, n_before)) = &mut self.blocked {
                    *n_before += n_taken;
                    // All that there was, or enough for now.
                    if *n_taken == n_bytes || *n_before >= LEAST_TAKEN {
                        self.blocked = None;
                    }
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                let patience = self.patience;
                let (deadline, _) = self
                    .blocked
                    .get_or_insert_with(|| (Box::pin(sleep(patience)), 0));
                if deadline.as_mut().poll(context).is_ready() {
                    let late = io::Error::new(ErrorKind::TimedOut, "the client does not read");
                    return Poll::Ready(Err(late));
                }
            }
        }
        written
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for WriteLimited<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for WriteLimited<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, written, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let n_bytes = slices.iter().map(|it| it.len()).sum();
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.judge(context, written, n_bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    const PATIENCE: Duration = Duration::from_millis(200);

    fn runtime() -> io::Result<tokio::runtime::Runtime> {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
    }

    #[test]
    fn who_takes_nothing_is_given_up_and_who_takes_all_is_not() -> io::Result<()> {
        runtime()?.block_on(async {
            let (ours, mut theirs) = duplex(1024);
            let mut limited = WriteLimited::new(ours, PATIENCE);
            let unread = limited.write_all(&[1; 4096]).await;
            assert_eq!(unread.map_err(|it| it.kind()), Err(ErrorKind::TimedOut));
            let (ours, other) = duplex(1024);
            let mut limited = WriteLimited::new(ours, PATIENCE);
            drop(std::mem::replace(&mut theirs, other));
            let reading = tokio::spawn(async move {
                let mut all = Vec::new();
                theirs.read_to_end(&mut all).await.map(|_| all.len())
            });
            // Longer than the patience between two of them: only a writing that does not go on counts.
            for _ in 0..3 {
                limited.write_all(&[1; 4096]).await?;
                sleep(PATIENCE * 3 / 2).await;
            }
            drop(limited);
            assert_eq!(reading.await??, 3 * 4096);
            Ok(())
        })
    }

    #[test]
    fn who_takes_a_byte_now_and_then_is_given_up_too() -> io::Result<()> {
        runtime()?.block_on(async {
            let (ours, mut theirs) = duplex(64);
            let mut limited = WriteLimited::new(ours, PATIENCE);
            let dripping = tokio::spawn(async move {
                while theirs.read_u8().await.is_ok() {
                    sleep(PATIENCE / 10).await;
                }
            });
            let outcome = limited.write_all(&vec![1; 4 * LEAST_TAKEN]).await;
            assert_eq!(outcome.map_err(|it| it.kind()), Err(ErrorKind::TimedOut));
            drop(limited);
            dripping.await?;
            Ok(())
        })
    }
}

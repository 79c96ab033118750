//! A socket that hands out some bytes again and notices a reader that has stopped.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use crate::{Config, refusals};

/// A connection whose first bytes were read to tell the protocol.
///
/// A write that makes no progress for `stall_timeout` fails, so a client that never
/// reads cannot hold a connection and its answer for ever.
///
/// Refusals that hyper makes by itself say nothing but a number; they leave with a sentence.
pub(crate) struct Guarded<S> {
    socket: S,
    prefix: Bytes,
    config: Arc<Config>,
    stalled: Option<Pin<Box<Sleep>>>,
    refusal: Option<Refusal>,
}

/// A refusal on its way, and how many bytes of hyper's it stands for.
struct Refusal {
    left: Bytes,
    stands_for: usize,
}

impl<S> Guarded<S> {
    pub(crate) fn new(socket: S, prefix: Bytes, config: Arc<Config>) -> Self {
        Self { socket, prefix, config, stalled: None, refusal: None }
    }

    fn judge<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        let timeout = self.config.stall_timeout;
        let timer = self.stalled.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + timeout)));
        match timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncWrite + Unpin> Guarded<S> {
    /// Writes the refusal, and when it has left says that hyper's has.
    fn poll_refuse(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        while let Some(refusal) = &mut self.refusal {
            if refusal.left.is_empty() {
                let stands_for = refusal.stands_for;
                self.refusal = None;
                return Poll::Ready(Ok(stands_for));
            }
            let outcome = Pin::new(&mut self.socket).poll_write(cx, &refusal.left);
            match self.judge(cx, outcome) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => {
                    if let Some(refusal) = &mut self.refusal {
                        refusal.left.advance(count);
                    }
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(0))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.prefix.is_empty() {
            return Pin::new(&mut self.socket).poll_read(cx, buffer);
        }
        let taken = self.prefix.len().min(buffer.remaining());
        buffer.put_slice(&self.prefix[..taken]);
        self.prefix.advance(taken);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.refusal.is_none() {
            self.refusal = refusals::instead_of(bytes, &self.config)
                .map(|left| Refusal { left, stands_for: bytes.len() });
        }
        if self.refusal.is_some() {
            return self.poll_refuse(cx);
        }
        let outcome = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.judge(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [only] = slices {
            return self.poll_write(cx, only);
        }
        let outcome = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.judge(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn the_prefix_comes_back_first() {
        let (near, mut far) = tokio::io::duplex(64);
        far.write_all(b"world").await.expect("room");
        drop(far);
        let mut guarded = Guarded::new(near, Bytes::from_static(b"hello "), Arc::default());
        let mut text = String::new();
        guarded.read_to_string(&mut text).await.expect("reads");
        assert_eq!(text, "hello world");
    }

    /// Otherwise a client that sends a request and never reads holds its answer for ever.
    #[tokio::test]
    async fn a_reader_that_stops_is_noticed() {
        let (near, _far) = tokio::io::duplex(8);
        let config = Config { stall_timeout: Duration::from_millis(20), ..Config::default() };
        let mut guarded = Guarded::new(near, Bytes::new(), Arc::new(config));
        let error = guarded.write_all(&[0; 64]).await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}

//! Work on another thread that ends when nobody waits for it any more.

use std::{
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::Cause;

/// Says to blocking work that nobody waits for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// An error once nobody waits.
    pub fn check(&self) -> io::Result<()> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(io::Error::other("nobody waits for this any more")),
            false => Ok(()),
        }
    }
}

struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `work` where it may block. When the returned future is dropped, `work` is told to stop.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce(Stop) -> Result<T, Cause> + Send + 'static,
) -> Result<T, Cause> {
    let guard = StopOnDrop(Stop::default());
    let stop = guard.0.clone();
    match tokio::task::spawn_blocking(move || work(stop)).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(Cause::GivenUp),
    }
}

/// A reader that fails when it was told to stop, or when more comes than may.
pub(crate) struct Bounded<R> {
    inner: R,
    left: u64,
    stop: Stop,
}

impl<R> Bounded<R> {
    /// Lets `limit` bytes through, and fails with [`io::ErrorKind::FileTooLarge`] at the next one.
    pub fn new(inner: R, limit: u64, stop: Stop) -> Self {
        Self { inner, left: limit, stop }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stop.check()?;
        let count = self.inner.read(into)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => self.left = left,
            None => return Err(io::ErrorKind::FileTooLarge.into()),
        }
        Ok(count)
    }
}

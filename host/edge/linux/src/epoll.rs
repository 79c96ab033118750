//! Waiting for many descriptors at once.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use rustix::event::{Timespec, epoll};

/// A set of descriptors, each with the token it is reported by.
#[derive(Debug)]
pub struct Epoll(OwnedFd);

impl Epoll {
    /// An empty set.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(epoll::CreateFlags::CLOEXEC)?))
    }

    /// Reports `token` while `source` can be read or its other end is gone. Closing `source` removes it.
    ///
    /// # Errors
    /// When `source` is in the set already or the kernel has no memory for it.
    pub fn watch(&self, source: impl AsFd, token: u64) -> io::Result<()> {
        Ok(epoll::add(&self.0, source, epoll::EventData::new_u64(token), epoll::EventFlags::IN)?)
    }

    /// Stops reporting `source`.
    pub fn forget(&self, source: impl AsFd) {
        // Only a descriptor that was never watched can be refused, and then nothing is left to do.
        let _ = epoll::delete(&self.0, source);
    }

    /// Waits until something is ready or `timeout` has passed (`None`: for ever), and appends the tokens.
    ///
    /// # Errors
    /// Never for a signal: that is an early return with nothing ready.
    pub fn wait(&self, timeout: Option<Duration>, ready: &mut Vec<u64>) -> io::Result<()> {
        let timeout = timeout.map(|left| Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        });
        let mut events = Vec::with_capacity(64);
        match epoll::wait(&self.0, rustix::buffer::spare_capacity(&mut events), timeout.as_ref()) {
            Ok(_) => ready.extend(events.iter().map(|event: &epoll::Event| event.data.u64())),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

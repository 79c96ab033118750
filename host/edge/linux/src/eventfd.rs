//! A counter that can be waited for.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
};

use rustix::event::{EventfdFlags, eventfd};

/// An event counter: [`Self::add`] makes it readable, [`Self::take`] empties it.
#[derive(Debug)]
pub struct EventFd(OwnedFd);

impl EventFd {
    /// A counter at zero. It never blocks.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn new() -> io::Result<Self> {
        Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    /// Adds one.
    pub fn add(&self) {
        // Fails only when the counter is full: then it is readable, which is all that is wanted.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    /// Empties the counter; says whether it counted anything.
    pub fn take(&self) -> bool {
        let mut count = [0u8; 8];
        rustix::io::read(&self.0, &mut count).is_ok()
    }
}

impl AsFd for EventFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for EventFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

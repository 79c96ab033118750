//! A process, held by a descriptor: its number may be given to another, this cannot.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};

/// A process that may have ended. Readable once it has.
#[derive(Debug)]
pub struct PidFd(OwnedFd);

impl PidFd {
    /// The process that has this number now.
    ///
    /// # Errors
    /// When there is none.
    pub fn of(pid: i32) -> io::Result<Self> {
        let pid = Pid::from_raw(pid).filter(|pid| pid.as_raw_pid() > 0);
        let pid = pid.ok_or_else(|| io::Error::from(rustix::io::Errno::SRCH))?;
        Ok(Self(pidfd_open(pid, PidfdFlags::empty())?))
    }

    /// Takes a descriptor that `clone3` or another process gave.
    pub fn from_descriptor(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }

    /// Sends signal number `signal`.
    ///
    /// # Errors
    /// When the process has ended, may not be signalled, or there is no such signal.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        let signal =
            Signal::from_named_raw(signal).ok_or_else(|| io::Error::from(rustix::io::Errno::INVAL))?;
        Ok(pidfd_send_signal(&self.0, signal)?)
    }

    /// Kills it. That it has ended already is no failure.
    pub fn kill(&self) {
        let _ = pidfd_send_signal(&self.0, Signal::KILL);
    }

    /// Whether the process has ended.
    pub fn has_ended(&self) -> bool {
        self.wait(Duration::ZERO)
    }

    /// Waits at most `limit` for its end; says whether it came.
    pub fn wait(&self, limit: Duration) -> bool {
        let mut one = [PollFd::new(&self.0, PollFlags::IN)];
        let limit = Timespec {
            tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(limit.subsec_nanos()),
        };
        poll(&mut one, Some(&limit)).is_ok_and(|ready| ready > 0)
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

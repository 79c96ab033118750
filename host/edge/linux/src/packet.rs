//! Sockets that carry whole packets between processes of one machine.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
    time::Duration,
};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType, recvmsg, sendmsg, sockopt,
};

/// The longest packet that is sent or received; what is longer travels in a file.
pub const PACKET_BYTES_MAX: usize = 64 * 1024;

/// One end of a connection that keeps packets whole (`SOCK_SEQPACKET`).
#[derive(Debug)]
pub struct Packets(OwnedFd);

/// What came in.
#[derive(Debug)]
pub enum Received {
    /// A packet of this many bytes, and the descriptor that came with it.
    Packet(usize, Option<OwnedFd>),
    /// Nothing is there now.
    Nothing,
    /// The other end is closed and everything it sent has been received.
    End,
}

impl Packets {
    /// Two connected ends.
    ///
    /// # Errors
    /// When the process has no descriptors left.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(a), Self(b)))
    }

    /// Takes a connected socket.
    pub fn from_descriptor(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }

    /// Connects to a listener. Never waits: a listener whose queue is full is an error.
    ///
    /// # Errors
    /// When nobody listens there; when `path` is longer than the 107 bytes a socket's name may have.
    pub fn connect(path: &Path) -> io::Result<Self> {
        let socket = rustix::net::socket_with(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            None,
        )?;
        rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
        Ok(Self(socket))
    }

    /// Sends one packet, with a descriptor beside it if one is given.
    ///
    /// # Errors
    /// `WouldBlock` when the receiver's queue is full and the socket does not wait; `BrokenPipe` when it is gone.
    pub fn send(&self, packet: &[u8], descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        let descriptors: Vec<BorrowedFd<'_>> = descriptor.into_iter().collect();
        if !descriptors.is_empty() {
            beside.push(SendAncillaryMessage::ScmRights(&descriptors));
        }
        loop {
            match sendmsg(&self.0, &[IoSlice::new(packet)], &mut beside, SendFlags::NOSIGNAL) {
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Receives one packet into `buffer`, which should have [`PACKET_BYTES_MAX`] bytes. `wait`: until one is there.
    ///
    /// # Errors
    /// When the packet is longer than the buffer, or the kernel says so.
    pub fn receive(&self, buffer: &mut [u8], wait: bool) -> io::Result<Received> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let mut flags = RecvFlags::CMSG_CLOEXEC;
        flags.set(RecvFlags::DONTWAIT, !wait);
        let got = loop {
            match recvmsg(&self.0, &mut [IoSliceMut::new(buffer)], &mut beside, flags) {
                Ok(got) => break got,
                // The second is told once, before what lies there: the other end closed and left something of
                // ours unread.
                Err(rustix::io::Errno::INTR | rustix::io::Errno::CONNRESET) => {}
                Err(rustix::io::Errno::AGAIN) => return Ok(Received::Nothing),
                Err(error) => return Err(error.into()),
            }
        };
        if got.flags.contains(ReturnFlags::TRUNC) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a packet longer than the limit"));
        }
        if got.bytes == 0 {
            return Ok(Received::End);
        }
        let descriptor = beside.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        Ok(Received::Packet(got.bytes, descriptor))
    }

    /// The process at the other end, as it was when it connected or began to listen.
    ///
    /// # Errors
    /// When the socket is not connected.
    pub fn peer_pid(&self) -> io::Result<i32> {
        Ok(sockopt::socket_peercred(&self.0)?.pid.as_raw_pid())
    }

    /// Makes [`Self::send`] fail with `WouldBlock` where it would wait.
    ///
    /// # Errors
    /// Never on a socket.
    pub fn set_nonblocking(&self) -> io::Result<()> {
        Ok(rustix::io::ioctl_fionbio(&self.0, true)?)
    }

    /// Makes [`Self::receive`] and [`Self::send`] fail with `WouldBlock` after `limit`, on a socket that waits.
    ///
    /// # Errors
    /// When `limit` is zero.
    pub fn set_patience(&self, limit: Duration) -> io::Result<()> {
        sockopt::set_socket_timeout(&self.0, sockopt::Timeout::Recv, Some(limit))?;
        Ok(sockopt::set_socket_timeout(&self.0, sockopt::Timeout::Send, Some(limit))?)
    }

    /// Waits at most `limit` for something to be received.
    pub fn wait(&self, limit: Duration) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut one = [PollFd::new(&self.0, PollFlags::IN)];
        let limit = Timespec {
            tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(limit.subsec_nanos()),
        };
        poll(&mut one, Some(&limit)).is_ok_and(|ready| ready > 0)
    }
}

impl AsFd for Packets {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<Packets> for OwnedFd {
    fn from(packets: Packets) -> Self {
        packets.0
    }
}

/// A socket that others connect to.
#[derive(Debug)]
pub struct Listener(OwnedFd);

impl Listener {
    /// Binds `path` and listens. At most 16 wait to be accepted.
    ///
    /// # Errors
    /// When the path is taken or longer than 107 bytes.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let socket =
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
        rustix::net::listen(&socket, 16)?;
        Ok(Self(socket))
    }

    /// The next connection; waits for one.
    ///
    /// # Errors
    /// When the connection was given up meanwhile or no descriptor is left.
    pub fn accept(&self) -> io::Result<Packets> {
        Ok(Packets(rustix::net::accept_with(&self.0, SocketFlags::CLOEXEC)?))
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs::File, io::Read as _};

    #[test]
    fn packets_stay_whole_and_carry_a_descriptor() {
        let (a, b) = Packets::pair().unwrap();
        let file = File::open("/proc/self/stat").unwrap();
        a.send(b"one", None).unwrap();
        a.send(b"twotwo", Some(file.as_fd())).unwrap();
        let mut buffer = vec![0; PACKET_BYTES_MAX];
        assert!(matches!(b.receive(&mut buffer, false), Ok(Received::Packet(3, None))));
        let Ok(Received::Packet(6, Some(descriptor))) = b.receive(&mut buffer, false) else {
            panic!("the descriptor is missing");
        };
        let mut text = String::new();
        File::from(descriptor).read_to_string(&mut text).unwrap();
        assert!(text.starts_with(&std::process::id().to_string()));
        assert!(matches!(b.receive(&mut buffer, false), Ok(Received::Nothing)));
        drop(a);
        assert!(matches!(b.receive(&mut buffer, false), Ok(Received::End)));
    }

    /// A launcher that is killed leaves plans unread; what it said before must still be heard.
    #[test]
    fn last_words_are_heard_though_ours_were_not() {
        let (a, b) = Packets::pair().unwrap();
        a.send(b"last", None).unwrap();
        b.send(b"unread", None).unwrap();
        drop(a);
        let mut buffer = vec![0; PACKET_BYTES_MAX];
        assert!(matches!(b.receive(&mut buffer, false), Ok(Received::Packet(4, None))));
        assert!(matches!(b.receive(&mut buffer, false), Ok(Received::End)));
    }

    #[test]
    fn packet_longer_than_the_buffer_is_refused() {
        let (a, b) = Packets::pair().unwrap();
        a.send(&[7; 100], None).unwrap();
        assert!(b.receive(&mut [0; 10], true).is_err());
    }

    #[test]
    fn listener_knows_who_connects_and_nobody_is_an_error() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("s");
        assert!(Packets::connect(&path).is_err());
        let listener = Listener::bind(&path).unwrap();
        let client = Packets::connect(&path).unwrap();
        let server = listener.accept().unwrap();
        assert_eq!(client.peer_pid().unwrap(), i32::try_from(std::process::id()).unwrap());
        server.send(b"hi", None).unwrap();
        assert!(client.wait(Duration::from_secs(5)));
    }
}

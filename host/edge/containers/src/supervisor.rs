//! Speaking with a container's supervisor.

use std::{
    fs::File,
    io,
    os::fd::AsRawFd as _,
    path::Path,
    time::{Duration, Instant},
};

use mezzo_linux::{
    frame,
    packet::{PACKET_BYTES_MAX, Packets, Received},
    pidfd::PidFd,
};
use mezzo_proto::mezzo::store::v1::{
    SupervisorAnswer, SupervisorRequest,
    supervisor_request::{Request, Signal, State},
};
use prost::Message as _;

/// Of the messages in `mezzo/store/v1/supervisor.proto`, as this agent speaks them.
pub(crate) const VERSION: u32 = 1;

/// One question to a supervisor, on its way.
#[derive(Debug)]
pub(crate) struct Call {
    socket: Packets,
    /// Who listens.
    pub(crate) pid: i32,
}

impl Call {
    /// Asks how the command is.
    pub(crate) fn state(directory: &Path) -> io::Result<Self> {
        Self::new(directory, Request::State(State {}))
    }

    /// Asks to send a signal. The answer need not be waited for.
    pub(crate) fn signal(directory: &Path, number: i32, to_all: bool) -> io::Result<Self> {
        Self::new(directory, Request::Signal(Signal { number, to_all }))
    }

    fn new(directory: &Path, request: Request) -> io::Result<Self> {
        // The path of a socket has room for 107 bytes; through its open directory any path is short.
        let open = File::open(directory)?;
        let path = format!("/proc/self/fd/{}/socket", open.as_raw_fd());
        let socket = Packets::connect(Path::new(&path))?;
        let request = SupervisorRequest { version: VERSION, request: Some(request) };
        socket.send(&frame::seal(&request.encode_to_vec()), None)?;
        let pid = socket.peer_pid()?;
        Ok(Self { socket, pid })
    }

    /// The supervisor itself. It listens, so its number is still its own if it is alive after this.
    pub(crate) fn supervisor(&self) -> io::Result<PidFd> {
        PidFd::of(self.pid)
    }

    /// Waits for the answer until `deadline`.
    pub(crate) fn answer(&self, deadline: Instant) -> io::Result<SupervisorAnswer> {
        if !self.socket.wait(deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)))
        {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let mut buffer = vec![0; PACKET_BYTES_MAX];
        let Received::Packet(length, _) = self.socket.receive(&mut buffer, false)? else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let message = frame::open(&buffer[..length]).map_err(invalid)?;
        SupervisorAnswer::decode(message).map_err(invalid)
    }
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

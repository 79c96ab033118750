//! The launcher, from the agent's side.

use std::{
    fs::File,
    io::{self, Seek as _, Write as _},
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use mezzo_linux::{
    file, frame,
    packet::{PACKET_BYTES_MAX, Packets, Received},
    pidfd::PidFd,
};
use mezzo_proto::mezzo::store::v1::LaunchReport;
use prost::Message as _;

/// How soon after its start a launcher that was killed is replaced.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// A launcher that was started.
#[derive(Debug)]
pub(crate) struct Launcher {
    child: Child,
    pub(crate) process: PidFd,
    pub(crate) line: Line,
    started_at: Instant,
}

/// The connection to a launcher; may outlive it, since supervisors that it has just forked report there.
#[derive(Debug)]
pub(crate) struct Line {
    /// Which launcher: 1, 2, …
    pub(crate) number: u64,
    pub(crate) socket: Packets,
}

/// What came in over a line.
#[derive(Debug)]
pub(crate) enum Heard {
    Report(LaunchReport, Option<OwnedFd>),
    /// Nothing more now.
    Nothing,
    /// Nothing more ever: the launcher and whoever it forked are done with it.
    End,
}

impl Launcher {
    /// Starts launcher `number` in `directory`, with a copy of the held lock.
    pub(crate) fn start(program: &Path, directory: &Path, lock: &File, number: u64) -> io::Result<Self> {
        let (ours, theirs) = Packets::pair()?;
        ours.set_nonblocking()?;
        let child = spawn(program, directory, theirs.into(), lock)?;
        let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
        let process = PidFd::of(pid)?;
        Ok(Self { child, process, line: Line { number, socket: ours }, started_at: Instant::now() })
    }

    /// Reaps it after its end; returns its line and when the next may be started.
    pub(crate) fn ended(mut self) -> (Line, Instant) {
        let _ = self.child.wait();
        (self.line, self.started_at + RESTART_PAUSE)
    }

    /// Lets it end by itself, and waits a little for that so that it is reaped.
    pub(crate) fn dismiss(self) {
        let Self { mut child, process, line, .. } = self;
        drop(line);
        if process.wait(Duration::from_secs(1)) {
            let _ = child.wait();
        }
    }
}

impl Line {
    /// Sends a framed plan. `Ok(false)`: the launcher has too much to do; try later.
    pub(crate) fn send(&self, packet: &[u8]) -> io::Result<bool> {
        let sent = if packet.len() <= PACKET_BYTES_MAX {
            self.socket.send(packet, None)
        } else {
            // A packet of one byte stands for the file beside it.
            self.socket.send(&[0], Some(long_packet(packet)?.as_fd()))
        };
        match sent {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn hear(&self, buffer: &mut [u8]) -> Heard {
        loop {
            match self.socket.receive(buffer, false) {
                Ok(Received::Packet(length, descriptor)) => match report(&buffer[..length]) {
                    Some(report) => return Heard::Report(report, descriptor),
                    None => tracing::error!("the launcher said something that is not a report"),
                },
                Ok(Received::Nothing) => return Heard::Nothing,
                Ok(Received::End) => return Heard::End,
                Err(error) => {
                    tracing::error!(%error, "the launcher cannot be heard");
                    return Heard::End;
                }
            }
        }
    }
}

fn report(packet: &[u8]) -> Option<LaunchReport> {
    LaunchReport::decode(frame::open(packet).ok()?).ok()
}

fn long_packet(packet: &[u8]) -> io::Result<File> {
    let mut file = file::in_memory("mezzo-plan")?;
    file.write_all(packet)?;
    file.rewind()?;
    Ok(file)
}

fn spawn(program: &Path, directory: &Path, socket: OwnedFd, lock: &File) -> io::Result<Child> {
    let start = |program: PathBuf| -> io::Result<Child> {
        Command::new(program)
            .arg("launcher")
            .env_clear()
            .current_dir(directory)
            .stdin(Stdio::from(socket.try_clone()?))
            .stdout(Stdio::from(lock.try_clone()?))
            .stderr(Stdio::null())
            .spawn()
    };
    match start(program.to_owned()) {
        // Many hosts mount /run without leave to execute; what lies in memory may be executed.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let mut copy = file::in_memory("mezzo-init")?;
            copy.write_all(&std::fs::read(program)?)?;
            start(format!("/proc/self/fd/{}", copy.as_raw_fd()).into())
        }
        done => done,
    }
}

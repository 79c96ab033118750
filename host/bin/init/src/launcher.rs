//! The launcher: waits for plans, forks a supervisor for each.
//!
//! It has one thread and almost no memory, so a fork of it is cheap, which a fork
//! of the agent never is. It remembers nothing: when it is killed the agent
//! starts another, and the supervisors do not notice.
//!
//! Its agent gives it: standard input, the socket; standard output, the locked
//! file that no second agent may hold; the working directory, where each
//! container has its own directory.

use std::{
    fs::File,
    io::{self, Read as _},
    os::fd::{AsFd as _, OwnedFd},
    process::ExitCode,
};

use mezzo_linux::{
    frame,
    packet::{PACKET_BYTES_MAX, Packets, Received},
};
use mezzo_proto::mezzo::store::v1::{LaunchPlan, launch_failed::Step};
use prost::Message as _;

use crate::{
    clone::{self, Forked},
    report::Reports,
    supervisor,
};

/// No plan is longer. A command line and an environment together cannot pass 6 MiB on Linux.
const PLAN_BYTES_MAX: u64 = 8 * 1024 * 1024;

pub fn run() -> ExitCode {
    let Ok((agent, lock)) = settle() else { return ExitCode::from(2) };
    let mut ties = Ties { agent: Reports::new(agent), lock };
    let mut buffer = vec![0; PACKET_BYTES_MAX];
    loop {
        let (length, descriptor) = match ties.agent.socket().receive(&mut buffer, true) {
            Ok(Received::Packet(length, descriptor)) => (length, descriptor),
            Ok(Received::Nothing) => continue,
            // The agent is gone, and everything it asked for has been done.
            Ok(Received::End) => return ExitCode::SUCCESS,
            Err(_) => return ExitCode::FAILURE,
        };
        match plan(&buffer[..length], descriptor) {
            Ok(plan) => ties = launch(&plan, ties),
            // Not to be told whose plan it was; the agent's own deadline finds it.
            Err(why) => ties.agent.failed("", Step::Prepare, why),
        }
    }
}

/// What ties this process to its agent. A supervisor lets go of both as soon as it can be found without them.
pub struct Ties {
    pub agent: Reports,
    /// The locked file.
    pub lock: OwnedFd,
}

/// Puts the given descriptors where no command inherits them, and cuts the ties to the agent's terminal.
fn settle() -> io::Result<(Packets, OwnedFd)> {
    clone::close_from(3);
    let socket = rustix::io::fcntl_dupfd_cloexec(io::stdin(), 3)?;
    let lock = rustix::io::fcntl_dupfd_cloexec(io::stdout(), 3)?;
    let null =
        rustix::fs::open("/dev/null", rustix::fs::OFlags::RDWR | rustix::fs::OFlags::CLOEXEC, 0.into())?;
    for standard in 0..3 {
        clone::put_at(&null, standard)?;
    }
    // Fails only where the agent made it a leader already, which is as good.
    let _ = rustix::process::setsid();
    clone::reset_signals();
    // Supervisors that end are nobody's zombies.
    clone::ignore_children();
    Ok((Packets::from_descriptor(socket), lock))
}

/// Reads a plan: from the packet, or from the file beside an empty one where it is too long for a packet.
fn plan(packet: &[u8], file: Option<OwnedFd>) -> Result<LaunchPlan, String> {
    let mut long = Vec::new();
    let framed = match file {
        None => packet,
        Some(file) => {
            let mut file = File::from(file).take(PLAN_BYTES_MAX);
            file.read_to_end(&mut long).map_err(|error| format!("Failed to read a long plan: {error}"))?;
            &long
        }
    };
    let message = frame::open(framed).map_err(|error| format!("Failed to read a plan: {error}"))?;
    LaunchPlan::decode(message).map_err(|error| format!("Failed to read a plan: {error}"))
}

fn launch(plan: &LaunchPlan, ties: Ties) -> Ties {
    match clone::supervisor(plan.walls.unwrap_or_default()) {
        Ok(Forked::Child) => supervisor::run(plan, ties),
        Ok(Forked::Parent { pid, pidfd }) => ties.agent.started(&plan.container, pid, pidfd.as_fd()),
        Err(error) => {
            let why = format!("Failed to make the container's namespaces: {error}");
            ties.agent.failed(&plan.container, Step::Isolate, why);
        }
    }
    ties
}

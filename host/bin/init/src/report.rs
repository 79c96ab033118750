//! What launcher and supervisor tell the agent.

use std::os::fd::BorrowedFd;

use mezzo_linux::{frame, packet::Packets};
use mezzo_proto::mezzo::store::v1::{
    CommandRuns, LaunchFailed, LaunchReport, SupervisorStarted, launch_failed::Step, launch_report::Event,
};
use prost::Message as _;

/// The way to the agent. That it is gone is no failure of the one who reports.
pub struct Reports(Packets);

impl Reports {
    pub fn new(socket: Packets) -> Self {
        Self(socket)
    }

    pub fn socket(&self) -> &Packets {
        &self.0
    }

    pub fn started(&self, container: &str, pid: i32, pidfd: BorrowedFd<'_>) {
        self.send(container, Event::Started(SupervisorStarted { pid }), Some(pidfd));
    }

    pub fn runs(&self, container: &str, pid: i32) {
        self.send(container, Event::Runs(CommandRuns { pid }), None);
    }

    pub fn failed(&self, container: &str, step: Step, message: String) {
        self.send(container, Event::Failed(LaunchFailed { step: step.into(), message }), None);
    }

    fn send(&self, container: &str, event: Event, descriptor: Option<BorrowedFd<'_>>) {
        let report = LaunchReport { container: container.to_owned(), event: Some(event) };
        let _ = self.0.send(&frame::seal(&report.encode_to_vec()), descriptor);
    }
}

//! The launcher's life: started, heard, replaced when it ends.

use std::time::{Duration, Instant};

use mezzo_linux::pidfd::PidFd;
use mezzo_model::ids::ContainerId;

use super::{Keeper, Watch};
use crate::{
    container::{Container, Phase},
    launcher::{Heard, Launcher},
};

impl Keeper {
    pub(super) fn start_launcher(&mut self) -> std::io::Result<()> {
        self.launcher_due = None;
        let number = self.launchers_started + 1;
        let launcher = Launcher::start(&self.program, &self.directory.containers(), &self.held, number)?;
        self.launchers_started = number;
        let line = self.token(Watch::Line(number));
        self.epoll.watch(&launcher.line.socket, line)?;
        let end = self.token(Watch::Launcher);
        self.epoll.watch(&launcher.process, end)?;
        self.launcher = Some(launcher);
        Ok(())
    }

    pub(super) fn launcher_ended(&mut self, token: u64) {
        self.watches.remove(&token);
        let Some(launcher) = self.launcher.take() else { return };
        tracing::warn!("the launcher has ended; containers go on, another is started");
        let (line, due) = launcher.ended();
        let number = line.number;
        self.lines.push(line);
        self.launcher_due = Some(due);
        self.hear(number);
    }

    /// Nobody speaks on this line any more: what was asked there and not answered never began.
    pub(super) fn line_ended(&mut self, number: u64) {
        // The launcher itself may not have been reaped yet; its own end is told separately.
        if self.launcher.as_ref().is_some_and(|launcher| launcher.line.number == number) {
            if let Some(launcher) = &self.launcher {
                self.epoll.forget(&launcher.line.socket);
            }
            return;
        }
        self.lines.retain(|line| line.number != number);
        self.watches.retain(|_, watch| !matches!(watch, Watch::Line(other) if *other == number));
        for container in self.containers.values_mut() {
            if let Phase::Launching { launcher, .. } = &mut container.phase
                && *launcher == number
                && container.supervisor.is_none()
            {
                *launcher = 0;
            }
        }
        self.send_waiting();
    }

    pub(super) fn restart_launcher(&mut self) {
        if let Err(error) = self.start_launcher() {
            tracing::error!(%error, "the launcher cannot be started; nothing can be launched");
            self.launcher_due = Some(Instant::now() + Duration::from_secs(5));
            return;
        }
        self.send_waiting();
    }

    /// Sends what no launcher has begun: what never found room and what was lost with another.
    pub(super) fn send_waiting(&mut self) {
        self.unsent.clear();
        let waiting = |(id, container): (&ContainerId, &Container)| match container.phase {
            Phase::Launching { launcher: 0, .. } => Some(id.clone()),
            _ => None,
        };
        let waiting: Vec<_> = self.containers.iter().filter_map(waiting).collect();
        for id in waiting {
            if self.containers.get(&id).is_some_and(|container| container.doom.is_some()) {
                self.advance_removal(&id);
            } else {
                self.send(&id);
            }
        }
    }

    pub(super) fn hear(&mut self, number: u64) {
        loop {
            let current = self.launcher.as_ref().map(|launcher| &launcher.line);
            let Some(line) = current.into_iter().chain(&self.lines).find(|line| line.number == number) else {
                return;
            };
            match line.hear(&mut self.buffer) {
                Heard::Report(report, descriptor) => {
                    self.heard(report, descriptor.map(PidFd::from_descriptor));
                }
                Heard::Nothing => return,
                Heard::End => return self.line_ended(number),
            }
        }
    }
}

//! Ending containers, in whatever state they are, until nothing is left in the kernel.

use std::time::{Duration, Instant};

use mezzo_linux::{pidfd::PidFd, process_table};
use mezzo_model::{
    container::{Report, Stage},
    ids::ContainerId,
};

use super::{KILL, Keeper, sentence};
use crate::{
    container::{Container, Doom, Phase, Then},
    supervisor::Call,
};

/// How long a supervisor may take to end its command before it is killed itself: then the status is lost.
const SUPERVISOR_PATIENCE: Duration = Duration::from_secs(2);
/// How long a supervisor that is just being made may take to say so.
const LAUNCH_PATIENCE: Duration = Duration::from_secs(5);
/// How long a fetch that was stopped is waited for.
const FETCH_PATIENCE: Duration = Duration::from_secs(5);

impl Keeper {
    pub(super) fn destroy(&mut self, id: ContainerId) {
        if !self.containers.contains_key(&id) {
            self.find_remains(&id);
        }
        self.doom(&id, Then::Destroyed);
    }

    /// Takes up a container of which at most a name is known; what is left of it will be found.
    pub(super) fn find_remains(&mut self, id: &ContainerId) {
        let mut container = Container::new(Phase::Ended { pid: 0 });
        if !crate::directory::is_name(id.as_str()) {
            self.containers.insert(id.clone(), container);
            return;
        }
        container.group = self.groups.as_ref().map(|root| root.find(id.as_str()));
        self.containers.insert(id.clone(), container);
        if let Ok(call) = Call::signal(&self.directory.of(id.as_str()), KILL, true)
            && let Ok(process) = call.supervisor()
        {
            self.hold_supervisor(id, process);
        }
    }

    /// Decides that a container is to be removed, and begins.
    pub(super) fn doom(&mut self, id: &ContainerId, then: Then) {
        let Some(container) = self.containers.get_mut(id) else { return };
        match &mut container.doom {
            // Asked again: one report answers both.
            Some(doom) if doom.then.contains(&then) => return,
            Some(doom) => {
                // Only the first failure is the cause.
                if !(doom.has_failed() && matches!(then, Then::LaunchFailed(..))) {
                    doom.then.push(then);
                }
            }
            None => container.doom = Some(Doom::new(then)),
        }
        self.advance_removal(id);
    }

    /// Does the next thing towards the end of a doomed container.
    pub(super) fn advance_removal(&mut self, id: &ContainerId) {
        let Some(container) = self.containers.get_mut(id) else { return };
        let Some(doom) = &mut container.doom else { return };
        let now = Instant::now();
        let is_first = doom.patience_until.is_none();
        match (&container.phase, &container.supervisor) {
            (Phase::Prepared { task: Some(task), .. }, _) => {
                task.stop();
                let until = *doom.patience_until.get_or_insert(now + FETCH_PATIENCE);
                if now < until {
                    return self.set_due(id, until - now);
                }
                tracing::warn!(container = %id, "the fetcher did not stop");
                self.clean_up(id);
            }
            // It will start or fail, and either is told.
            (Phase::Launching { launcher, .. }, None) if *launcher != 0 && !doom.has_failed() => {}
            (phase, Some(supervisor)) => {
                let patience = match phase {
                    Phase::Launching { has_own_pids: true, .. } => Duration::ZERO,
                    Phase::Launching { .. } => LAUNCH_PATIENCE,
                    _ => SUPERVISOR_PATIENCE,
                };
                let until = *doom.patience_until.get_or_insert(now + patience);
                let is_running = matches!(phase, Phase::Running { .. });
                if now >= until {
                    supervisor.process.kill();
                } else {
                    if is_first && is_running {
                        self.signal(id, KILL, true);
                    }
                    self.set_due(id, until.saturating_duration_since(now));
                }
            }
            (_, None) => self.clean_up(id),
        }
    }

    /// Removes what has no more supervisor from the kernel; once nothing is left, says so.
    fn clean_up(&mut self, id: &ContainerId) {
        match self.remove_groups(id) {
            Ok(true) => self.finish(id),
            Ok(false) => self.try_later(id, None),
            Err(why) => self.try_later(id, Some(why)),
        }
    }

    fn remove_groups(&mut self, id: &ContainerId) -> Result<bool, String> {
        let Some(container) = self.containers.get_mut(id) else { return Ok(true) };
        // Closing it ends the news: removing a group would count as one.
        if let Some((_, token)) = container.out_of_memory.take() {
            self.watches.remove(&token);
        }
        let Some(group) = &mut container.group else { return Ok(true) };
        if group.remove().map_err(|error| sentence(&error))? {
            return Ok(true);
        }
        group.kill().map_err(|error| sentence(&error))?;
        Ok(false)
    }

    fn try_later(&mut self, id: &ContainerId, why: Option<String>) {
        let limit = self.config.destroy_timeout;
        let Some(doom) = self.containers.get_mut(id).and_then(|container| container.doom.as_mut()) else {
            return;
        };
        let pause = doom.pause();
        if !doom.is_late && doom.since.elapsed() > limit {
            doom.is_late = true;
            let why = why.unwrap_or_else(|| "a process does not end".to_owned());
            tracing::error!(container = %id, why, "the container cannot be removed; it is tried once a second");
        }
        self.set_due(id, pause);
    }

    fn finish(&mut self, id: &ContainerId) {
        if crate::directory::is_name(id.as_str())
            && let Err(error) = self.directory.remove(id.as_str())
        {
            return self.try_later(id, Some(error.to_string()));
        }
        let Some(container) = self.containers.remove(id) else { return };
        if let Some(due) = container.due {
            self.dues.remove(&(due, id.clone()));
        }
        let never_ran = matches!(container.phase, Phase::Prepared { .. } | Phase::Launching { .. });
        let then = container.doom.map(|doom| doom.then).unwrap_or_default();
        let has_failed = then.iter().any(|then| matches!(then, Then::LaunchFailed(..)));
        if never_ran && !has_failed {
            let stage = match container.phase {
                Phase::Prepared { .. } => Stage::Fetch,
                _ => Stage::Isolate,
            };
            let message = "The container was destroyed while it was being launched".to_owned();
            self.report(Report::LaunchFailed { container: id.clone(), stage, message });
        }
        for then in then {
            match then {
                Then::Destroyed => self.report(Report::Destroyed { container: id.clone() }),
                Then::LaunchFailed(stage, message) => {
                    self.report(Report::LaunchFailed { container: id.clone(), stage, message });
                }
                Then::Orphan => self.orphan_removed(id),
            }
        }
    }

    /// Ends the session of a command whose supervisor was killed, where no namespace and no group holds what
    /// the command left behind. Done at once: later the number may be another's.
    pub(super) fn end_session(&self, leader: i32) {
        if self.groups.is_some() || leader <= 0 {
            return;
        }
        let Ok(all) = process_table::all() else { return };
        for process in all.iter().filter(|process| process.session == leader) {
            let Ok(held) = PidFd::of(process.pid) else { continue };
            let is_same =
                process_table::of(process.pid).is_some_and(|now| now.started_ticks == process.started_ticks);
            if is_same {
                held.kill();
            }
        }
    }
}

//! Finding the containers of a former life.

use std::{
    collections::{BTreeSet, HashSet},
    time::{Duration, Instant},
};

use mezzo_model::{container::Report, ids::ContainerId};

use super::Keeper;
use crate::{
    container::{Container, Phase, Then},
    directory::is_name,
    supervisor::Call,
};

/// How long all supervisors together may take to answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);
/// How long the report waits for the orphans' end.
const ORPHAN_PATIENCE: Duration = Duration::from_secs(5);

/// A recovery whose report waits for the orphans to be gone.
#[derive(Debug)]
pub(super) struct Recovery {
    found: Vec<(ContainerId, i32)>,
    lost: Vec<ContainerId>,
    orphans: usize,
    waiting: HashSet<ContainerId>,
    pub(super) deadline: Instant,
}

impl Keeper {
    pub(super) fn recover(&mut self, known: Vec<ContainerId>) {
        if let Some(former) = &mut self.recovery {
            former.deadline = Instant::now();
            self.finish_recovery(Instant::now());
        }
        let (found, lost) = self.look_for(&known);
        let known: HashSet<ContainerId> = known.into_iter().collect();
        let strangers: Vec<ContainerId> =
            self.traces().into_iter().filter(|id| !known.contains(id)).collect();
        let orphans: Vec<_> = strangers.into_iter().filter(|id| !self.containers.contains_key(id)).collect();
        let waiting: HashSet<ContainerId> = orphans.iter().chain(&lost).cloned().collect();
        let (orphans, remains) = (orphans.len(), waiting.clone());
        let deadline = Instant::now() + ORPHAN_PATIENCE;
        self.recovery = Some(Recovery { found, lost, orphans, waiting, deadline });
        for id in remains {
            self.find_remains(&id);
            self.doom(&id, Then::Orphan);
        }
        self.finish_recovery(Instant::now());
    }

    pub(super) fn orphan_removed(&mut self, id: &ContainerId) {
        if let Some(recovery) = &mut self.recovery {
            recovery.waiting.remove(id);
        }
    }

    /// Reports a recovery once nothing is waited for.
    pub(super) fn finish_recovery(&mut self, now: Instant) {
        let is_done = |recovery: &mut Recovery| recovery.waiting.is_empty() || recovery.deadline <= now;
        let Some(recovery) = self.recovery.take_if(is_done) else { return };
        let Recovery { found, lost, orphans, .. } = recovery;
        let ended = |(id, _): &(ContainerId, i32)| match self.containers.get(id) {
            // Its supervisor, if there is one still, is only finishing.
            Some(Container { phase: Phase::Running { .. }, supervisor: None, .. }) => Some(id.clone()),
            _ => None,
        };
        let ended: Vec<_> = found.iter().filter_map(ended).collect();
        self.report(Report::Recovered { found, lost, orphans });
        ended.iter().for_each(|id| self.command_ended(id));
    }

    /// Takes up those of `known` that left a trace: `(found, lost)`.
    fn look_for(&mut self, known: &[ContainerId]) -> (Vec<(ContainerId, i32)>, Vec<ContainerId>) {
        let (mut found, mut lost) = (Vec::new(), Vec::new());
        // All are asked before any is waited for.
        let ask =
            |id: &ContainerId| is_name(id.as_str()).then(|| Call::state(&self.directory.of(id.as_str())));
        let calls: Vec<_> = known.iter().map(|id| (id, ask(id).and_then(Result::ok))).collect();
        let deadline = Instant::now() + ANSWER_PATIENCE;
        for (id, call) in calls {
            if let Some(container) = self.containers.get(id) {
                if let Phase::Running { pid } | Phase::Ended { pid } = container.phase {
                    found.push((id.clone(), pid));
                }
                continue;
            }
            match self.take_up(id, call, deadline) {
                Some(pid) => found.push((id.clone(), pid)),
                None => lost.push(id.clone()),
            }
        }
        (found, lost)
    }

    fn take_up(&mut self, id: &ContainerId, call: Option<Call>, deadline: Instant) -> Option<i32> {
        // Held before anything is read: what is read after this is its last word if it has ended by then.
        let supervisor = call.as_ref().and_then(|call| call.supervisor().ok());
        let answered = call.and_then(|call| call.answer(deadline).ok()).map(|answer| answer.pid);
        let kept = self.directory.status(id.as_str()).map(|record| record.pid);
        let pid = kept.or(answered).filter(|pid| *pid > 0)?;
        let mut container = Container::new(Phase::Running { pid });
        container.group = self.groups.as_ref().map(|root| root.find(id.as_str()));
        let news = container.group.as_ref().map(mezzo_cgroups::Group::out_of_memory_events);
        let news = news.transpose().unwrap_or_else(|error| {
            tracing::error!(container = %id, %error, "running out of memory will not be noticed at once");
            None
        });
        self.containers.insert(id.clone(), container);
        if let Some(process) = supervisor {
            self.watch_memory(id, news.flatten());
            self.hold_supervisor(id, process);
        }
        Some(pid)
    }

    /// Names of everything that looks like a container of ours.
    fn traces(&self) -> BTreeSet<ContainerId> {
        let mut names: BTreeSet<String> = match self.directory.names() {
            Ok(names) => names.into_iter().collect(),
            Err(error) => {
                tracing::error!(%error, "the runtime directory cannot be read; orphans may stay");
                BTreeSet::new()
            }
        };
        match self.groups.as_ref().map(mezzo_cgroups::Root::names).transpose() {
            Ok(groups) => names.extend(groups.unwrap_or_default()),
            Err(error) => tracing::error!(%error, "the control groups cannot be read; orphans may stay"),
        }
        names.into_iter().map(ContainerId::new).collect()
    }
}

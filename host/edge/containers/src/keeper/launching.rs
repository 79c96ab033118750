//! Launching, from the plan to the launcher's hands.

use mezzo_linux::eventfd::EventFd;
use mezzo_model::{
    container::{Isolation, Plan, Report, Stage},
    ids::ContainerId,
};

use super::{Keeper, Watch, sentence};
use crate::{
    config::FetchRequest,
    container::{Container, Phase},
    fetching::Fetching,
    launcher::Launcher,
    prepare, volumes,
};

impl Keeper {
    pub(super) fn launch(&mut self, plan: Box<Plan>) {
        let id = plan.container.clone();
        if let Some(container) = self.containers.get(&id) {
            // Asked again: the answer is on its way, or is given again.
            if let Phase::Running { pid } | Phase::Ended { pid } = container.phase
                && container.doom.is_none()
            {
                self.report(Report::Launched { container: id, pid });
            }
            return;
        }
        match self.begin(plan) {
            Ok(container) => {
                self.containers.insert(id.clone(), container);
                self.fetch_or_run(&id);
            }
            Err(message) => {
                self.report(Report::LaunchFailed { container: id, stage: Stage::Prepare, message });
            }
        }
    }

    /// Makes what a container has before its files are brought.
    pub(super) fn begin(&mut self, plan: Box<Plan>) -> Result<Container, String> {
        prepare::check(&plan)?;
        if matches!(plan.isolation, Isolation::Linux { .. }) && self.groups.is_none() {
            return Err("Namespaces need an agent with `--launcher=linux`".to_owned());
        }
        let account = self.accounts.find(plan.user.as_deref())?;
        prepare::sandbox(&plan, account.as_ref())?;
        volumes::prepare(&plan, account.as_ref())?;
        let path = self.directory.of(plan.container.as_str());
        std::fs::create_dir(&path)
            .map_err(|error| format!("Failed to make `{}`: {error}", path.display()))?;
        let task = (!plan.fetch.is_empty()).then(|| {
            let request = FetchRequest {
                container: plan.container.clone(),
                items: plan.fetch.clone(),
                sandbox: plan.sandbox.clone().into(),
                user: plan.user.clone(),
            };
            Fetching::start(&self.config, request, &self.inbox)
        });
        Ok(Container::new(Phase::Prepared { plan, account, task }))
    }

    pub(super) fn fetch_or_run(&mut self, id: &ContainerId) {
        if let Some(Container { phase: Phase::Prepared { task: None, .. }, .. }) = self.containers.get(id) {
            self.run_command(id);
        }
    }

    pub(super) fn fetched(&mut self, id: &ContainerId, result: Result<(), String>) {
        let Some(container) = self.containers.get_mut(id) else { return };
        let Phase::Prepared { task, .. } = &mut container.phase else { return };
        *task = None;
        match result {
            _ if container.doom.is_some() => self.advance_removal(id),
            Ok(()) => self.run_command(id),
            Err(message) => self.fail(id, Stage::Fetch, message),
        }
    }

    /// Makes the control groups and hands the plan to the launcher.
    pub(super) fn run_command(&mut self, id: &ContainerId) {
        let Some(container) = self.containers.get_mut(id) else { return };
        let Phase::Prepared { plan, account, .. } = &mut container.phase else { return };
        let is_linux = matches!(plan.isolation, Isolation::Linux { .. });
        let made = match &self.groups {
            Some(root) if is_linux => root.make(id.as_str(), &plan.limits).map(Some),
            _ => Ok(None),
        };
        let prepared = made
            .and_then(|group| {
                let news = group.as_ref().map_or(Ok(None), mezzo_cgroups::Group::out_of_memory_events)?;
                container.group = group;
                Ok(news)
            })
            .map_err(|error| sentence(&error))
            .and_then(|news| Ok((news, prepare::packet(plan, account.take(), container.group.as_ref())?)));
        match prepared {
            Err(message) => self.fail(id, Stage::Prepare, message),
            Ok((news, packet)) => {
                let has_own_pids = prepare::walls(plan.isolation).pid;
                container.phase = Phase::Launching { launcher: 0, packet, signals: Vec::new(), has_own_pids };
                self.watch_memory(id, news);
                self.send(id);
            }
        }
    }

    pub(super) fn watch_memory(&mut self, id: &ContainerId, news: Option<EventFd>) {
        let Some(news) = news else { return };
        let token = self.token(Watch::Memory(id.clone()));
        if let Err(error) = self.epoll.watch(&news, token) {
            tracing::error!(container = %id, %error, "running out of memory will not be noticed at once");
        }
        if let Some(container) = self.containers.get_mut(id) {
            container.out_of_memory = Some((news, token));
        }
    }

    /// Hands the plan to the launcher that there is, if there is one.
    pub(super) fn send(&mut self, id: &ContainerId) {
        let Some(Launcher { line, .. }) = &self.launcher else { return };
        let Some(Container { phase: Phase::Launching { launcher, packet, .. }, .. }) =
            self.containers.get_mut(id)
        else {
            return;
        };
        match line.send(packet) {
            Ok(true) => *launcher = line.number,
            Ok(false) => self.unsent.push(id.clone()),
            // It has just ended: its successor gets the plan.
            Err(error) => tracing::debug!(container = %id, %error, "the launcher does not listen"),
        }
    }
}

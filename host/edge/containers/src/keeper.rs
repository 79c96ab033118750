//! The node's thread: waits for anything to happen to any container, and does the next thing.
//!
//! What launchers and supervisors say, and how commands end, is here; `launching` begins containers, `removal`
//! ends them, `recovery` finds those of a former life.

mod launchers;
mod launching;
mod recovery;
mod removal;
mod resizing;

use std::{
    collections::{BTreeSet, HashMap},
    fs::File,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use mezzo_cgroups::Root;
use mezzo_linux::{epoll::Epoll, packet::PACKET_BYTES_MAX, pidfd::PidFd};
use mezzo_model::{
    container::{Ask, End, Report, Stage, VolumeChange, VolumePlace},
    ids::ContainerId,
};
use mezzo_proto::mezzo::store::v1::{LaunchReport, launch_failed::Step, launch_report::Event};

use crate::{
    config::{NodeConfig, NodeError},
    container::{Container, Phase, Supervisor, Then},
    directory::{Directory, is_below},
    launcher::{Launcher, Line},
    limitation,
    node::{Inbox, Note},
    prepare::Accounts,
    supervisor::Call,
    volumes,
};

/// Everything that the thread knows.
pub(crate) struct Keeper {
    config: NodeConfig,
    directory: Directory,
    /// Absent for the posix launcher.
    groups: Option<Root>,
    program: PathBuf,
    /// The lock on the runtime directory; launchers get copies.
    held: File,
    inbox: Inbox,
    on_report: Box<dyn Fn(Report) + Send>,
    epoll: Epoll,
    watches: HashMap<u64, Watch>,
    token_next: u64,
    containers: HashMap<ContainerId, Container>,
    dues: BTreeSet<(Instant, ContainerId)>,
    accounts: Accounts,
    launcher: Option<Launcher>,
    launchers_started: u64,
    launcher_due: Option<Instant>,
    /// Lines of launchers that have ended, until all who speak there are done.
    lines: Vec<Line>,
    /// Plans that the launcher has not had room for.
    unsent: Vec<ContainerId>,
    recovery: Option<recovery::Recovery>,
    buffer: Vec<u8>,
    is_stopped: bool,
}

/// What a token of the epoll set stands for.
#[derive(Clone, Debug)]
enum Watch {
    Inbox,
    /// A launcher has ended.
    Launcher,
    /// Something came in over the line of this launcher.
    Line(u64),
    /// Process 1 of a container has ended.
    Supervisor(ContainerId),
    /// A container has run out of memory.
    Memory(ContainerId),
}

impl Keeper {
    pub(crate) fn start(
        config: NodeConfig,
        directory: Directory,
        groups: Option<Root>,
        (program, held): (PathBuf, File),
        inbox: Inbox,
        on_report: Box<dyn Fn(Report) + Send>,
    ) -> Result<Self, NodeError> {
        let kernel = |verb| move |source| NodeError::Kernel { verb, source };
        let epoll = Epoll::new().map_err(kernel("make an epoll set"))?;
        epoll.watch(inbox.bell(), 0).map_err(kernel("watch the inbox"))?;
        let mut keeper = Self {
            config,
            directory,
            groups,
            program,
            held,
            inbox,
            on_report,
            epoll,
            watches: HashMap::from([(0, Watch::Inbox)]),
            token_next: 1,
            containers: HashMap::new(),
            dues: BTreeSet::new(),
            accounts: Accounts::default(),
            launcher: None,
            launchers_started: 0,
            launcher_due: None,
            lines: Vec::new(),
            unsent: Vec::new(),
            recovery: None,
            buffer: vec![0; PACKET_BYTES_MAX],
            is_stopped: false,
        };
        keeper
            .start_launcher()
            .map_err(|source| NodeError::Launcher { path: keeper.program.clone(), source })?;
        Ok(keeper)
    }

    pub(crate) fn run(mut self) {
        let mut ready = Vec::new();
        while !self.is_stopped {
            if let Err(error) = self.epoll.wait(self.patience(), &mut ready) {
                // Only a broken descriptor set does that; without it nothing can be watched.
                tracing::error!(%error, "the node cannot wait for its containers");
                return;
            }
            for token in ready.drain(..) {
                if let Some(watch) = self.watches.get(&token).cloned() {
                    self.attend(watch, token);
                }
            }
            self.attend_dues();
        }
        if let Some(launcher) = self.launcher.take() {
            launcher.dismiss();
        }
    }

    fn attend(&mut self, watch: Watch, token: u64) {
        match watch {
            Watch::Inbox => {
                for note in self.inbox.take() {
                    self.note(note);
                }
            }
            Watch::Line(number) => self.hear(number),
            Watch::Launcher => self.launcher_ended(token),
            Watch::Supervisor(container) => self.supervisor_ended(&container),
            Watch::Memory(container) => self.out_of_memory(&container),
        }
    }

    fn note(&mut self, note: Note) {
        match note {
            Note::Ask(Ask::Launch(plan)) => self.launch(plan),
            Note::Ask(Ask::Signal { container, signal, to_all }) => self.signal(&container, signal, to_all),
            Note::Ask(Ask::Resize { container, limits, number }) => self.resize(container, &limits, number),
            Note::Ask(Ask::Destroy { container }) => self.destroy(container),
            Note::Ask(Ask::Recover { known }) => self.recover(known),
            Note::Ask(Ask::RemoveTree { path }) => self.remove_tree(path),
            Note::Ask(Ask::ChangeVolumes { operation, change, volumes }) => {
                self.change_volumes(operation, change, &volumes);
            }
            Note::VolumesRemoved { operation, result } => {
                self.report(Report::VolumesChanged { operation, result });
            }
            Note::Fetched { container, result } => self.fetched(&container, result),
            Note::Stop => self.is_stopped = true,
        }
    }

    fn report(&self, report: Report) {
        (self.on_report)(report);
    }

    // What launchers and supervisors say.

    fn heard(&mut self, report: LaunchReport, process: Option<PidFd>) {
        let id = ContainerId::new(report.container);
        match (report.event, process) {
            (Some(Event::Started(_)), Some(process)) => self.supervisor_started(&id, process),
            (Some(Event::Runs(runs)), _) => self.command_runs(&id, runs.pid),
            (Some(Event::Failed(failed)), _) => {
                let stage = match failed.step() {
                    Step::Run => Stage::Run,
                    Step::Isolate => Stage::Isolate,
                    Step::Prepare | Step::Unspecified => Stage::Prepare,
                };
                self.fail(&id, stage, failed.message);
            }
            _ => tracing::error!(container = %id, "the launcher's report lacks its half"),
        }
    }

    fn supervisor_started(&mut self, id: &ContainerId, process: PidFd) {
        if !self.containers.contains_key(id) {
            process.kill();
            return;
        }
        self.hold_supervisor(id, process);
        if self.containers.get(id).is_some_and(|container| container.doom.is_some()) {
            self.advance_removal(id);
        }
    }

    /// Watches process 1 of a container from now on.
    fn hold_supervisor(&mut self, id: &ContainerId, process: PidFd) {
        let token = self.token(Watch::Supervisor(id.clone()));
        if let Err(error) = self.epoll.watch(&process, token) {
            tracing::error!(container = %id, %error, "the end of the container will not be noticed");
        }
        if let Some(container) = self.containers.get_mut(id) {
            container.supervisor = Some(Supervisor { process, token });
        }
    }

    fn command_runs(&mut self, id: &ContainerId, pid: i32) {
        let Some(container) = self.containers.get_mut(id) else { return };
        let Phase::Launching { signals, .. } = &mut container.phase else { return };
        let signals = std::mem::take(signals);
        container.phase = Phase::Running { pid };
        if let Some(doom) = &mut container.doom {
            doom.patience_until = None;
        }
        let is_held = container.supervisor.is_some();
        self.report(Report::Launched { container: id.clone(), pid });
        if !is_held {
            // The launcher was killed between the fork and its report.
            match self.adopt_supervisor(id) {
                Some(process) => self.hold_supervisor(id, process),
                None => return self.command_ended(id),
            }
        }
        for (signal, to_all) in signals {
            self.signal(id, signal, to_all);
        }
        if self.containers.get(id).is_some_and(|container| container.doom.is_some()) {
            self.advance_removal(id);
        }
    }

    fn adopt_supervisor(&self, id: &ContainerId) -> Option<PidFd> {
        Call::state(&self.directory.of(id.as_str())).and_then(|call| call.supervisor()).ok()
    }

    // Ends.

    fn supervisor_ended(&mut self, id: &ContainerId) {
        // What it said before it ended comes first.
        let numbers: Vec<u64> = self.line_numbers();
        numbers.into_iter().for_each(|number| self.hear(number));
        let Some(container) = self.containers.get_mut(id) else { return };
        if let Some(supervisor) = container.supervisor.take() {
            self.watches.remove(&supervisor.token);
        }
        match &mut container.phase {
            Phase::Launching { launcher, .. } => {
                // It will not begin any more.
                *launcher = 0;
                if container.doom.is_some() {
                    return self.advance_removal(id);
                }
                let message = "The container's first process was killed before the command ran".to_owned();
                self.fail(id, Stage::Isolate, message);
            }
            Phase::Running { .. } => self.command_ended(id),
            _ => self.advance_removal(id),
        }
    }

    /// Says how a running command has ended.
    fn command_ended(&mut self, id: &ContainerId) {
        let Some(container) = self.containers.get_mut(id) else { return };
        let pid = match container.phase {
            Phase::Running { pid } => pid,
            _ => 0,
        };
        container.phase = Phase::Ended { pid };
        let wait_status = self.directory.status(id.as_str()).map(|record| record.status);
        // Killed, not by us as far as we know: the news of memory may still be behind this, or came to nobody.
        let is_killed = wait_status.is_none_or(|status| status & 0x7f == KILL);
        if container.limitation.is_none() && is_killed && container.doom.is_none() {
            let has_news = container.out_of_memory.as_ref().is_some_and(|(news, _)| news.take());
            let group = container.group.as_ref().filter(|group| has_news || group.has_run_out_of_memory());
            let usage = group.and_then(mezzo_cgroups::Group::memory_usage);
            container.limitation = usage.as_ref().map(limitation::of_memory);
        }
        let limitation = container.limitation.take();
        let is_doomed = container.doom.is_some();
        self.report(Report::Exited { container: id.clone(), end: End { wait_status, limitation } });
        if wait_status.is_none() {
            self.end_session(pid);
        }
        if is_doomed {
            self.advance_removal(id);
        }
    }

    /// The kernel has killed somebody in there, perhaps not the command: a container without a part is of no
    /// use, so all of it ends.
    fn out_of_memory(&mut self, id: &ContainerId) {
        let Some(container) = self.containers.get_mut(id) else { return };
        if !container.out_of_memory.as_ref().is_some_and(|(news, _)| news.take()) {
            return;
        }
        let usage = container.group.as_ref().and_then(mezzo_cgroups::Group::memory_usage);
        if container.limitation.is_none()
            && let Some(usage) = usage
        {
            container.limitation = Some(limitation::of_memory(&usage));
            self.signal(id, KILL, true);
        }
    }

    fn signal(&mut self, id: &ContainerId, signal: i32, to_all: bool) {
        let Some(container) = self.containers.get_mut(id) else { return };
        match &mut container.phase {
            Phase::Prepared { .. } => {
                self.fail(id, Stage::Fetch, format!("Killed by signal {signal} before the command ran"));
            }
            Phase::Launching { signals, .. } if signals.len() < SIGNALS_WAITING_MAX => {
                signals.push((signal, to_all))
            }
            Phase::Launching { .. } | Phase::Ended { .. } => {}
            Phase::Running { .. } => {
                if let Err(error) = Call::signal(&self.directory.of(id.as_str()), signal, to_all) {
                    // It ends just now, or it hangs: then its destruction does not ask it.
                    tracing::debug!(container = %id, signal, %error, "the supervisor does not listen");
                }
            }
        }
    }

    // Time.

    fn patience(&self) -> Option<Duration> {
        let room = (!self.unsent.is_empty()).then(|| Instant::now() + Duration::from_millis(5));
        let recovery = self.recovery.as_ref().map(|recovery| recovery.deadline);
        let first = self.dues.first().map(|(due, _)| *due);
        let next = [first, self.launcher_due, room, recovery].into_iter().flatten().min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    fn attend_dues(&mut self) {
        if !self.unsent.is_empty() {
            self.send_waiting();
        }
        let now = Instant::now();
        if self.launcher_due.is_some_and(|due| due <= now) {
            self.restart_launcher();
        }
        while let Some((due, id)) = self.dues.first().cloned() {
            if due > now {
                break;
            }
            self.dues.pop_first();
            if let Some(container) = self.containers.get_mut(&id) {
                container.due = None;
                self.advance_removal(&id);
            }
        }
        self.finish_recovery(now);
    }

    fn set_due(&mut self, id: &ContainerId, after: Duration) {
        let Some(container) = self.containers.get_mut(id) else { return };
        let due = Instant::now() + after;
        if let Some(before) = container.due.replace(due) {
            self.dues.remove(&(before, id.clone()));
        }
        self.dues.insert((due, id.clone()));
    }

    // Small things.

    fn token(&mut self, watch: Watch) -> u64 {
        let token = self.token_next;
        self.token_next += 1;
        self.watches.insert(token, watch);
        token
    }

    fn line_numbers(&self) -> Vec<u64> {
        let current = self.launcher.as_ref().map(|launcher| &launcher.line);
        current.into_iter().chain(&self.lines).map(|line| line.number).collect()
    }

    fn fail(&mut self, id: &ContainerId, stage: Stage, message: String) {
        self.doom(id, Then::LaunchFailed(stage, message));
    }

    /// Sandboxes may be large, so this does not hold up the containers.
    /// What is asked later finds the volumes made or empty; removed data goes off this thread.
    fn change_volumes(&mut self, operation: String, change: VolumeChange, volumes: &[VolumePlace]) {
        let aside = match change {
            VolumeChange::Make => volumes::make(volumes).map(|()| Vec::new()),
            VolumeChange::Remove => volumes::move_aside(&operation, volumes),
        };
        let result = match aside {
            Ok(aside) if aside.is_empty() => Ok(()),
            Ok(aside) => {
                let inbox = self.inbox.clone();
                self.config.runtime.spawn_blocking(move || {
                    inbox.put(Note::VolumesRemoved { operation, result: volumes::remove(&aside) });
                });
                return;
            }
            Err(why) => Err(why),
        };
        self.report(Report::VolumesChanged { operation, result });
    }

    fn remove_tree(&self, path: String) {
        if !is_below(Path::new(&path), &self.config.work_dir) {
            tracing::error!(path, "refused to remove what is not below the work directory");
            return;
        }
        self.config.runtime.spawn_blocking(move || match std::fs::remove_dir_all(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(path, %error, "a directory could not be removed");
            }
            Ok(()) | Err(_) => {}
        });
    }
}

const KILL: i32 = 9;
/// Signals kept for a command that is just being started.
const SIGNALS_WAITING_MAX: usize = 32;

/// An error and what lies below it, as one sentence.
fn sentence(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut below = error.source();
    while let Some(error) = below {
        said = format!("{said}: {error}");
        below = error.source();
    }
    said
}

//! A machine's kernel: containers that run, end, are killed, and outlive their agent.
//!
//! A task's command says what it does: `sim MILLISECONDS STATUS`.

use std::collections::BTreeMap;

use mezzo_model::{
    ContainerId,
    container::{Ask, End, Limitation, Plan, Report, Stage},
};
use mezzo_proto::mesos::v1;

use crate::{
    executors::is_executor,
    faults::{Counts, Fault},
    plan::Planted,
    rng::Rng,
};

/// One machine.
#[derive(Debug, Default)]
pub struct Kernel {
    /// Everything that was launched and not destroyed.
    pub containers: BTreeMap<ContainerId, Container>,
    /// A bug put in on purpose.
    planted: Option<Planted>,
    next_pid: i32,
}

/// One container.
#[derive(Clone, Debug)]
pub struct Container {
    /// What was asked for.
    pub plan: Plan,
    /// Where it is.
    pub phase: Phase,
    ignores_term: bool,
}

/// Where a container is in its life.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Being prepared; nothing runs.
    Launching,
    /// The command runs.
    Running {
        /// Its process.
        pid: i32,
    },
    /// The command has ended; the record is on disk unless `end` says nobody saw it.
    Ended {
        /// Its process.
        pid: i32,
        /// How.
        end: End,
    },
}

/// Something that will happen to a container after a while.
#[derive(Clone, Debug)]
pub enum Later {
    /// The launch is over.
    Launch(ContainerId),
    /// The command ends by itself.
    End(ContainerId, End),
    /// What a signal or a destroy brings.
    Destroy(ContainerId),
}

/// What came of an ask or of time passing: reports at once, events after milliseconds.
#[derive(Debug, Default)]
pub struct Came {
    /// For the agent, if it is there to hear.
    pub reports: Vec<Report>,
    /// For later.
    pub later: Vec<(u64, Later)>,
}

const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;

impl Kernel {
    /// A machine on which nothing runs.
    pub fn with(planted: Option<Planted>) -> Self {
        Self { planted, ..Self::default() }
    }

    /// Does what the agent asks.
    pub fn ask(&mut self, ask: Ask, rng: &mut Rng, counts: &mut Counts) -> Came {
        let mut came = Came::default();
        match ask {
            Ask::Launch(plan) => self.launch(*plan, rng, counts, &mut came),
            Ask::Signal { container, signal, .. } => self.signal(&container, signal, rng, counts, &mut came),
            Ask::Destroy { container } => came.later.push((rng.between(1, 40), Later::Destroy(container))),
            Ask::Resize { container, number, .. } => {
                came.reports.push(Report::Resized { container, number, result: Ok(()) });
            }
            Ask::Recover { known } => self.recover(&known, &mut came),
            Ask::RemoveTree { .. } => {}
            Ask::ChangeVolumes { operation, .. } => {
                came.reports.push(Report::VolumesChanged { operation, result: Ok(()) });
            }
        }
        came
    }

    fn launch(&mut self, plan: Plan, rng: &mut Rng, counts: &mut Counts, came: &mut Came) {
        let id = plan.container.clone();
        let ignores_term = rng.percent(15);
        if ignores_term {
            counts.add(Fault::TermIgnored);
        }
        self.containers.insert(id.clone(), Container { plan, phase: Phase::Launching, ignores_term });
        let slow = if rng.percent(5) { 4_000 } else { 60 };
        came.later.push((rng.between(2, slow), Later::Launch(id)));
    }

    fn signal(&mut self, id: &ContainerId, signal: i32, rng: &mut Rng, counts: &mut Counts, came: &mut Came) {
        let Some(container) = self.containers.get(id) else { return };
        if !matches!(container.phase, Phase::Running { .. }) {
            return;
        }
        if signal == SIGTERM && container.ignores_term {
            counts.add(Fault::TermIgnored);
            return;
        }
        came.later.push((rng.between(1, 200), Later::End(id.clone(), ended(signal))));
    }

    fn recover(&mut self, known: &[ContainerId], came: &mut Came) {
        let (mut found, mut lost) = (Vec::new(), Vec::new());
        let mut orphans: Vec<_> = self.containers.keys().filter(|id| !known.contains(id)).cloned().collect();
        if self.planted == Some(Planted::OrphansLeft) {
            orphans.clear();
        }
        for id in &orphans {
            self.containers.remove(id);
        }
        let mut exits = Vec::new();
        for id in known {
            match self.containers.get(id).map(|c| c.phase.clone()) {
                Some(Phase::Running { pid }) => found.push((id.clone(), pid)),
                Some(Phase::Ended { pid, end }) => {
                    found.push((id.clone(), pid));
                    exits.push(Report::Exited { container: id.clone(), end });
                }
                Some(Phase::Launching) | None => {
                    self.containers.remove(id);
                    lost.push(id.clone());
                }
            }
        }
        came.reports.push(Report::Recovered { found, lost, orphans: orphans.len() });
        came.reports.extend(exits);
    }

    /// Time has passed for one container.
    pub fn happen(&mut self, later: Later, rng: &mut Rng, counts: &mut Counts) -> Came {
        let mut came = Came::default();
        match later {
            Later::Launch(id) => self.launched(&id, rng, counts, &mut came),
            Later::End(id, end) => self.end(&id, end, &mut came),
            Later::Destroy(id) if self.planted == Some(Planted::DestroyLies) => {
                came.reports.push(Report::Destroyed { container: id });
            }
            Later::Destroy(id) => {
                self.end(&id, ended(SIGKILL), &mut came);
                self.containers.remove(&id);
                came.reports.push(Report::Destroyed { container: id });
            }
        }
        came
    }

    fn launched(&mut self, id: &ContainerId, rng: &mut Rng, counts: &mut Counts, came: &mut Came) {
        self.next_pid += 1;
        let pid = 1000 + self.next_pid;
        let Some(container) = self.containers.get_mut(id) else { return };
        if container.phase != Phase::Launching {
            return;
        }
        if rng.percent(4) {
            counts.add(Fault::LaunchFailed);
            self.containers.remove(id);
            came.reports.push(Report::LaunchFailed {
                container: id.clone(),
                stage: Stage::Fetch,
                message: "the server answered 404".to_owned(),
            });
            return;
        }
        container.phase = Phase::Running { pid };
        came.reports.push(Report::Launched { container: id.clone(), pid });
        let later = match is_executor(&container.plan) {
            true => rng.percent(10).then(|| {
                counts.add(Fault::ExecutorCrashed);
                (rng.between(100, 60_000), End { wait_status: Some(1 << 8), limitation: None })
            }),
            false => Some(command_ends(&container.plan, rng, counts)),
        };
        came.later.extend(later.map(|(wait, end)| (wait, Later::End(id.clone(), end))));
    }

    fn end(&mut self, id: &ContainerId, end: End, came: &mut Came) {
        let Some(container) = self.containers.get_mut(id) else { return };
        let Phase::Running { pid } = container.phase else { return };
        container.phase = Phase::Ended { pid, end: end.clone() };
        came.reports.push(Report::Exited { container: id.clone(), end });
    }

    /// The machine was rebooted: nothing is left.
    pub fn reboot(&mut self) {
        self.containers.clear();
    }
}

/// When and how a command will end by itself.
fn command_ends(plan: &Plan, rng: &mut Rng, counts: &mut Counts) -> (u64, End) {
    let (run_ms, status) = script(&plan.argv.join(" "));
    let end = match rng.between(0, 100) {
        0..3 => {
            counts.add(Fault::OutOfMemory);
            out_of_memory()
        }
        3..5 => {
            counts.add(Fault::SupervisorKilled);
            End { wait_status: None, limitation: None }
        }
        _ => End { wait_status: Some(status << 8), limitation: None },
    };
    (run_ms, end)
}

fn ended(signal: i32) -> End {
    End { wait_status: Some(signal), limitation: None }
}

fn out_of_memory() -> End {
    let limitation = Limitation {
        reason: v1::task_status::Reason::ContainerLimitationMemory,
        message: "Memory limit exceeded: Requested: 32MB Maximum Used: 32MB".to_owned(),
        resources: Vec::new(),
    };
    End { wait_status: Some(SIGKILL), limitation: Some(limitation) }
}

/// `sim MILLISECONDS STATUS`, wherever in the text it stands.
pub(crate) fn script(text: &str) -> (u64, i32) {
    let words: Vec<_> = text.split_whitespace().collect();
    let number = |i: usize| words.get(i).and_then(|w| w.parse::<u64>().ok());
    match words.iter().position(|w| *w == "sim") {
        Some(at) => (number(at + 1).unwrap_or(100), number(at + 2).unwrap_or(0) as i32),
        None => (100, 0),
    }
}

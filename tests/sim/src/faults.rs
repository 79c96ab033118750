//! What goes wrong, and how often it did.

use std::collections::BTreeMap;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A link message vanished.
    LinkLoss,
    /// A link message came twice.
    LinkDuplicate,
    /// A link message overtook another.
    LinkReorder,
    /// A link message was held up for seconds.
    LinkDelay,
    /// A link broke, seen by the two ends at different times.
    LinkCut,
    /// An agent could not reach the master for a while.
    Partition,
    /// A scheduler's call never arrived.
    CallLost,
    /// A scheduler's call arrived twice.
    CallDuplicate,
    /// A scheduler's call arrived late, after newer ones.
    CallLate,
    /// A scheduler's event stream broke.
    StreamCut,
    /// The master was killed and started again on its registry.
    MasterKilled,
    /// An agent was killed and started again on its checkpoints.
    AgentKilled,
    /// An agent was killed between a write and the sends that rely on it.
    AgentKilledMidTurn,
    /// An agent's machine was rebooted.
    AgentRebooted,
    /// A scheduler was killed and came back with its id.
    SchedulerKilled,
    /// A second instance of a scheduler subscribed while the first was there.
    SchedulerDoubled,
    /// A checkpoint could not be written.
    DiskFull,
    /// The registry could not be written.
    RegistryFull,
    /// A checkpoint took seconds.
    DiskSlow,
    /// A supervisor was killed with its container.
    SupervisorKilled,
    /// A container could not be launched.
    LaunchFailed,
    /// A container went over its memory.
    OutOfMemory,
    /// A task ignored SIGTERM.
    TermIgnored,
    /// A call or an event of an executor was lost with its connection.
    ExecutorCut,
    /// An executor ended by itself.
    ExecutorCrashed,
    /// An executor ignored SHUTDOWN.
    ExecutorDeaf,
    /// The wall clock of a process jumped.
    ClockJump,
    /// The allocator trapped.
    PluginTrap,
    /// The allocator took its time.
    PluginSlow,
    /// The allocator granted what does not exist.
    PluginLie,
    /// A scheduler did not acknowledge for a long time.
    AckWithheld,
    /// A scheduler used an offer twice.
    OfferReused,
    /// One direction of a link lost everything for a while, and nobody was told.
    LinkOneWay,
    /// The master stood still for a while, as after SIGSTOP.
    MasterStopped,
    /// An agent stood still for a while.
    AgentStopped,
    /// A scheduler stood still for a while.
    SchedulerStopped,
}

impl Fault {
    /// Every kind: the seeds of a run must bring each of them about.
    pub const ALL: &'static [Fault] = &[
        Fault::LinkLoss,
        Fault::LinkDuplicate,
        Fault::LinkReorder,
        Fault::LinkDelay,
        Fault::LinkCut,
        Fault::Partition,
        Fault::CallLost,
        Fault::CallDuplicate,
        Fault::CallLate,
        Fault::StreamCut,
        Fault::MasterKilled,
        Fault::AgentKilled,
        Fault::AgentKilledMidTurn,
        Fault::AgentRebooted,
        Fault::SchedulerKilled,
        Fault::SchedulerDoubled,
        Fault::DiskFull,
        Fault::RegistryFull,
        Fault::DiskSlow,
        Fault::SupervisorKilled,
        Fault::LaunchFailed,
        Fault::OutOfMemory,
        Fault::TermIgnored,
        Fault::ExecutorCut,
        Fault::ExecutorCrashed,
        Fault::ExecutorDeaf,
        Fault::ClockJump,
        Fault::PluginTrap,
        Fault::PluginSlow,
        Fault::PluginLie,
        Fault::AckWithheld,
        Fault::OfferReused,
        Fault::LinkOneWay,
        Fault::MasterStopped,
        Fault::AgentStopped,
        Fault::SchedulerStopped,
    ];
}

/// How often each kind happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(pub BTreeMap<Fault, u64>);

impl Counts {
    /// One more.
    pub fn add(&mut self, fault: Fault) {
        *self.0.entry(fault).or_default() += 1;
    }

    /// Adds another world's counts.
    pub fn merge(&mut self, other: &Counts) {
        for (fault, count) in &other.0 {
            *self.0.entry(*fault).or_default() += count;
        }
    }

    /// The kinds that never happened.
    pub fn missing(&self) -> Vec<Fault> {
        Fault::ALL.iter().copied().filter(|fault| !self.0.contains_key(fault)).collect()
    }
}

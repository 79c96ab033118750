//! Processes that stand still for a while, as after SIGSTOP: what is meant for them waits.

use crate::{
    faults::Fault,
    world::{Happening, World},
};

/// How long one process stands still, and how long it did so before.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stops {
    until_ms: u64,
    total_ms: u64,
}

impl Stops {
    fn begin(&mut self, now_ms: u64, wait_ms: u64) {
        if now_ms >= self.until_ms {
            self.until_ms = now_ms + wait_ms;
            self.total_ms += wait_ms;
        }
    }

    pub(crate) fn is_stopped(&self, now_ms: u64) -> bool {
        now_ms < self.until_ms
    }

    /// How much of the time until now, when it is not stopped, the process could run.
    pub(crate) fn awake_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.total_ms)
    }
}

impl World {
    /// When something can happen whose process stands still; `None` if it can happen now.
    pub(crate) fn held_up(&self, what: &Happening) -> Option<u64> {
        let stops = match what {
            Happening::Up { .. }
            | Happening::UpGone { .. }
            | Happening::Call { .. }
            | Happening::StreamGone { .. }
            | Happening::MasterWake { .. }
            | Happening::RegistryDone { .. }
            | Happening::PluginDone { .. } => self.master.stops,
            Happening::Down { link, .. } | Happening::DownGone { link } => {
                self.agents[self.links.get(link)?.agent].stops
            }
            Happening::Dial { agent, .. }
            | Happening::AgentWake { agent, .. }
            | Happening::CheckpointDone { agent, .. }
            | Happening::Kernel { agent, .. }
            | Happening::Executor { agent, .. }
            | Happening::ExecutorGone { agent, .. } => self.agents[*agent].stops,
            Happening::Event { stream, .. } | Happening::StreamEnded { stream } => {
                self.schedulers[self.streams.get(stream)?.0].stops
            }
            Happening::SchedulerTick { scheduler } | Happening::Subscribe { scheduler, .. } => {
                self.schedulers[*scheduler].stops
            }
            Happening::StartMaster | Happening::StartAgent { .. } | Happening::Kill => return None,
        };
        stops.is_stopped(self.now_ms).then_some(stops.until_ms)
    }

    pub(crate) fn stop_something(&mut self) {
        let wait = self.rng.between(500, 40_000);
        match self.rng.between(0, 3) {
            0 => {
                self.counts.add(Fault::MasterStopped);
                self.master.stops.begin(self.now_ms, wait);
            }
            1 => {
                let agent = self.rng.index(self.agents.len());
                self.counts.add(Fault::AgentStopped);
                self.agents[agent].stops.begin(self.now_ms, wait);
            }
            _ => {
                let scheduler = self.rng.index(self.schedulers.len());
                self.counts.add(Fault::SchedulerStopped);
                self.schedulers[scheduler].stops.begin(self.now_ms, wait);
            }
        }
    }

    /// One direction of an agent's link goes dead for a while; whoever listens is not told.
    pub(crate) fn mute(&mut self, agent: usize) {
        let until_ms = self.now_ms + self.rng.between(1_000, 40_000);
        let is_up = self.rng.percent(50);
        let Some(link) = self.agents[agent].link.and_then(|link| self.links.get_mut(&link)) else { return };
        let channel = if is_up { &mut link.up } else { &mut link.down };
        channel.mute_until_ms = until_ms;
    }
}

//! What is to be done when, if nothing else happens first.

use std::collections::{BTreeMap, BTreeSet};

use mezzo_model::{AgentId, FrameworkId, LinkId, Mono};

/// Something with a moment. At most one of each is armed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deadline {
    /// A framework's stream wants a HEARTBEAT.
    Heartbeat(FrameworkId),
    /// Those who watch want a HEARTBEAT.
    Watchers,
    /// A disconnected framework has not come back.
    Failover(FrameworkId),
    /// An offer was open for too long.
    Offer(u64),
    /// An agent wants a ping, or was silent for too long.
    Agent(AgentId),
    /// A link has not got as far as the agent's whole state.
    Link(LinkId),
    /// The changes were gathered for long enough.
    Round,
    /// Mesos's allocation interval.
    Backstop,
    /// A filter ends.
    Filters,
    /// The allocator's slot waits for something.
    Slot,
    /// The registry is looked through for agents that were away for too long.
    Forget,
}

/// Armed deadlines, soonest first.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    order: BTreeSet<(Mono, Deadline)>,
    armed: BTreeMap<Deadline, Mono>,
}

impl Deadline {
    /// Whether it judges somebody by what did not come from there in time: unfair if it is the
    /// master that was not there to hear it.
    pub(crate) fn judges(&self) -> bool {
        match self {
            Self::Failover(_) | Self::Agent(_) | Self::Link(_) => true,
            Self::Heartbeat(_)
            | Self::Watchers
            | Self::Offer(_)
            | Self::Round
            | Self::Backstop
            | Self::Filters
            | Self::Slot
            | Self::Forget => false,
        }
    }
}

impl Deadlines {
    /// Arms `deadline`, in place of the moment it had before.
    pub(crate) fn arm(&mut self, deadline: Deadline, at: Mono) {
        if let Some(before) = self.armed.insert(deadline.clone(), at) {
            self.order.remove(&(before, deadline.clone()));
        }
        self.order.insert((at, deadline));
    }

    /// Arms `deadline` unless it is armed for an earlier moment.
    pub(crate) fn arm_by(&mut self, deadline: Deadline, at: Mono) {
        if self.armed.get(&deadline).is_none_or(|before| at < *before) {
            self.arm(deadline, at);
        }
    }

    /// Disarms `deadline`, if it is armed.
    pub(crate) fn disarm(&mut self, deadline: &Deadline) {
        if let Some(at) = self.armed.remove(deadline) {
            self.order.remove(&(at, deadline.clone()));
        }
    }

    /// Takes out the first one that is due by `now`, and the moment that it was due at.
    pub(crate) fn pop_due(&mut self, now: Mono) -> Option<(Mono, Deadline)> {
        if self.next()? > now {
            return None;
        }
        let (at, deadline) = self.order.pop_first()?;
        self.armed.remove(&deadline);
        Some((at, deadline))
    }

    /// When the first is due.
    pub(crate) fn next(&self) -> Option<Mono> {
        self.order.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soonest_comes_first_and_only_when_due() {
        let mut deadlines = Deadlines::default();
        deadlines.arm(Deadline::Round, Mono(20));
        deadlines.arm(Deadline::Backstop, Mono(10));
        assert_eq!(deadlines.pop_due(Mono(9)), None);
        assert_eq!(deadlines.pop_due(Mono(30)), Some((Mono(10), Deadline::Backstop)));
        assert_eq!(deadlines.pop_due(Mono(30)), Some((Mono(20), Deadline::Round)));
        assert_eq!(deadlines.next(), None);
    }

    /// A framework that comes back in time must not be removed by the timer of its absence.
    #[test]
    fn arming_again_replaces_and_disarming_forgets() {
        let mut deadlines = Deadlines::default();
        deadlines.arm(Deadline::Round, Mono(20));
        deadlines.arm(Deadline::Round, Mono(40));
        assert_eq!(deadlines.pop_due(Mono(30)), None);
        deadlines.arm_by(Deadline::Round, Mono(50));
        assert_eq!(deadlines.next(), Some(Mono(40)));
        deadlines.arm_by(Deadline::Round, Mono(35));
        assert_eq!(deadlines.next(), Some(Mono(35)));
        deadlines.disarm(&Deadline::Round);
        assert_eq!(deadlines.next(), None);
    }
}

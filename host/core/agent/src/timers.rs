//! The moments that the agent waits for.

use std::collections::{BTreeMap, BTreeSet};

use mezzo_model::{LinkId, Mono};

use crate::{executor::ExecutorKey, task::TaskKey};

/// What is to be done when a moment has come. Each has at most one moment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The master has been silent for too long.
    Silence(LinkId),
    /// The agent's own checkpoint is to be written again.
    Identity,
    /// A kill's grace is over.
    Escalate(TaskKey),
    /// The task's max_completion_time is over.
    Completion(TaskKey),
    /// An update was not acknowledged in time.
    Retry(TaskKey),
    /// A task's log could not be written and is to be written anew.
    Rewrite(TaskKey),
    /// A container's end takes too long: ask again.
    Destroy(TaskKey),
    /// An executor did not subscribe in time.
    Subscribe(ExecutorKey),
    /// An executor was asked to end and the grace is over, or its container's end takes too long.
    Shutdown(ExecutorKey),
    /// An executor's stream wants a sign of life.
    Heartbeat(ExecutorKey),
    /// How an operation ended was not acknowledged in time.
    Operation(Vec<u8>),
    /// What operations have changed is to be written again.
    Resources,
    /// Checkpoints that could not be removed are to be removed.
    Removals,
    /// A sandbox has been kept long enough.
    Collect(String),
}

/// Timers by moment and by name.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    by_moment: BTreeSet<(Mono, Timer)>,
    moments: BTreeMap<Timer, Mono>,
}

impl Timers {
    /// Sets or moves a timer.
    pub(crate) fn set(&mut self, timer: Timer, at: Mono) {
        self.cancel(&timer);
        self.moments.insert(timer.clone(), at);
        self.by_moment.insert((at, timer));
    }

    /// Forgets a timer; nothing happens if it was not set.
    pub(crate) fn cancel(&mut self, timer: &Timer) {
        if let Some(at) = self.moments.remove(timer) {
            self.by_moment.remove(&(at, timer.clone()));
        }
    }

    /// Whether a timer is set.
    pub(crate) fn is_set(&self, timer: &Timer) -> bool {
        self.moments.contains_key(timer)
    }

    /// Forgets everything about a task.
    pub(crate) fn cancel_task(&mut self, key: &TaskKey) {
        for timer in [Timer::Escalate, Timer::Completion, Timer::Retry, Timer::Rewrite, Timer::Destroy] {
            self.cancel(&timer(key.clone()));
        }
    }

    /// Forgets everything about an executor.
    pub(crate) fn cancel_executor(&mut self, key: &ExecutorKey) {
        for timer in [Timer::Subscribe, Timer::Shutdown, Timer::Heartbeat] {
            self.cancel(&timer(key.clone()));
        }
    }

    /// Takes the earliest timer that is due.
    pub(crate) fn pop_due(&mut self, now: Mono) -> Option<Timer> {
        let (at, _) = self.by_moment.first()?;
        if *at > now {
            return None;
        }
        let (_, timer) = self.by_moment.pop_first()?;
        self.moments.remove(&timer);
        Some(timer)
    }

    /// The next moment.
    pub(crate) fn next(&self) -> Option<Mono> {
        self.by_moment.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moved_timer_fires_once_at_its_new_moment() {
        let mut timers = Timers::default();
        timers.set(Timer::Identity, Mono(5));
        timers.set(Timer::Removals, Mono(7));
        timers.set(Timer::Identity, Mono(9));
        assert_eq!(timers.next(), Some(Mono(7)));
        assert_eq!(timers.pop_due(Mono(9)), Some(Timer::Removals));
        assert_eq!(timers.pop_due(Mono(9)), Some(Timer::Identity));
        assert_eq!(timers.pop_due(Mono(9)), None);
        assert_eq!(timers.next(), None);
    }
}

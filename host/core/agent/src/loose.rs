//! Updates about tasks that the agent does not have: refused at the door, or never heard of.
//!
//! They rely on nothing on disk: if the agent forgets them, the master asks for the same tasks
//! again in its next Reconcile.

use mezzo_proto::mesos::v1;

use crate::{
    agent::{Agent, Turn},
    stream::Stream,
    task::TaskKey,
};

/// How many such updates are kept; the master asks again for those that are not.
const LOOSE_MAX: usize = 10_000;

/// An update that stands alone.
#[derive(Clone, Debug)]
pub(crate) struct Loose {
    pub(crate) state: v1::TaskState,
    pub(crate) stream: Stream,
}

/// Why a task ended, or never began, in the words of its status.
pub(crate) struct Verdict {
    pub(crate) state: v1::TaskState,
    pub(crate) source: v1::task_status::Source,
    pub(crate) reason: Option<v1::task_status::Reason>,
    pub(crate) message: String,
    pub(crate) limitation: Option<v1::TaskResourceLimitation>,
}

impl Verdict {
    /// As the agent itself says it.
    pub(crate) fn of_agent(
        state: v1::TaskState,
        reason: v1::task_status::Reason,
        message: impl Into<String>,
    ) -> Self {
        Self {
            state,
            source: v1::task_status::Source::Agent,
            reason: Some(reason),
            message: message.into(),
            limitation: None,
        }
    }

    /// As the command itself ended.
    pub(crate) fn of_command(state: v1::TaskState, message: impl Into<String>) -> Self {
        Self {
            state,
            source: v1::task_status::Source::Executor,
            reason: None,
            message: message.into(),
            limitation: None,
        }
    }
}

impl Agent {
    /// Tells the framework about a task that the agent does not have, until it is acknowledged.
    pub(crate) fn tell_loose(&mut self, turn: &mut Turn, key: TaskKey, verdict: Verdict) {
        if self.loose.len() >= LOOSE_MAX {
            return turn
                .out
                .warn(format!("too many updates wait; task {key} is left to the next reconciliation"));
        }
        let status = self.status(turn, &key, verdict);
        let mut stream = Stream::default();
        let state = status.state();
        self.counters.ended(state);
        stream.push(status);
        self.loose.insert(key.clone(), Loose { state, stream });
        self.send_head(turn, &key);
    }
}

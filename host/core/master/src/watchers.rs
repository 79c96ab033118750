//! Operators who watch the cluster: a snapshot first, then every event (spec 07 §1).
//!
//! A subscription is taken between two inputs, so its snapshot holds what every earlier event
//! said and nothing of a later one. Events are told once, with their [`Audience`], however many
//! watch; nobody who watches, nothing is told.

mod events;

use std::{collections::BTreeSet, sync::Arc};

use mezzo_acl::Approver;
use mezzo_model::{
    AgentId, FrameworkId, Now, RequestId, StreamId, calls::Principal, framework::Framework, task::TaskState,
};
use mezzo_proto::mesos::v1::{
    self,
    master::{Event, event},
};

use crate::{Effects, Envelope, Master, deadlines::Deadline, tasks::TaskKey};

pub use events::heartbeat;

/// Who may hear of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everybody who watches.
    Everybody,
    /// Those who may see what this principal owns.
    ViewersOf(Option<Arc<str>>),
}

/// The open event streams of operators, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    open: BTreeSet<StreamId>,
}

impl Audience {
    /// Whether a watcher with this view is among them.
    pub fn includes(&self, approver: &Approver) -> bool {
        match self {
            Audience::Everybody => true,
            Audience::ViewersOf(owner) => approver.shows(owner.as_deref()),
        }
    }

    fn of(info: &v1::FrameworkInfo) -> Self {
        Audience::ViewersOf(info.principal.as_deref().map(Arc::from))
    }
}

impl Watchers {
    /// Forgets a stream; says whether it was a watcher's.
    pub(crate) fn close(&mut self, stream: StreamId) -> bool {
        self.open.remove(&stream)
    }
}

impl Master {
    /// Opens event streams for operators with the same view: all of them begin with one snapshot.
    /// Beyond `--max_operator_event_stream_subscribers` the oldest is closed.
    pub(crate) fn watch(
        &mut self,
        now: Now,
        out: &mut Effects,
        request: RequestId,
        principal: &Principal,
        streams: Vec<StreamId>,
    ) {
        if self.watchers.open.is_empty() {
            self.deadlines.arm(Deadline::Watchers, now.mono + self.config.heartbeat_interval);
        }
        self.changes += streams.len();
        self.watchers.open.extend(&streams);
        let view = Arc::new(self.view(now, principal));
        let approver = self.acls.approver(principal);
        out.send.push(Envelope::OpenWatch { request, streams, approver, view });
        let limit = self.config.max_operator_event_stream_subscribers;
        while self.watchers.open.len() > limit
            && let Some(oldest) = self.watchers.open.pop_first()
        {
            out.close_stream(
                oldest,
                format!("more than --max_operator_event_stream_subscribers={limit} operators watch"),
            );
        }
    }

    /// The watchers want a sign of life.
    pub(crate) fn watchers_due(&mut self, now: Now, out: &mut Effects) {
        if self.is_watched() {
            tell(out, Audience::Everybody, heartbeat());
            self.deadlines.arm(Deadline::Watchers, now.mono + self.config.heartbeat_interval);
        }
    }

    /// TASK_ADDED of a task that was just listed.
    pub(crate) fn show_task_added(&self, out: &mut Effects, key: &TaskKey) {
        if self.is_watched()
            && let Some(task) = self.tasks.listed.get(key)
        {
            tell(out, self.audience_of(&key.0), events::task_added(task.to_wire()));
        }
    }

    /// TASK_UPDATED of a task whose state is another now. Repeated statuses change no state.
    pub(crate) fn show_task_updated(
        &self,
        out: &mut Effects,
        key: &TaskKey,
        state: TaskState,
        status: &v1::TaskStatus,
    ) {
        if self.is_watched() {
            tell(out, self.audience_of(&key.0), events::task_updated(&key.0, state, status.clone()));
        }
    }

    /// FRAMEWORK_ADDED.
    pub(crate) fn show_framework_added(&self, out: &mut Effects, id: &FrameworkId) {
        self.show_framework(out, id, events::framework_added);
    }

    /// FRAMEWORK_UPDATED.
    pub(crate) fn show_framework_updated(&self, out: &mut Effects, id: &FrameworkId) {
        self.show_framework(out, id, events::framework_updated);
    }

    /// FRAMEWORK_REMOVED, once its tasks have ended.
    pub(crate) fn show_framework_removed(&self, out: &mut Effects, info: &v1::FrameworkInfo) {
        if self.is_watched() {
            tell(out, Audience::of(info), events::framework_removed(info.clone()));
        }
    }

    /// AGENT_ADDED.
    pub(crate) fn show_agent_added(&self, out: &mut Effects, id: &AgentId) {
        if self.is_watched()
            && let Some(agent) = self.agents.get(id)
        {
            tell(out, Audience::Everybody, events::agent_added(agent));
        }
    }

    /// AGENT_REMOVED.
    pub(crate) fn show_agent_removed(&self, out: &mut Effects, id: &AgentId) {
        if self.is_watched() {
            tell(out, Audience::Everybody, events::agent_removed(id));
        }
    }

    fn show_framework(&self, out: &mut Effects, id: &FrameworkId, event: impl FnOnce(&Framework) -> Event) {
        if self.is_watched()
            && let Some(framework) = self.frameworks.get(id)
        {
            tell(out, Audience::of(&framework.info), event(framework));
        }
    }

    fn is_watched(&self) -> bool {
        !self.watchers.open.is_empty()
    }

    /// A removed framework's last events are for the same eyes. One that is forgotten has no
    /// principal, which only those may see who may see what nobody owns.
    fn audience_of(&self, id: &FrameworkId) -> Audience {
        let completed = || self.frameworks.completed.iter().find(|framework| framework.id == *id);
        match self.frameworks.get(id) {
            Some(framework) => Audience::of(&framework.info),
            None => completed().map_or(Audience::ViewersOf(None), |framework| Audience::of(&framework.info)),
        }
    }
}

fn tell(out: &mut Effects, audience: Audience, event: Event) {
    out.send.push(Envelope::WatchEvent { audience, event: Box::new(event) });
}

/// An event of one type.
fn of_type(kind: event::Type) -> Event {
    Event { r#type: Some(kind as i32), ..Default::default() }
}

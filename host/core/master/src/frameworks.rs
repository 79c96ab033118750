//! The frameworks that a master knows: what is shown of them, and what is only kept.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use mezzo_model::{
    AgentId, ExecutorId, FrameworkId, StreamId, TaskId,
    calls::Principal,
    framework::{Capabilities, Framework},
    table::{Ring, Table},
};
use mezzo_proto::mesos::v1;

use crate::{metrics::FrameworkCounts, views::Counted};

/// All frameworks.
#[derive(Debug)]
pub(crate) struct Frameworks {
    /// Those that are not removed.
    pub(crate) shown: Table<FrameworkId, Framework>,
    /// What is kept of each of them.
    kept: BTreeMap<FrameworkId, Kept>,
    /// The removed ones, as long as they are remembered.
    pub(crate) completed: Ring<Arc<Framework>>,
    completed_ids: BTreeSet<FrameworkId>,
    streams: BTreeMap<StreamId, FrameworkId>,
}

/// What is kept of a framework and not shown.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Its open stream.
    pub(crate) stream: Option<Stream>,
    /// Roles that want no offers.
    pub(crate) suppressed: BTreeSet<String>,
    /// Its tasks that are listed.
    pub(crate) tasks: BTreeSet<TaskId>,
    /// Its executors that are listed.
    pub(crate) executors: BTreeSet<(AgentId, ExecutorId)>,
    /// How many of both each agent has.
    pub(crate) agents: BTreeMap<AgentId, usize>,
    /// Its tasks that cannot be reached, oldest first.
    pub(crate) unreachable: VecDeque<TaskId>,
    /// Its open offers.
    pub(crate) offers: BTreeSet<u64>,
    /// What is counted of it.
    pub(crate) counts: Box<FrameworkCounts>,
}

impl Kept {
    /// An agent has one task or executor less.
    pub(crate) fn leave_agent(&mut self, agent: &AgentId) {
        if let Some(count) = self.agents.get_mut(agent) {
            *count -= 1;
            if *count == 0 {
                self.agents.remove(agent);
            }
        }
    }
}

/// A scheduler's subscription.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    /// Where events go.
    pub(crate) id: StreamId,
    /// The value of `Mesos-Stream-Id`.
    pub(crate) name: String,
}

impl Frameworks {
    /// None yet; at most `completed_max` removed ones will be remembered.
    pub(crate) fn new(completed_max: usize) -> Self {
        Self {
            shown: Table::new(),
            kept: BTreeMap::new(),
            completed: Ring::new(completed_max),
            completed_ids: BTreeSet::new(),
            streams: BTreeMap::new(),
        }
    }

    /// Takes a new framework in.
    pub(crate) fn insert(&mut self, framework: Framework) {
        self.kept.insert(framework.id.clone(), Kept::default());
        self.shown.insert(framework.id.clone(), framework);
    }

    pub(crate) fn get(&self, id: &FrameworkId) -> Option<&Framework> {
        self.shown.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: &FrameworkId) -> Option<&mut Framework> {
        self.shown.get_mut(id)
    }

    pub(crate) fn kept(&self, id: &FrameworkId) -> Option<&Kept> {
        self.kept.get(id)
    }

    pub(crate) fn kept_mut(&mut self, id: &FrameworkId) -> Option<&mut Kept> {
        self.kept.get_mut(id)
    }

    /// Whether it was removed and is still remembered.
    pub(crate) fn is_completed(&self, id: &FrameworkId) -> bool {
        self.completed_ids.contains(id)
    }

    /// Takes a framework out and remembers it. Gives what was kept of it, and the id of the one
    /// that is forgotten for it.
    pub(crate) fn complete(&mut self, id: &FrameworkId) -> Option<(Kept, Option<FrameworkId>)> {
        let framework = self.shown.remove(id)?;
        let kept = self.kept.remove(id).unwrap_or_default();
        if let Some(stream) = &kept.stream {
            self.streams.remove(&stream.id);
        }
        self.completed_ids.insert(id.clone());
        let forgotten = self.completed.push(Arc::new(framework)).map(|framework| framework.id.clone());
        if let Some(forgotten) = &forgotten {
            self.completed_ids.remove(forgotten);
        }
        Some((kept, forgotten))
    }

    /// Gives `id` a stream; the one it had is returned.
    pub(crate) fn open_stream(&mut self, id: &FrameworkId, stream: Stream) -> Option<Stream> {
        let kept = self.kept.get_mut(id)?;
        self.streams.insert(stream.id, id.clone());
        let before = kept.stream.replace(stream)?;
        self.streams.remove(&before.id);
        Some(before)
    }

    /// Forgets a stream; gives the framework whose it was.
    pub(crate) fn close_stream(&mut self, stream: StreamId) -> Option<FrameworkId> {
        let id = self.streams.remove(&stream)?;
        if let Some(kept) = self.kept.get_mut(&id) {
            kept.stream = None;
        }
        Some(id)
    }

    /// The open stream of a framework.
    pub(crate) fn stream(&self, id: &FrameworkId) -> Option<StreamId> {
        self.kept.get(id)?.stream.as_ref().map(|stream| stream.id)
    }

    /// The counts of the framework whose stream this is.
    pub(crate) fn counts_of(&mut self, stream: StreamId) -> Option<&mut FrameworkCounts> {
        let id = self.streams.get(&stream)?;
        self.kept.get_mut(id).map(|kept| &mut *kept.counts)
    }

    /// What is counted of each framework.
    pub(crate) fn counted(&self) -> BTreeMap<FrameworkId, Counted> {
        let counted = |kept: &Kept| Counted {
            counts: (*kept.counts).clone(),
            suppressed: kept.suppressed.iter().cloned().collect(),
        };
        self.kept.iter().map(|(id, kept)| (id.clone(), counted(kept))).collect()
    }

    /// The open streams of all frameworks.
    pub(crate) fn streams(&self) -> impl Iterator<Item = StreamId> {
        self.streams.keys().copied()
    }

    /// What a framework can bear; nothing if it is not known.
    pub(crate) fn capabilities(&self, id: &FrameworkId) -> Capabilities {
        self.get(id).map(Framework::capabilities).unwrap_or_default()
    }
}

/// The principal that a framework acts for.
pub(crate) fn principal_of(info: &v1::FrameworkInfo) -> Principal {
    Principal(info.principal.as_deref().filter(|name| !name.is_empty()).map(Arc::from))
}

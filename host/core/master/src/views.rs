//! What readers are shown: pure functions from a snapshot, run off the loop.
//!
//! The loop hands out a [`View`], which shares its records with the master; [`render`] turns
//! it into what one read wants.

mod legacy;
mod metrics;
mod sums;
mod v1;

pub use v1::fill_lists;

use std::sync::Arc;

use mezzo_acl::Approver;
use mezzo_model::{
    AgentId, FrameworkId, Now, RequestId, Wall,
    agent::Agent,
    calls::{Answer, MasterRead, Principal, Refusal},
    framework::Framework,
    offer::Offer,
    table::{Ring, RingView, View as TableView},
    task::Task,
};
use mezzo_proto::mesos::v1::master::Response;

use crate::{
    Effects, Envelope, Master, MasterConfig,
    agents::Recovered,
    executors::{Executor, ExecutorKey},
    metrics::Counters,
    tasks::TaskKey,
};

/// The master's facts at one moment, as one reader may see them.
#[derive(Debug)]
pub struct View {
    config: Arc<MasterConfig>,
    approver: Approver,
    taken_at: Wall,
    frameworks: TableView<FrameworkId, Framework>,
    completed_frameworks: RingView<Arc<Framework>>,
    agents: TableView<AgentId, Agent>,
    recovered_agents: TableView<AgentId, Recovered>,
    unreachable_agents: usize,
    tasks: TableView<TaskKey, Task>,
    executors: TableView<ExecutorKey, Executor>,
    unreachable_tasks: TableView<TaskKey, Task>,
    completed_tasks: TableView<FrameworkId, Ring<Arc<Task>>>,
    offers: TableView<u64, Offer>,
    counters: Counters,
    allocator: mezzo_slots::Counters,
}

/// What a read is answered with.
#[derive(Clone, Debug, PartialEq)]
pub enum Rendered {
    /// A v1 answer, in either encoding; its JSON wants [`fill_lists`].
    V1(Box<Response>),
    /// An older JSON endpoint.
    Json(serde_json::Value),
    /// Names and values for `/metrics/snapshot`, sorted; the daemon adds its own.
    Metrics(Vec<(String, f64)>),
}

/// What `read` shows of `view`.
pub fn render(view: &View, read: &MasterRead) -> Rendered {
    match read {
        MasterRead::GetState => Rendered::V1(Box::new(v1::get_state(view))),
        MasterRead::GetAgents => Rendered::V1(Box::new(v1::get_agents(view))),
        MasterRead::GetFrameworks => Rendered::V1(Box::new(v1::get_frameworks(view))),
        MasterRead::GetTasks => Rendered::V1(Box::new(v1::get_tasks(view))),
        MasterRead::State => Rendered::Json(legacy::state(view)),
        MasterRead::Metrics => Rendered::Metrics(metrics::snapshot(view)),
        // The list of reads grows in another crate: whoever adds one shows it here.
        _ => Rendered::Json(serde_json::Value::Null),
    }
}

impl Master {
    /// Answers a read with a snapshot.
    pub(crate) fn read(
        &mut self,
        now: Now,
        out: &mut Effects,
        request: RequestId,
        principal: &Principal,
        read: MasterRead,
    ) {
        if !self.acls.approver(principal).shows_anything() {
            let refusal = Refusal::forbidden("Not authorized to view the master's state");
            return out.answer(request, Answer::Refused(refusal));
        }
        let view = Arc::new(self.view(now, principal));
        out.send.push(Envelope::Snapshot { request, read, view });
    }

    /// The facts of this moment, as `principal` may see them.
    pub fn view(&self, now: Now, principal: &Principal) -> View {
        View {
            config: Arc::clone(&self.config),
            approver: self.acls.approver(principal),
            taken_at: now.wall,
            frameworks: self.frameworks.shown.view(),
            completed_frameworks: self.frameworks.completed.view(),
            agents: self.agents.shown.view(),
            recovered_agents: self.agents.recovered.view(),
            unreachable_agents: self.agents.unreachable.len(),
            tasks: self.tasks.listed.view(),
            executors: self.executors.listed.view(),
            unreachable_tasks: self.tasks.unreachable.view(),
            completed_tasks: self.tasks.completed.view(),
            offers: self.offers.view(),
            counters: self.counters.clone(),
            allocator: self.allocation.slot.counters(),
        }
    }
}

impl View {
    /// The frameworks that the reader may see.
    fn frameworks(&self) -> impl Iterator<Item = &Framework> {
        self.frameworks.values().filter(|framework| self.shows(framework))
    }

    /// The removed frameworks that the reader may see.
    fn completed_frameworks(&self) -> impl Iterator<Item = &Framework> {
        self.completed_frameworks
            .iter()
            .map(|framework| &**framework)
            .filter(|framework| self.shows(framework))
    }

    fn shows(&self, framework: &Framework) -> bool {
        self.approver.shows(framework.info.principal.as_deref())
    }
}

//! What readers are shown: pure functions from a snapshot, run off the loop.
//!
//! The loop hands out a [`View`], which shares its records with the master; a [`Rendering`] turns
//! it into what one read wants, piece by piece.

mod frameworks;
mod json;
mod legacy;
mod metrics;
mod plugins;
mod rendering;
mod role_figures;
mod roles;
mod sums;
mod v1;

pub(crate) use frameworks::Counted;
pub use rendering::{Place, Rendering};

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mezzo_acl::Approver;
use mezzo_ledger::Held;
use mezzo_model::{
    AgentId, FrameworkId, Now, RequestId, Wall,
    agent::Agent,
    calls::{Answer, Encoding, MasterRead, Principal, Refusal},
    framework::Framework,
    offer::Offer,
    operation::{Operation, OperationUuid},
    table::{Place as At, Ring, RingView, View as TableView},
    task::Task,
};
use mezzo_proto::{Message, mesos::v1::master::Response};

use crate::{
    Effects, Envelope, Master, MasterConfig,
    agents::{Recovered, Unreachable},
    executors::{Executor, ExecutorKey},
    metrics::Counters,
    role_settings::InForce,
    tasks::TaskKey,
};
use rendering::{Item, TaskTable};

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
    /// Agents that were given up and when, where the read wants them by name.
    unreachable: Vec<(AgentId, Wall)>,
    tasks: TableView<TaskKey, Task>,
    executors: TableView<ExecutorKey, Executor>,
    unreachable_tasks: TableView<TaskKey, Task>,
    completed_tasks: TableView<FrameworkId, Ring<Arc<Task>>>,
    offers: TableView<u64, Offer>,
    operations: TableView<OperationUuid, Operation>,
    holdings: Vec<(AgentId, Held)>,
    role_settings: Arc<InForce>,
    counters: Counters,
    /// Only of a view that is taken for the numbers.
    counted: BTreeMap<FrameworkId, Counted>,
    allocator: mezzo_slots::Counters,
    /// Only of a view that is taken for the plugins or their history.
    plugins: serde_json::Value,
}

/// What a read is answered with, whole.
#[derive(Clone, Debug, PartialEq)]
pub enum Rendered {
    /// A v1 answer.
    V1(Box<Response>),
    /// An older JSON endpoint.
    Json(serde_json::Value),
}

/// The master's numbers by Mesos's names, sorted; the daemon adds its own.
pub fn figures(view: &View) -> Vec<(String, f64)> {
    metrics::snapshot(view)
}

/// What `read` shows of `view`, as values: for those who look into it. Readers are served by a
/// [`Rendering`], of which this is made.
pub fn render(view: &Arc<View>, read: &MasterRead) -> Rendered {
    if *read == MasterRead::Metrics {
        return Rendered::Json(serde_json::Value::Null);
    }
    if is_v1(read) {
        let bytes = Rendering::new(Arc::clone(view), read, Encoding::Protobuf).whole();
        let response = Response::decode(&*bytes).expect("a v1 answer is written as its message");
        return Rendered::V1(Box::new(response));
    }
    let text = Rendering::new(Arc::clone(view), read, Encoding::Json).whole();
    Rendered::Json(serde_json::from_slice(&text).expect("an older endpoint is written as JSON"))
}

/// Whether a read is of the v1 API, which has two encodings.
fn is_v1(read: &MasterRead) -> bool {
    use MasterRead::*;
    matches!(
        read,
        GetState
            | GetAgents
            | GetFrameworks
            | GetTasks
            | GetExecutors
            | GetOperations
            | GetRoles
            | GetWeights
            | GetMaster
            | GetQuota
            | GetMaintenanceStatus
            | GetMaintenanceSchedule
    )
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
        let mut view = self.view(now, principal);
        if read == MasterRead::Registry {
            let since = |agent: &Unreachable| agent.fact.unreachable_since.unwrap_or_default();
            view.unreachable =
                self.agents.unreachable.iter().map(|(id, agent)| (id.clone(), since(agent))).collect();
        }
        match read {
            MasterRead::Plugins => view.plugins = plugins::slots(now, &self.allocation),
            MasterRead::PluginHistory => view.plugins = plugins::history(&self.allocation),
            _ => {}
        }
        if read == MasterRead::Metrics {
            view.counted = self.frameworks.counted();
        }
        out.send.push(Envelope::Snapshot { request, read, view: Arc::new(view) });
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
            unreachable: Vec::new(),
            tasks: self.tasks.listed.view(),
            executors: self.executors.listed.view(),
            unreachable_tasks: self.tasks.unreachable.view(),
            completed_tasks: self.tasks.completed.view(),
            operations: self.operations.shown.view(),
            offers: self.offers.view(),
            holdings: self.ledger.holdings(),
            role_settings: Arc::clone(&self.role_settings.in_force),
            counters: self.counters.clone(),
            counted: BTreeMap::new(),
            allocator: self.allocation.slot.counters(),
            plugins: serde_json::Value::Null,
        }
    }
}

impl View {
    /// Whether a reader would be shown the same of both, as far as it can be told without looking
    /// into the records: never wrongly so. Counters and the time are not looked at.
    pub fn shows_the_same(&self, other: &View) -> bool {
        let is_held_alike = |((one_agent, one), (other_agent, other)): (&(_, Held), &(_, Held))| {
            one_agent == other_agent
                && one.framework == other.framework
                && one.role == other.role
                && one.offered.is_same_copy(&other.offered)
                && one.allocated.is_same_copy(&other.allocated)
        };
        self.approver == other.approver
            && self.frameworks.is_same_copy(&other.frameworks)
            && self.completed_frameworks.is_same_copy(&other.completed_frameworks)
            && self.agents.is_same_copy(&other.agents)
            && self.recovered_agents.is_same_copy(&other.recovered_agents)
            && self.unreachable_agents == other.unreachable_agents
            && self.unreachable == other.unreachable
            && self.plugins == other.plugins
            && self.tasks.is_same_copy(&other.tasks)
            && self.executors.is_same_copy(&other.executors)
            && self.unreachable_tasks.is_same_copy(&other.unreachable_tasks)
            && self.completed_tasks.is_same_copy(&other.completed_tasks)
            && self.offers.is_same_copy(&other.offers)
            && Arc::ptr_eq(&self.role_settings, &other.role_settings)
            && self.holdings.len() == other.holdings.len()
            && self.holdings.iter().zip(&other.holdings).all(is_held_alike)
    }

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

    /// Where the frameworks stand that the reader may see.
    fn framework_places(&self) -> impl Iterator<Item = At> {
        let places = self.frameworks.places();
        places.filter(|at| self.frameworks.at(*at).is_some_and(|(_, framework)| self.shows(framework)))
    }

    /// Where the removed frameworks stand that the reader may see.
    fn completed_framework_places(&self) -> impl Iterator<Item = At> {
        let places = self.completed_frameworks.places();
        places.filter(|at| self.completed_frameworks.at(*at).is_some_and(|framework| self.shows(framework)))
    }

    fn shows(&self, framework: &Framework) -> bool {
        self.approver.shows(framework.info.principal.as_deref())
    }

    /// The frameworks whose tasks the reader may see; absent if that is all of them.
    fn visible(&self) -> Option<BTreeSet<&FrameworkId>> {
        let known = || self.frameworks().chain(self.completed_frameworks()).map(|framework| &framework.id);
        (!self.approver.shows_everything()).then(|| known().collect())
    }

    /// Where all listed tasks stand.
    fn listed_places(&self) -> impl Iterator<Item = Item> {
        self.tasks.places().map(Item::from)
    }

    /// Where all tasks stand that cannot be reached.
    fn unreachable_places(&self) -> impl Iterator<Item = Item> {
        let places = self.unreachable_tasks.places();
        places.map(|at| Item { table: TaskTable::Unreachable, ..Item::from(at) })
    }

    /// Where all completed tasks stand, by framework.
    fn completed_places(&self) -> impl Iterator<Item = (&FrameworkId, impl Iterator<Item = Item>)> {
        self.completed_tasks.places().filter_map(|outer| {
            let (framework, tasks) = self.completed_tasks.at(outer)?;
            let items = tasks.places().map(move |at| Item { table: TaskTable::Completed, outer, at });
            Some((framework, items))
        })
    }

    /// Where the listed tasks stand that the reader may see.
    fn listed(&self) -> Vec<Item> {
        let visible = self.visible();
        let is_shown = |item: &Item| {
            let Some(visible) = &visible else { return true };
            self.tasks.at(item.at).is_some_and(|(key, _)| visible.contains(&key.0))
        };
        self.listed_places().filter(is_shown).collect()
    }

    /// Where the tasks stand that cannot be reached and that the reader may see.
    fn unreachable(&self) -> Vec<Item> {
        let visible = self.visible();
        let is_shown = |item: &Item| {
            let Some(visible) = &visible else { return true };
            self.unreachable_tasks.at(item.at).is_some_and(|(key, _)| visible.contains(&key.0))
        };
        self.unreachable_places().filter(is_shown).collect()
    }

    /// Where the completed tasks stand that the reader may see.
    fn completed(&self) -> Vec<Item> {
        let visible = self.visible();
        let is_shown = |id: &FrameworkId| visible.as_ref().is_none_or(|visible| visible.contains(id));
        self.completed_places().filter(|(id, _)| is_shown(id)).flat_map(|(_, items)| items).collect()
    }

    /// Where the executors stand that the reader may see.
    fn executor_places(&self) -> impl Iterator<Item = At> {
        let visible = self.visible();
        let is_shown = move |at: &At| {
            let known = self.executors.at(*at);
            known.is_some_and(|((_, framework, _), _)| {
                visible.as_ref().is_none_or(|visible| visible.contains(framework))
            })
        };
        self.executors.places().filter(is_shown)
    }

    /// The task that stands there.
    fn task(&self, item: Item) -> Option<&Task> {
        match item.table {
            TaskTable::Listed => Some(self.tasks.at(item.at)?.1),
            TaskTable::Unreachable => Some(self.unreachable_tasks.at(item.at)?.1),
            TaskTable::Completed => {
                let (_, tasks) = self.completed_tasks.at(item.outer)?;
                tasks.at(item.at).map(|task| &**task)
            }
        }
    }
}

//! The custom executors that a master knows, and what each holds of the ledger.
//!
//! An executor is listed from the launch of its first task until its agent says that it has
//! exited, or does not list it any more. What it uses itself is allocated for as long.

use std::sync::Arc;

use mezzo_model::{AgentId, ExecutorId, FrameworkId, Now, table::Table};
use mezzo_proto::{mesos::v1, mezzo::link::v1::ExecutorState};
use mezzo_resources::Resources;

use crate::Master;

/// Names an executor.
pub(crate) type ExecutorKey = (AgentId, FrameworkId, ExecutorId);

/// A custom executor.
#[derive(Clone, Debug)]
pub(crate) struct Executor {
    /// As the agent has it; its resources are marked with the role they are allocated to.
    pub(crate) info: Arc<v1::ExecutorInfo>,
    /// Under which role it holds what it uses.
    pub(crate) role: String,
    /// What it uses itself; not marked with whom it is allocated to.
    pub(crate) resources: Resources,
}

/// All executors.
#[derive(Debug, Default)]
pub(crate) struct Executors {
    pub(crate) listed: Table<ExecutorKey, Executor>,
}

impl Master {
    /// Lists an executor; the ledger already counts what it uses as allocated to it.
    pub(crate) fn list_executor(&mut self, key: ExecutorKey, executor: Executor) {
        self.changes += 1;
        if let Some(kept) = self.frameworks.kept_mut(&key.1)
            && kept.executors.insert((key.0.clone(), key.2.clone()))
        {
            *kept.agents.entry(key.0.clone()).or_default() += 1;
        }
        if let Some(kept) = self.agents.kept_mut(&key.0) {
            kept.executors.insert((key.1.clone(), key.2.clone()));
        }
        self.executors.listed.insert(key, executor);
    }

    /// Takes an executor off the list: what it used is free. False when it was not listed.
    pub(crate) fn unlist_executor(&mut self, now: Now, key: &ExecutorKey) -> bool {
        let Some(executor) = self.executors.listed.remove(key) else { return false };
        self.changes += 1;
        let freed = self.ledger.release_allocated(&key.0, &key.1, &executor.role, &executor.resources);
        self.booked(freed);
        if let Some(kept) = self.frameworks.kept_mut(&key.1)
            && kept.executors.remove(&(key.0.clone(), key.2.clone()))
        {
            kept.leave_agent(&key.0);
        }
        if let Some(kept) = self.agents.kept_mut(&key.0) {
            kept.executors.remove(&(key.1.clone(), key.2.clone()));
        }
        self.something_changed(now);
        true
    }

    /// Takes every executor of an agent off the list.
    pub(crate) fn unlist_executors_of_agent(&mut self, now: Now, agent: &AgentId) {
        let known = self.agents.kept(agent).map(|kept| kept.executors.clone()).unwrap_or_default();
        for (framework, executor) in known {
            self.unlist_executor(now, &(agent.clone(), framework, executor));
        }
    }

    /// Takes every executor of a framework off the list.
    pub(crate) fn unlist_executors_of_framework(&mut self, now: Now, framework: &FrameworkId) {
        let known = self.frameworks.kept(framework).map(|kept| kept.executors.clone()).unwrap_or_default();
        for (agent, executor) in known {
            self.unlist_executor(now, &(agent, framework.clone(), executor));
        }
    }

    /// What an agent lists is true: those that this master does not know are adopted, those that
    /// the agent does not list are gone. Gives the frameworks of those that nobody knows.
    pub(crate) fn take_executors_in(
        &mut self,
        now: Now,
        agent: &AgentId,
        reported: Vec<ExecutorState>,
    ) -> Vec<FrameworkId> {
        let mut gone = self.agents.kept(agent).map(|kept| kept.executors.clone()).unwrap_or_default();
        let mut strangers = Vec::new();
        for ExecutorState { framework_id, info } in reported {
            let (Some(framework), Some(info)) = (framework_id.map(FrameworkId::from), info) else { continue };
            let id = ExecutorId::from(&info.executor_id);
            if self.frameworks.get(&framework).is_none() {
                strangers.push(framework);
            } else if !gone.remove(&(framework.clone(), id.clone())) {
                self.adopt_executor((agent.clone(), framework, id), info);
            }
        }
        for (framework, id) in gone {
            self.unlist_executor(now, &(agent.clone(), framework, id));
        }
        strangers
    }

    fn adopt_executor(&mut self, key: ExecutorKey, info: v1::ExecutorInfo) {
        let marked = Resources::from_wire(&info.resources).unwrap_or_default();
        let role = marked.allocation_roles().first().map(|role| role.to_string());
        let role = role.or_else(|| self.frameworks.get(&key.1)?.roles.first().cloned());
        let executor = Executor {
            info: Arc::new(info),
            role: role.unwrap_or_default(),
            resources: marked.without_allocation(),
        };
        let moved = self.ledger.allocate(&key.0, &key.1, &executor.role, &executor.resources);
        self.booked(moved);
        self.list_executor(key, executor);
    }
}

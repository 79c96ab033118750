//! LAUNCH of one task: admitted, booked, listed, sent.

use std::sync::Arc;

use mezzo_acl::Action;
use mezzo_model::{
    ExecutorId, LinkId, Now, TaskId,
    task::{Task, TaskFacts, TaskState},
};
use mezzo_proto::{
    mesos::v1::{self, agent_info::capability::Type, task_status::Reason},
    mezzo::link::v1::{RunTask, from_master},
};
use mezzo_resources::Resources;

use super::Used;
use crate::{
    Effects, Master,
    admission::{self, Admitted},
    events,
    executors::{Executor, ExecutorKey},
    frameworks::principal_of,
    tasks::Held,
};

/// Why a task does not start.
struct Refused {
    state: TaskState,
    reason: Reason,
    why: String,
}

impl Master {
    /// Launches one task on what is left of the offers, or says why not.
    pub(super) fn launch(&mut self, now: Now, out: &mut Effects, used: &mut Used, mut task: v1::TaskInfo) {
        admission::complete_executor(&mut task, &used.framework, &used.role);
        let Some(framework) = self.frameworks.get(&used.framework) else { return };
        let info = framework.info.clone();
        match self.judge(used, &info, &task) {
            Ok((admitted, link)) => self.start_task(out, used, &info, task, admitted, link),
            Err(Refused { state, reason, why }) => {
                self.refuse_task(now, out, &used.framework, &task, state, reason, &why);
            }
        }
    }

    fn judge(
        &self,
        used: &Used,
        framework: &v1::FrameworkInfo,
        task: &v1::TaskInfo,
    ) -> Result<(Admitted, LinkId), Refused> {
        let key = (used.framework.clone(), TaskId::from(&task.task_id));
        let agent = self.agents.get(&used.agent);
        let executor = executor_key(used, task).and_then(|key| self.executors.listed.get(&key));
        let place = admission::Place {
            agent: &used.agent,
            framework: &used.framework,
            executor: executor.map(|known| &*known.info),
            role: &used.role,
            left: &used.left,
            has_limits: agent
                .is_some_and(|agent| agent.capabilities.contains(&(Type::TaskResourceLimits as i32))),
            is_listed: self.tasks.listed.contains_key(&key),
            is_unreachable: self.tasks.unreachable.contains_key(&key),
        };
        let invalid = |why| Refused { state: TaskState::Error, reason: Reason::TaskInvalid, why };
        let admitted = admission::admit(task, &place).map_err(invalid)?;
        let named = events::command_of(task).and_then(|command| command.user.as_deref());
        let user = named.unwrap_or(&framework.user);
        if !self.acls.allows(&principal_of(framework), Action::RunTask { user }) {
            let why = format!("Not authorized to launch as user '{user}'");
            return Err(Refused { state: TaskState::Error, reason: Reason::TaskUnauthorized, why });
        }
        // An open offer's agent is connected: its offers end with its link.
        let link = agent.and_then(|agent| agent.state.link()).ok_or_else(|| Refused {
            state: TaskState::Lost,
            reason: Reason::AgentDisconnected,
            why: "Agent disconnected".to_owned(),
        })?;
        Ok((admitted, link))
    }

    fn start_task(
        &mut self,
        out: &mut Effects,
        used: &mut Used,
        framework: &v1::FrameworkInfo,
        mut task: v1::TaskInfo,
        admitted: Admitted,
        link: LinkId,
    ) {
        let Admitted { resources, executor, left } = admitted;
        let launch_executor = executor.is_some();
        if let Some(resources) = executor {
            self.start_executor(used, &task, resources);
        }
        let moved = self.ledger.use_offered(&used.agent, &used.framework, &used.role, &resources);
        self.booked(moved);
        used.left = left;
        task.resources = resources.allocated_to(used.role.as_str()).to_wire();
        let facts = TaskFacts::new(used.framework.clone(), used.agent.clone(), &task);
        let task_id = facts.id.clone();
        self.list_task(Task::staging(facts), Some(Held { role: used.role.clone(), resources }));
        self.show_task_added(out, &(used.framework.clone(), task_id));
        let body = RunTask { framework: Some(framework.clone()), task: Some(task), launch_executor };
        out.tell_agent(link, from_master::Body::RunTask(body));
    }

    /// Books and lists the executor that a task brings along.
    fn start_executor(&mut self, used: &Used, task: &v1::TaskInfo, resources: Resources) {
        let (Some(key), Some(info)) = (executor_key(used, task), &task.executor) else { return };
        let moved = self.ledger.use_offered(&used.agent, &used.framework, &used.role, &resources);
        self.booked(moved);
        let info = Arc::new(info.clone());
        self.list_executor(key, Executor { info, role: used.role.clone(), resources });
    }
}

/// The name of the executor that a task names.
fn executor_key(used: &Used, task: &v1::TaskInfo) -> Option<ExecutorKey> {
    let id = ExecutorId::from(&task.executor.as_ref()?.executor_id);
    Some((used.agent.clone(), used.framework.clone(), id))
}

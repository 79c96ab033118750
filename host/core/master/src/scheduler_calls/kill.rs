//! KILL: forwarded, and remembered until the task is over.

use mezzo_model::{
    AgentId, FrameworkId, Now, TaskId,
    calls::{Answer, Principal, Refusal},
};
use mezzo_proto::{
    mesos::v1,
    mezzo::link::v1::{KillTask, from_master},
};

use crate::{Effects, Master, tasks::TaskKey};

impl Master {
    /// Ends a task. One that is not known is answered as by RECONCILE.
    pub(super) fn kill(
        &mut self,
        now: Now,
        out: &mut Effects,
        framework: &FrameworkId,
        task_id: TaskId,
        agent_id: Option<AgentId>,
        kill_policy: Option<v1::KillPolicy>,
    ) {
        self.counters.add("master/messages_kill_task");
        let key = (framework.clone(), task_id);
        let Some(task) = self.tasks.listed.get(&key) else {
            return self.reconcile_one(now, out, framework, &key.1, agent_id.as_ref());
        };
        let agent = task.facts.agent.clone();
        if agent_id.is_some_and(|named| named != agent) {
            out.info(format!(
                "framework `{framework}` kills task `{}` at an agent that does not have it",
                key.1
            ));
            return;
        }
        self.kill_at(out, &agent, key, kill_policy);
    }

    /// Ends a task although its scheduler did not ask; the scheduler hears of it by the update.
    pub(super) fn kill_by_operator(
        &mut self,
        out: &mut Effects,
        principal: &Principal,
        framework: Option<FrameworkId>,
        task_id: TaskId,
    ) -> Answer {
        let known = framework.and_then(|id| Some((self.frameworks.get(&id)?.info.principal.clone(), id)));
        let Some((owner, framework)) = known else {
            return Answer::Refused(Refusal::not_found("Framework cannot be found"));
        };
        if let Err(refusal) = super::is_own_principal(principal, owner.as_deref()) {
            return Answer::Refused(refusal);
        }
        let key = (framework, task_id);
        let running = self.tasks.listed.get(&key).filter(|task| !task.state.is_terminal());
        let Some(agent) = running.map(|task| task.facts.agent.clone()) else {
            let text = format!("Task '{}' of framework {} is not running", key.1, key.0);
            return Answer::Refused(Refusal::not_found(text));
        };
        out.info(format!("an operator kills task `{}` of framework `{}`", key.1, key.0));
        self.kill_at(out, &agent, key, None);
        Answer::Accepted
    }

    fn kill_at(
        &mut self,
        out: &mut Effects,
        agent: &AgentId,
        key: TaskKey,
        kill_policy: Option<v1::KillPolicy>,
    ) {
        if let Some(link) = self.agents.link(agent) {
            out.tell_agent(link, kill_task(&key.0, &key.1, kill_policy));
        }
        if let Some(kept) = self.agents.kept_mut(agent) {
            kept.kills.insert(key, kill_policy);
        }
    }
}

/// The message to the agent.
pub(crate) fn kill_task(
    framework: &FrameworkId,
    task: &TaskId,
    kill_policy: Option<v1::KillPolicy>,
) -> from_master::Body {
    let framework_id = Some(framework.into());
    from_master::Body::KillTask(KillTask { framework_id, task_id: Some(task.into()), kill_policy })
}

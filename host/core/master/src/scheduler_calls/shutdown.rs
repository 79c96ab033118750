//! SHUTDOWN of an executor: passed on, nothing more.

use mezzo_model::{AgentId, ExecutorId, FrameworkId};
use mezzo_proto::mezzo::link::v1::{ShutdownExecutor, from_master};

use crate::{Effects, Master};

impl Master {
    pub(super) fn shutdown_executor(
        &mut self,
        out: &mut Effects,
        framework: &FrameworkId,
        executor: &ExecutorId,
        agent: &AgentId,
    ) {
        let Some(link) = self.agents.link(agent) else {
            out.info(format!(
                "framework `{framework}` shuts executor `{executor}` down at agent `{agent}`, which is not connected"
            ));
            return;
        };
        let body =
            ShutdownExecutor { framework_id: Some(framework.into()), executor_id: Some(executor.into()) };
        out.tell_agent(link, from_master::Body::ShutdownExecutor(body));
    }
}

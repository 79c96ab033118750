//! What executors call: one file for each call that does more than a line.

mod message;
mod subscribe;
mod update;

use mezzo_model::calls::{Answer, ExecutorCall, ExecutorRequest, Refusal};

use crate::{
    agent::{Agent, Turn},
    executor::{ExecutorKey, Phase},
};

impl Agent {
    pub(crate) fn executor_call(&mut self, turn: &mut Turn, request: ExecutorRequest) {
        let ExecutorRequest { request, framework_id, executor_id, call, principal: _ } = request;
        let key = ExecutorKey { framework: framework_id, executor: executor_id };
        if let Err(refusal) = self.check_caller(&key, &call) {
            return turn.out.answer(request, Answer::Refused(refusal));
        }
        match call {
            ExecutorCall::Subscribe(subscribe) => self.subscribe_executor(turn, request, &key, *subscribe),
            ExecutorCall::Update(status) => self.executor_update(turn, request, &key, *status),
            ExecutorCall::Message { data } => {
                self.message_from_executor(turn, &key, data);
                turn.out.answer(request, Answer::Accepted);
            }
            ExecutorCall::Heartbeat => turn.out.answer(request, Answer::Accepted),
        }
    }

    /// What every call is looked at for, in Mesos's order and words.
    fn check_caller(&self, key: &ExecutorKey, call: &ExecutorCall) -> Result<(), Refusal> {
        if !self.identity.is_recovered {
            return Err(Refusal::unavailable("Agent has not finished recovery"));
        }
        if !self.frameworks.contains_key(&key.framework) {
            return Err(Refusal::bad_request("Framework cannot be found"));
        }
        let Some(executor) = self.executors.get(key) else {
            return Err(Refusal::bad_request("Executor cannot be found"));
        };
        let has_subscribed = match executor.phase {
            Phase::Launching | Phase::Registering => false,
            Phase::Running | Phase::Terminating { .. } => true,
        };
        match call {
            ExecutorCall::Subscribe(_) => Ok(()),
            ExecutorCall::Update(_) | ExecutorCall::Message { .. } | ExecutorCall::Heartbeat
                if !has_subscribed =>
            {
                Err(Refusal::forbidden("Executor is not subscribed"))
            }
            ExecutorCall::Update(_) | ExecutorCall::Message { .. } | ExecutorCall::Heartbeat => Ok(()),
        }
    }
}

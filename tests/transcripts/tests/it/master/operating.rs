//! What agents say of operations, and what operators ask for.

use mezzo_core_master::Input;
use mezzo_model::calls::{SchedulerCall, SchedulerRequest};
use mezzo_proto::{
    mesos::v1::{self, offer::operation::Type},
    mezzo::link::v1::{OperationUpdate, from_agent},
};

use super::{World, commands::principal, words::Words};
use crate::operations;

impl World {
    /// `done a1 state=OPERATION_FAILED message=…`: the oldest operation has ended.
    pub(super) fn operation_done(&mut self, words: &Words) {
        let node = self.node(words.word(1));
        node.updates += 1;
        let uuid = v1::Uuid { value: vec![node.updates; 16] };
        let told = match words.said("again") {
            Some(_) => node.operations.back().cloned(),
            None => node.operations.pop_front(),
        };
        let Some(told) = told else { return self.lines.push("it was told of no operation".to_owned()) };
        let state = words.get("state").unwrap_or("OPERATION_FINISHED");
        let status = v1::OperationStatus {
            operation_id: told.operation.and_then(|info| info.id),
            state: v1::OperationState::from_str_name(state).expect("a state") as i32,
            message: words.get("message").map(str::to_owned),
            uuid: Some(uuid),
            ..Default::default()
        };
        let update =
            OperationUpdate { framework_id: told.framework_id, uuid: told.uuid, status: Some(status) };
        self.hear_from(words.word(1), from_agent::Body::OperationUpdate(update));
    }

    /// `operate a1 RESERVE what=cpus(web):2`: as an operator.
    pub(super) fn operate(&mut self, words: &Words) {
        let kind = Type::from_str_name(words.word(2));
        let operation = operations::operation(kind, &|key| words.said(key));
        let request = self.request();
        let agent_id = self.agent_id(words.word(1));
        self.handle(Input::Call(SchedulerRequest {
            request,
            principal: principal(words),
            framework_id: None,
            stream_id: None,
            call: SchedulerCall::OperateByOperator { agent_id, operation: Box::new(operation) },
        }));
    }
}

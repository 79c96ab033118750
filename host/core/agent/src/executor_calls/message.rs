//! MESSAGE of an executor: passed on to its scheduler, best effort.

use mezzo_proto::mezzo::link::v1::{ExecutorMessage, from_agent};

use crate::{
    agent::{Agent, Turn},
    executor::ExecutorKey,
};

impl Agent {
    pub(super) fn message_from_executor(&mut self, turn: &mut Turn, key: &ExecutorKey, data: Vec<u8>) {
        let Some(link) = self.serving() else {
            return turn.out.info(format!("a message of executor {key} was dropped: there is no master"));
        };
        let message = ExecutorMessage {
            framework_id: Some((&key.framework).into()),
            executor_id: Some((&key.executor).into()),
            data,
        };
        turn.out.tell_master(link, from_agent::Body::Message(message));
    }
}

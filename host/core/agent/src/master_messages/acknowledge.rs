//! Acknowledge: the framework has heard an update.

use mezzo_proto::mezzo::link::v1::Acknowledge;

use crate::agent::{Agent, Turn};

impl Agent {
    pub(crate) fn acknowledge(&mut self, turn: &mut Turn, message: Acknowledge) {
        if let Some(key) = super::key(message.framework_id, message.task_id) {
            self.acknowledged(turn, &key, &message.uuid);
        }
    }
}

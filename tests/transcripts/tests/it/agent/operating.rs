//! Operations that the master sends, and what the agent says of them.

use mezzo_proto::{
    mesos::v1,
    mezzo::link::v1::{AcknowledgeOperation, ApplyOperation, OperationUpdate, from_master},
};

use super::{World, words::Words};
use crate::operations;

impl World {
    pub(super) fn operation(&self, words: &Words) -> from_master::Body {
        match words.first() {
            "apply" => {
                let get = |key: &str| words.get(key).map(str::to_owned);
                let kind = v1::offer::operation::Type::from_str_name(words.at(2));
                from_master::Body::ApplyOperation(ApplyOperation {
                    framework_id: words.get("framework").map(|id| v1::FrameworkId { value: id.to_owned() }),
                    uuid: vec![words.number(1) as u8; 16],
                    operation: Some(operations::operation(kind, &get)),
                })
            }
            _ => {
                let number = words.number(1) as u8;
                let told = self.operations.get(&number).and_then(|status| status.uuid.clone());
                from_master::Body::AcknowledgeOperation(AcknowledgeOperation {
                    uuid: vec![number; 16],
                    status_uuid: told.map(|uuid| uuid.value).unwrap_or_default(),
                })
            }
        }
    }

    pub(super) fn operation_update(&mut self, update: OperationUpdate) -> String {
        let status = update.status.unwrap_or_default();
        let number = update.uuid[0];
        let id = status.operation_id.as_ref().map_or(String::new(), |id| format!(" {}", id.value));
        let message = status.message.as_ref().map_or(String::new(), |why| format!(" `{why}`"));
        let again = self.operations.insert(number, status.clone()).is_some_and(|told| told == status);
        let again = if again { " again" } else { "" };
        format!("OPERATION #{number:02x}{id} {}{message}{again}", status.state().as_str_name())
    }
}

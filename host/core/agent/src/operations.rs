//! Operations on what the agent has: done, written down, told of until somebody has acknowledged.
//!
//! The new total is durable before anybody hears that an operation has ended, and so is the
//! operation. One that makes or removes volumes ends when the node has made or removed their
//! directories; what comes after it can count with it at once.

mod recovery;
mod updates;

use std::{fmt::Write as _, time::Duration};

use mezzo_model::container::{Ask, VolumeChange};
use mezzo_proto::{
    mesos::v1::{self, OperationState, offer::operation::Type},
    mezzo::{link::v1::ApplyOperation, store::v1::OperationRecord},
};
use mezzo_resources::Conversion;

use crate::{
    agent::{Agent, Turn},
    checkpoint,
    effects::Change,
    volumes,
};

/// An operation that was done or begun, and whose end nobody has acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) framework: Option<v1::FrameworkId>,
    pub(crate) uuid: Vec<u8>,
    pub(crate) info: v1::offer::Operation,
    /// How it ended; absent while the node is at it.
    pub(crate) status: Option<v1::OperationStatus>,
    /// How long it was waited for an acknowledgement last.
    wait: Option<Duration>,
}

impl Operation {
    fn to_record(&self) -> OperationRecord {
        OperationRecord {
            framework_id: self.framework.clone(),
            uuid: self.uuid.clone(),
            operation: Some(self.info.clone()),
            status: self.status.clone(),
        }
    }
}

impl Agent {
    /// Does an operation of the master; one that was done before is told of again.
    pub(crate) fn apply_operation(&mut self, turn: &mut Turn, message: ApplyOperation) {
        let Some(info) = message.operation else {
            return turn.out.warn("an ApplyOperation without an operation was left alone");
        };
        let uuid = message.uuid;
        if self.operations.iter().any(|known| known.uuid == uuid) {
            return self.tell_operation(turn, &uuid);
        }
        let result = self.convert(turn, &uuid, &info);
        self.operations.push(Operation {
            framework: message.framework_id,
            uuid: uuid.clone(),
            info,
            status: None,
            wait: None,
        });
        match result {
            Ok(Progress::Done) => self.end_operation(turn, &uuid, OperationState::OperationFinished, None),
            Ok(Progress::WithNode) => self.write_resources(turn),
            Err((state, why)) => self.end_operation(turn, &uuid, state, Some(why)),
        }
    }

    /// Changes what the agent has.
    fn convert(
        &mut self,
        turn: &mut Turn,
        uuid: &[u8],
        info: &v1::offer::Operation,
    ) -> Result<Progress, (OperationState, String)> {
        let wrong = |why: String| (OperationState::OperationError, why);
        let conversion = Conversion::of(info).map_err(|why| wrong(why.to_string()))?;
        let work = self.work_of(uuid, info, &conversion).map_err(wrong)?;
        if !self.account.convert(&conversion) {
            let (total, wanted) = (self.account.total(), &conversion.consumed);
            return Err((
                OperationState::OperationDropped,
                format!("The operation needs {wanted}, but the agent has {total}"),
            ));
        }
        match work {
            Some(ask) => {
                turn.out.node(ask);
                Ok(Progress::WithNode)
            }
            None => Ok(Progress::Done),
        }
    }

    /// What the node has to do for an operation.
    fn work_of(
        &self,
        uuid: &[u8],
        info: &v1::offer::Operation,
        conversion: &Conversion,
    ) -> Result<Option<Ask>, String> {
        let (change, named) = match info.r#type() {
            Type::Create => (VolumeChange::Make, &conversion.made),
            Type::Destroy => (VolumeChange::Remove, &conversion.consumed),
            _ => return Ok(None),
        };
        let places = named.iter().map(|volume| volumes::place(&self.config.work_dir, volume));
        let volumes = places.collect::<Result<Vec<_>, String>>()?;
        Ok(Some(Ask::ChangeVolumes { operation: name(uuid), change, volumes }))
    }

    /// The node has done its part, or could not: then nothing has changed.
    pub(crate) fn volumes_changed(&mut self, turn: &mut Turn, named: &str, result: Result<(), String>) {
        let found = self.operations.iter().find(|known| name(&known.uuid) == named && known.status.is_none());
        let Some((uuid, info)) = found.map(|known| (known.uuid.clone(), known.info.clone())) else { return };
        let Err(why) = result else {
            return self.end_operation(turn, &uuid, OperationState::OperationFinished, None);
        };
        turn.out.warn(format!("an operation on volumes has failed: {why}"));
        if let Ok(Conversion { consumed, made }) = Conversion::of(&info)
            && !self.account.convert(&Conversion { consumed: made, made: consumed })
        {
            turn.out.warn("what it was to make is used already, and is left as it is");
        }
        self.end_operation(turn, &uuid, OperationState::OperationFailed, Some(why));
    }

    /// Notes how an operation ended, and tells once that is written down.
    fn end_operation(&mut self, turn: &mut Turn, uuid: &[u8], state: OperationState, why: Option<String>) {
        let status_uuid = v1::Uuid { value: self.names.uuid().to_vec() };
        let agent_id = self.identity.agent_id.as_ref().map(Into::into);
        if let Some(ended) = self.operations.iter_mut().find(|known| known.uuid == uuid) {
            ended.status = Some(v1::OperationStatus {
                operation_id: ended.info.id.clone(),
                state: state as i32,
                message: why,
                uuid: Some(status_uuid),
                agent_id,
                ..Default::default()
            });
        }
        self.write_resources(turn);
        self.tell_operation(turn, uuid);
    }

    /// Writes what the agent has, and its operations, durably.
    pub(crate) fn write_resources(&mut self, turn: &mut Turn) {
        let records = self.operations.iter().map(Operation::to_record).collect();
        let file = checkpoint::resources_file(self.account.total(), records);
        turn.touched.is_resources = true;
        turn.out.write(checkpoint::RESOURCES_KEY, Change::Replace(file), true);
    }
}

/// How far an operation has got at once.
enum Progress {
    Done,
    WithNode,
}

/// An operation as the node and the disk name it.
fn name(uuid: &[u8]) -> String {
    uuid.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

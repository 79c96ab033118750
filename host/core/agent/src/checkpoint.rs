//! What the agent keeps on disk, and its form.
//!
//! A file is a sequence of records; each has its length and its crc32c in front
//! (4 bytes each, little-endian). A log whose end was torn by a crash is read up to
//! the last whole record.

use mezzo_proto::{
    Message,
    mesos::v1,
    mezzo::store::v1::{
        AgentCheckpoint, ExecutorLaunchRecord, ExecutorRecord, FrameworkCheckpoint, KillRecord, LaunchRecord,
        OperationRecord, ResourcesCheckpoint, TaskRecord, executor_record, task_record,
    },
};

use mezzo_resources::Resources;

use crate::{
    executor::Executor,
    task::{Phase, Task},
};

/// The form of everything below `meta`; a newer one is not read.
pub const FORMAT: u32 = 1;
/// Key of the file that holds [`FORMAT`], in decimal.
pub const FORMAT_KEY: &str = "format";
/// Key of the agent's own checkpoint.
pub const AGENT_KEY: &str = "agent";
/// Key of what operations have made of the agent's resources.
pub const RESOURCES_KEY: &str = "resources";
/// What the keys of frameworks start with.
pub const FRAMEWORKS: &str = "frameworks/";
/// What the keys of custom executors start with.
pub const EXECUTORS: &str = "executors/";
/// What the keys of tasks start with.
pub const TASKS: &str = "tasks/";

/// No record is larger: a length above it is damage.
const RECORD_BYTES_MAX: usize = 16 * 1024 * 1024;
const FRAME_BYTES: usize = 8;

/// Key of a framework's file.
pub(crate) fn framework_key(framework: &str) -> String {
    format!("{FRAMEWORKS}{}", segment(framework))
}

/// Key of an executor's file.
pub(crate) fn executor_key(container: &str) -> String {
    format!("{EXECUTORS}{}", segment(container))
}

/// Key of a task's log. Its name is the agent's own, so it is a safe one.
pub(crate) fn task_key(log_name: &str) -> String {
    format!("{TASKS}{}", segment(log_name))
}

/// A name as a part of a key. What a key cannot hold is written as `_` and two hex digits for
/// each byte; a name that would be too long for a file keeps its start and its checksum.
fn segment(name: &str) -> String {
    const BYTES_MAX: usize = 200;
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => out.push(char::from(byte)),
            b'.' if !out.is_empty() => out.push('.'),
            _ => out.push_str(&format!("_{byte:02x}")),
        }
    }
    if out.len() > BYTES_MAX {
        out.truncate(BYTES_MAX);
        out.push_str(&format!("_{:08x}", crc32c::crc32c(name.as_bytes())));
    }
    out
}

/// A record in its frame.
pub(crate) fn frame(message: &impl Message) -> Vec<u8> {
    let mut out = Vec::new();
    push_frame(&mut out, message);
    out
}

/// Adds a record in its frame.
pub(crate) fn push_frame(out: &mut Vec<u8>, message: &impl Message) {
    let payload = message.encode_to_vec();
    let length = u32::try_from(payload.len())
        .expect("a record is made of messages that came over a link with far smaller frames");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&crc32c::crc32c(&payload).to_le_bytes());
    out.extend_from_slice(&payload);
}

/// The whole records of a file, and whether more bytes follow that are none.
pub(crate) fn records<M: Message + Default>(mut bytes: &[u8]) -> (Vec<M>, bool) {
    let mut found = Vec::new();
    while let Some((message, rest)) = next_record(bytes) {
        found.push(message);
        bytes = rest;
    }
    (found, !bytes.is_empty())
}

fn next_record<M: Message + Default>(bytes: &[u8]) -> Option<(M, &[u8])> {
    let (head, rest) = bytes.split_at_checked(FRAME_BYTES)?;
    let length = u32::from_le_bytes(head[..4].try_into().ok()?) as usize;
    let sum = u32::from_le_bytes(head[4..].try_into().ok()?);
    if length > RECORD_BYTES_MAX {
        return None;
    }
    let (payload, rest) = rest.split_at_checked(length)?;
    if crc32c::crc32c(payload) != sum {
        return None;
    }
    Some((M::decode(payload).ok()?, rest))
}

/// One record about a task.
pub(crate) fn task_record(record: task_record::Record) -> Vec<u8> {
    frame(&TaskRecord { record: Some(record) })
}

/// A task's whole log: what [`records`] must give back to make the same task again.
pub(crate) fn task_log(task: &Task, framework: &v1::FrameworkInfo) -> Vec<u8> {
    use task_record::Record;

    let mut out = launch_record(task, framework);
    if task.executor.is_some() && task.phase == Phase::Running {
        push_frame(&mut out, &TaskRecord { record: Some(Record::Delivered(true)) });
    }
    let told =
        task.history.iter().filter(|status| task.stream.pending().all(|waiting| waiting.uuid != status.uuid));
    for status in told {
        push_frame(&mut out, &TaskRecord { record: Some(Record::Update(status.clone())) });
        let uuid = status.uuid.clone().unwrap_or_default();
        push_frame(&mut out, &TaskRecord { record: Some(Record::Acknowledged(uuid)) });
    }
    if let Some(kill) = task.kill {
        let record = KillRecord {
            cause: kill.cause.into(),
            escalate_ns: kill.escalate_wall.0,
            grace_ns: Some(kill.grace_ns),
        };
        push_frame(&mut out, &TaskRecord { record: Some(Record::Kill(record)) });
    }
    for status in task.stream.pending().chain(task.held()) {
        push_frame(&mut out, &TaskRecord { record: Some(Record::Update(status.clone())) });
    }
    out
}

/// The record that a task's log starts with.
pub(crate) fn launch_record(task: &Task, framework: &v1::FrameworkInfo) -> Vec<u8> {
    task_record(task_record::Record::Launch(LaunchRecord {
        task: Some(task.info.clone()),
        framework: Some(framework.clone()),
        container_id: task.container.as_str().to_owned(),
        sandbox: task.sandbox.clone(),
        received_ns: task.received.0,
    }))
}

/// An executor's file.
pub(crate) fn executor_file(executor: &Executor, framework: &v1::FrameworkInfo) -> Vec<u8> {
    frame(&ExecutorRecord {
        record: Some(executor_record::Record::Launch(ExecutorLaunchRecord {
            executor: Some(executor.info.clone()),
            framework: Some(framework.clone()),
            container_id: executor.container.as_str().to_owned(),
            sandbox: executor.sandbox.clone(),
            launched_ns: executor.launched.0,
        })),
    })
}

/// The agent's own file.
pub(crate) fn agent_file(agent: &AgentCheckpoint) -> Vec<u8> {
    frame(agent)
}

/// The file of what the agent has, and of its operations.
pub(crate) fn resources_file(total: &Resources, operations: Vec<OperationRecord>) -> Vec<u8> {
    frame(&ResourcesCheckpoint { total: total.to_wire(), operations })
}

/// A framework's file.
pub(crate) fn framework_file(info: &v1::FrameworkInfo) -> Vec<u8> {
    frame(&FrameworkCheckpoint { info: Some(info.clone()) })
}

#[cfg(test)]
mod tests {
    use mezzo_proto::mezzo::store::v1::task_record::Record;

    use super::*;

    fn log() -> Vec<u8> {
        let mut bytes = task_record(Record::Acknowledged(vec![1; 16]));
        bytes.extend(task_record(Record::Acknowledged(vec![2; 16])));
        bytes
    }

    /// A crash can tear the last append at any byte.
    #[test]
    fn torn_log_gives_its_whole_records() {
        let bytes = log();
        for length in 0..bytes.len() {
            let (found, is_torn) = records::<TaskRecord>(&bytes[..length]);
            let whole = usize::from(length >= bytes.len() / 2);
            assert_eq!(found.len(), whole, "at {length}");
            assert_eq!(is_torn, length != 0 && length != bytes.len() / 2, "at {length}");
        }
        assert_eq!(records::<TaskRecord>(&bytes).0.len(), 2);
    }

    #[test]
    fn flipped_bit_ends_the_log() {
        let bytes = log();
        for index in 0..bytes.len() / 2 {
            let mut damaged = bytes.clone();
            damaged[index] ^= 0x10;
            let (found, is_torn) = records::<TaskRecord>(&damaged);
            assert!(found.is_empty() && is_torn, "at {index}");
        }
    }

    #[test]
    fn keys_are_safe_whatever_a_framework_is_called() {
        assert_eq!(framework_key("a1aab995-0000"), "frameworks/a1aab995-0000");
        assert_eq!(framework_key("../x/y"), "frameworks/_2e._2fx_2fy");
        assert!(framework_key(&"ä".repeat(300)).len() < 255);
        assert_ne!(framework_key(&"x".repeat(300)), framework_key(&"x".repeat(301)));
    }
}

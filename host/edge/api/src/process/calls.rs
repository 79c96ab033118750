//! The calls that both daemons have, and their answers.
//!
//! Both define the messages for themselves, with the same names and numbers; the agent's stand
//! for both here.

use std::{collections::BTreeMap, time::Duration};

use mezzo_model::calls::Refusal;
use mezzo_proto::mesos::v1::{
    DurationInfo, FileInfo, Flag, Metric,
    agent::{self, Response as Message, response},
    master,
};

use super::Process;
use crate::files::Piece;

/// A call that is not about the cluster.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Call {
    GetHealth,
    GetFlags,
    GetVersion,
    GetMetrics { timeout: Option<Duration> },
    GetLoggingLevel,
    SetLoggingLevel { level: u32, duration: Duration },
    ListFiles { path: String },
    ReadFile { path: String, offset: u64, length: Option<u64> },
}

/// A daemon's message of calls.
pub(crate) trait Calls {
    /// The call, if it is one that both daemons have.
    ///
    /// # Errors
    ///
    /// When the part of the same name is missing, in Mesos's words.
    fn shared(&self) -> Result<Option<Call>, Refusal>;
}

/// `$name` is the daemon's, as refusals have it.
macro_rules! shared_calls {
    ($module:ident, $name:literal) => {
        impl Calls for $module::Call {
            fn shared(&self) -> Result<Option<Call>, Refusal> {
                use $module::call::Type;

                let missing = |part: &str| {
                    let text = format!(
                        concat!("Failed to validate ", $name, "::Call: Expecting '{}' to be present"),
                        part
                    );
                    Refusal::bad_request(text)
                };
                let kind = self.r#type.and_then(|number| Type::try_from(number).ok());
                Ok(Some(match kind.ok_or_else(|| missing("type"))? {
                    Type::GetHealth => Call::GetHealth,
                    Type::GetFlags => Call::GetFlags,
                    Type::GetVersion => Call::GetVersion,
                    Type::GetMetrics => {
                        let wanted = self.get_metrics.as_ref().ok_or_else(|| missing("get_metrics"))?;
                        Call::GetMetrics { timeout: wanted.timeout.as_ref().map(duration) }
                    }
                    Type::GetLoggingLevel => Call::GetLoggingLevel,
                    Type::SetLoggingLevel => {
                        let part = self.set_logging_level.as_ref();
                        let wanted = part.ok_or_else(|| missing("set_logging_level"))?;
                        Call::SetLoggingLevel { level: wanted.level, duration: duration(&wanted.duration) }
                    }
                    Type::ListFiles => {
                        let wanted = self.list_files.as_ref().ok_or_else(|| missing("list_files"))?;
                        Call::ListFiles { path: wanted.path.clone() }
                    }
                    Type::ReadFile => {
                        let wanted = self.read_file.as_ref().ok_or_else(|| missing("read_file"))?;
                        let (path, offset, length) = (wanted.path.clone(), wanted.offset, wanted.length);
                        Call::ReadFile { path, offset, length }
                    }
                    _ => return Ok(None),
                }))
            }
        }
    };
}

shared_calls!(agent, "agent");
shared_calls!(master, "master");

/// A duration before now is none.
fn duration(info: &DurationInfo) -> Duration {
    Duration::from_nanos(u64::try_from(info.nanoseconds).unwrap_or(0))
}

pub(super) fn flags(process: &Process) -> Message {
    let flags = process.flags.iter();
    let flags = flags.map(|(name, value)| Flag { name: name.clone(), value: Some(value.clone()) });
    Message {
        r#type: Some(response::Type::GetFlags.into()),
        get_flags: Some(response::GetFlags { flags: flags.collect() }),
        ..Message::default()
    }
}

pub(super) fn metrics(numbers: BTreeMap<String, f64>) -> Message {
    let metrics = numbers.into_iter().map(|(name, value)| Metric { name, value: Some(value) });
    Message {
        r#type: Some(response::Type::GetMetrics.into()),
        get_metrics: Some(response::GetMetrics { metrics: metrics.collect() }),
        ..Message::default()
    }
}

pub(super) fn logging_level(level: u32) -> Message {
    Message {
        r#type: Some(response::Type::GetLoggingLevel.into()),
        get_logging_level: Some(response::GetLoggingLevel { level }),
        ..Message::default()
    }
}

pub(super) fn files(file_infos: Vec<FileInfo>) -> Message {
    Message {
        r#type: Some(response::Type::ListFiles.into()),
        list_files: Some(response::ListFiles { file_infos }),
        ..Message::default()
    }
}

pub(super) fn piece(piece: Piece) -> Message {
    Message {
        r#type: Some(response::Type::ReadFile.into()),
        read_file: Some(response::ReadFile { size: piece.size, data: piece.data }),
        ..Message::default()
    }
}

#[cfg(test)]
mod tests {
    use mezzo_proto::{Message as _, json};

    use super::*;

    /// What is written as the agent's must read as the master's.
    #[test]
    fn both_daemons_have_the_same_answers() {
        let process = Process {
            build: crate::Build { version: "1.11.0".into(), ..Default::default() },
            flags: vec![("port".into(), "5050".into())],
            metrics: mezzo_telemetry::Metrics::default(),
        };
        let answers = [
            flags(&process),
            metrics(BTreeMap::from([("x".into(), 1.0)])),
            logging_level(2),
            files(vec![FileInfo { path: "/x".into(), ..FileInfo::default() }]),
            piece(Piece { size: 3, offset: 0, data: vec![1] }),
            Message {
                r#type: Some(response::Type::GetVersion.into()),
                get_version: Some(response::GetVersion {
                    version_info: crate::build::to_wire(&process.build),
                }),
                ..Message::default()
            },
        ];
        for answer in answers {
            let read = master::Response::decode(&*answer.encode_to_vec()).expect("the master's");
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
            assert_eq!(text(json::to_json(&read)), text(json::to_json(&answer)));
        }
    }

    #[test]
    fn a_call_without_its_part_is_refused_in_the_words_of_its_daemon() {
        let call =
            |kind: master::call::Type| master::Call { r#type: Some(kind.into()), ..Default::default() };
        let refused = call(master::call::Type::ReadFile).shared().expect_err("no part");
        assert_eq!(refused.message, "Failed to validate master::Call: Expecting 'read_file' to be present");
        let refused = agent::Call::default().shared().expect_err("no type");
        assert_eq!(refused.message, "Failed to validate agent::Call: Expecting 'type' to be present");
        assert_eq!(call(master::call::Type::GetState).shared(), Ok(None));
    }
}

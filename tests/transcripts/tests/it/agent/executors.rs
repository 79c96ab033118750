//! Custom executors in the transcripts of the agent: their calls, and what they are told.

use mezzo_core_agent::Input;
use mezzo_model::{
    RequestId, StreamId,
    calls::{Encoding, ExecutorCall, ExecutorRequest, Principal, SubscribeExecutor},
    container::Report,
};
use mezzo_proto::mesos::v1::{self, executor::Event};
use mezzo_resources::Resources;

use super::{World, words::Words};

impl World {
    /// `exec e1 subscribe stream=1`, `exec e1 update t1 TASK_RUNNING 1`, `exec e1 message hello`.
    pub(super) fn executor_call(&mut self, words: &Words) {
        let call = match words.at(2) {
            "subscribe" => ExecutorCall::Subscribe(Box::new(SubscribeExecutor {
                unacknowledged_tasks: words
                    .all("task")
                    .map(|id| v1::TaskInfo { task_id: super::task_id(id), ..Default::default() })
                    .collect(),
                // `update=t1:TASK_RUNNING:2`
                unacknowledged_updates: words
                    .all("update")
                    .map(|text| {
                        let mut parts = text.split(':');
                        let mut part = || parts.next().expect("TASK:STATE:UUID");
                        status(part(), part(), part())
                    })
                    .collect(),
                stream: StreamId(words.get("stream").expect("a stream").parse().expect("a number")),
                encoding: Encoding::Json,
            })),
            "update" => {
                let mut status = status(words.at(3), words.at(4), words.at(5));
                status.message = words.get("message").map(str::to_owned);
                ExecutorCall::Update(Box::new(status))
            }
            "message" => ExecutorCall::Message { data: words.at(3).into() },
            "heartbeat" => ExecutorCall::Heartbeat,
            other => panic!("unknown call {other}"),
        };
        self.give(Input::Call(Box::new(ExecutorRequest {
            request: RequestId(7),
            principal: Principal::ANONYMOUS,
            framework_id: words.get("f").unwrap_or("f1").into(),
            executor_id: words.at(1).into(),
            call,
        })));
    }

    /// `resized e1`: what was asked last is done; `resized e1 fails="no such file"`.
    pub(super) fn resized(&mut self, words: &Words) {
        let name = words.at(1);
        let number = words.get("number").map(|number| number.parse().expect("a number"));
        let number = number.unwrap_or_else(|| self.resizes.get(name).copied().unwrap_or_default());
        let result = words.get("fails").map_or(Ok(()), |why| Err(why.to_owned()));
        let container = self.container(name);
        self.give(mezzo_core_agent::Input::Node(Report::Resized { container, number, result }));
    }
}

fn status(task: &str, state: &str, uuid: &str) -> v1::TaskStatus {
    v1::TaskStatus {
        task_id: super::task_id(task),
        state: v1::TaskState::from_str_name(state).expect("a state").into(),
        source: Some(v1::task_status::Source::Executor.into()),
        uuid: Some(vec![uuid.parse().expect("a small number"); 16]),
        ..Default::default()
    }
}

/// The executor that a task names with `executor=e1`: it uses `uses=…`, and its command is the task's.
pub(super) fn info(words: &Words, name: &str, command: v1::CommandInfo) -> v1::ExecutorInfo {
    let uses = words.get("uses").unwrap_or("cpus:0.1;mem:32");
    let resources = Resources::parse(uses, "*").expect("resources are right").allocated_to("dev");
    v1::ExecutorInfo {
        executor_id: v1::ExecutorId { value: name.into() },
        framework_id: Some(super::framework_id(words)),
        r#type: Some(v1::executor_info::Type::Custom.into()),
        command: Some(command),
        resources: resources.to_wire(),
        shutdown_grace_period: words
            .get("shutdown")
            .map(|grace| v1::DurationInfo { nanoseconds: (super::seconds(grace) * 1_000_000_000) as i64 }),
        ..Default::default()
    }
}

/// An event in words.
pub(super) fn event(event: &Event) -> String {
    let mut out = event.r#type().as_str_name().to_owned();
    if let Some(subscribed) = &event.subscribed {
        let agent = subscribed.agent_info.id.as_ref().map_or("", |id| id.value.as_str());
        out += &format!(" {} on {agent}", subscribed.executor_info.executor_id.value);
    }
    if let Some(launch) = &event.launch {
        out += &format!(" {}", launch.task.task_id.value);
    }
    if let Some(kill) = &event.kill {
        out += &format!(" {}", kill.task_id.value);
        if let Some(grace) = kill.kill_policy.and_then(|policy| policy.grace_period) {
            out += &format!(" grace={}s", grace.nanoseconds / 1_000_000_000);
        }
    }
    if let Some(acknowledged) = &event.acknowledged {
        out += &format!(" {} #{}", acknowledged.task_id.value, acknowledged.uuid[0]);
    }
    if let Some(message) = &event.message {
        out += &format!(" `{}`", String::from_utf8_lossy(&message.data));
    }
    if let Some(error) = &event.error {
        out += &format!(" `{}`", error.message);
    }
    out
}

//! Whatever tasks are made of, both encodings of an answer say the same, and say all of it.

use std::sync::Arc;

use mezzo_core_master::{
    Input, Master, MasterConfig, Recovered,
    views::{self, Rendered, Rendering},
};
use mezzo_model::{
    LinkId, Mono, Now, Wall,
    calls::{Encoding, MasterRead, Principal},
};
use mezzo_proto::{
    json,
    mesos::v1,
    mezzo::link::v1::{Hello, State, TaskState, from_agent},
};
use mezzo_resources::Resources;
use proptest::prelude::*;

use super::PLUGINS;

const NOW: Now = Now { mono: Mono(1), wall: Wall(1_700_000_000_123_456_789) };
const LINK: LinkId = LinkId(1);

/// A master whose one agent has listed these tasks.
fn master_of(tasks: Vec<TaskState>) -> Master {
    let config = MasterConfig::new("m", [127, 0, 0, 1].into(), 5050, "localhost");
    let mut master = Master::new(config, Recovered::default(), &PLUGINS, NOW).0;
    let total = Resources::parse("cpus:8;cpus(r):1;mem:4096;ports:[1-9]", "*").expect("is valid");
    let info = v1::AgentInfo { hostname: "h".into(), resources: total.to_wire(), ..Default::default() };
    let hello = Hello {
        versions: vec![1],
        capabilities: vec!["MULTI_ROLE".into()],
        info: Some(info),
        ip: "127.0.0.1".into(),
        boot_id: "b".into(),
        ..Default::default()
    };
    let _ = master.handle(NOW, Input::LinkOpened { link: LINK, principal: Principal::ANONYMOUS });
    let said_hello =
        master.handle(NOW, Input::LinkMessage { link: LINK, body: from_agent::Body::Hello(hello) });
    for (ticket, _) in said_hello.persist {
        let _ = master.handle(NOW, Input::Persisted(ticket));
    }
    let framework = v1::FrameworkInfo {
        user: "u\"".into(),
        name: "n".into(),
        id: Some(v1::FrameworkId { value: "f".into() }),
        roles: vec!["r".into()],
        ..Default::default()
    };
    let state = State { frameworks: vec![framework], tasks, ..Default::default() };
    let _ = master.handle(NOW, Input::LinkMessage { link: LINK, body: from_agent::Body::State(state) });
    master
}

fn text() -> impl Strategy<Value = String> {
    "[a-z\"\\\\/\n\u{1}\u{e9}\u{1f600} ]{0,20}"
}

fn labels() -> impl Strategy<Value = Option<v1::Labels>> {
    let label = (text(), proptest::option::of(text())).prop_map(|(key, value)| v1::Label { key, value });
    let labels = proptest::collection::vec(label, 0..3).prop_map(|labels| v1::Labels { labels });
    proptest::option::of(labels)
}

fn status() -> impl Strategy<Value = v1::TaskStatus> {
    let container = (text(), proptest::option::of(any::<u32>()), any::<bool>());
    let numbers = (any::<f64>(), any::<[u8; 16]>(), 0..20i32);
    (numbers, proptest::option::of(text()), labels(), proptest::option::of(container), any::<Option<bool>>())
        .prop_map(|((timestamp, uuid, reason), message, labels, container, healthy)| v1::TaskStatus {
            state: v1::TaskState::TaskRunning as i32,
            message,
            reason: Some(reason),
            timestamp: Some(timestamp),
            uuid: Some(uuid.to_vec()),
            labels,
            healthy,
            container_status: container.map(|(value, executor_pid, has_network)| v1::ContainerStatus {
                container_id: Some(v1::ContainerId { value, parent: None }),
                executor_pid,
                network_infos: has_network.then(v1::NetworkInfo::default).into_iter().collect(),
                ..Default::default()
            }),
            ..Default::default()
        })
}

fn task() -> impl Strategy<Value = (v1::TaskInfo, Option<v1::TaskStatus>)> {
    let asked = (text(), labels(), proptest::option::of(text()), any::<Option<bool>>());
    (asked, 1..4u64, proptest::option::of(status())).prop_map(
        |((name, labels, user, check), cpus, status)| {
            let held = Resources::parse(&format!("cpus:0.{cpus};ports:[1-1]"), "*").expect("is valid");
            let command = v1::CommandInfo { user, ..Default::default() };
            let discovery =
                v1::DiscoveryInfo { visibility: 1, name: Some(name.clone()), ..Default::default() };
            let info = v1::TaskInfo {
                resources: held.allocated_to("r").to_wire(),
                command: Some(command),
                discovery: check.map(|_| discovery),
                health_check: check
                    .map(|_| v1::HealthCheck { delay_seconds: Some(0.5), ..Default::default() }),
                limits: check
                    .map(|_| ("mem".to_owned(), v1::value::Scalar { value: 1.5 }))
                    .into_iter()
                    .collect(),
                name,
                labels,
                ..Default::default()
            };
            (info, status)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn both_encodings_say_the_same(tasks in proptest::collection::vec(task(), 0..12)) {
        let listed = tasks.iter().enumerate().map(|(at, (info, status))| TaskState {
            info: Some(v1::TaskInfo { task_id: v1::TaskId { value: format!("t{at:02}") }, ..info.clone() }),
            framework_id: Some(v1::FrameworkId { value: "f".into() }),
            latest_state: v1::TaskState::TaskRunning as i32,
            status: status.clone(),
        });
        let master = master_of(listed.collect());
        let view = Arc::new(master.view(NOW, &Principal::ANONYMOUS));
        for read in [
            MasterRead::GetState, MasterRead::GetTasks, MasterRead::GetFrameworks, MasterRead::GetAgents,
            MasterRead::GetRoles, MasterRead::GetMaster, MasterRead::GetExecutors,
        ] {
            let Rendered::V1(response) = views::render(&view, &read) else { panic!("a v1 answer") };
            let written = String::from_utf8(Rendering::new(Arc::clone(&view), &read, Encoding::Json).whole());
            let expected = String::from_utf8(json::to_json(&*response)).expect("text");
            prop_assert_eq!(written.expect("text"), expected);
        }
        let Rendered::V1(response) = views::render(&view, &MasterRead::GetTasks) else { panic!("v1") };
        let shown = response.get_tasks.expect("tasks").tasks;
        prop_assert_eq!(shown.len(), tasks.len());
        for (shown, (info, status)) in shown.iter().zip(&tasks) {
            prop_assert_eq!(&shown.name, &info.name);
            prop_assert_eq!(&shown.labels, &info.labels);
            prop_assert_eq!(&shown.user, &info.command.as_ref().and_then(|command| command.user.clone()));
            prop_assert_eq!(&shown.discovery, &info.discovery);
            prop_assert_eq!(&shown.health_check, &info.health_check);
            prop_assert_eq!(&shown.limits, &info.limits);
            prop_assert_eq!(shown.statuses.len(), usize::from(status.is_some()));
            let labels = status.as_ref().map(|status| &status.labels);
            prop_assert_eq!(shown.statuses.first().map(|status| &status.labels), labels);
        }
        let Rendered::Json(state) = views::render(&view, &MasterRead::State) else { panic!("JSON") };
        let frameworks = state["frameworks"].as_array().expect("a list");
        let older = frameworks.first().map_or(0, |known| known["tasks"].as_array().map_or(0, Vec::len));
        prop_assert_eq!(older, tasks.len());
    }
}

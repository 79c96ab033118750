//! What it costs to write the state of a cluster of 1,000 agents with 100 tasks each.
//!
//! `/state` and GET_STATE have 120 ms and 60 ms, the sending included, which takes about a third
//! of a nanosecond for each byte. Best of several; run it with `--release`.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "it measures")]

use std::{sync::Arc, time::Instant};

use mezzo_core_master::{
    Input, Master, MasterConfig, Recovered,
    views::{Place, Rendering, View},
};
use mezzo_model::{
    LinkId, Mono, Now, Wall,
    calls::{Encoding, MasterRead, Principal},
};
use mezzo_proto::{
    mesos::v1,
    mezzo::link::v1::{Hello, State, TaskState, from_agent},
};
use mezzo_resources::{Form, Resources};
use mezzo_slots::Digest;

const AGENTS: u64 = 1_000;
const TASKS: u64 = 100;
const FRAMEWORKS: u64 = 10;
const MASTER_ID: &str = "a1aab995-4d42-415d-8c00-271b9df15c34";
const NOW: Now = Now { mono: Mono(1), wall: Wall(1_795_250_960_183_127_000) };

fn main() {
    let config = MasterConfig::new(MASTER_ID, [127, 0, 0, 1].into(), 5050, "localhost");
    let mut master = Master::new(config, Recovered::default(), &[Digest([1; 32])], NOW).0;
    (0..AGENTS).for_each(|agent| join(&mut master, agent));
    let began = Instant::now();
    let view = Arc::new(master.view(NOW, &Principal::ANONYMOUS));
    println!("taking the view: {:.3} ms", began.elapsed().as_secs_f64() * 1e3);
    for (name, read, encoding) in [
        ("/state", MasterRead::State, Encoding::Json),
        ("GET_STATE, JSON", MasterRead::GetState, Encoding::Json),
        ("GET_STATE, protobuf", MasterRead::GetState, Encoding::Protobuf),
        ("/state-summary", MasterRead::StateSummary, Encoding::Json),
        ("/slaves", MasterRead::Slaves(None), Encoding::Json),
    ] {
        let runs = (0..5).map(|_| run(&view, &read, encoding));
        let best = runs.min_by(|one, other| one.total_ms.total_cmp(&other.total_ms)).expect("five runs");
        println!(
            "{name}: {:.1} ms, of which {:.1} ms before the first byte; {} bytes in {} pieces",
            best.total_ms, best.plan_ms, best.bytes, best.pieces
        );
    }
}

struct Run {
    total_ms: f64,
    plan_ms: f64,
    bytes: usize,
    pieces: usize,
}

fn run(view: &Arc<View>, read: &MasterRead, encoding: Encoding) -> Run {
    let began = Instant::now();
    let rendering = Rendering::new(Arc::clone(view), read, encoding);
    let plan_ms = began.elapsed().as_secs_f64() * 1e3;
    let (mut bytes, mut pieces, mut next) = (0, 0, Some(Place::default()));
    while let Some(from) = next {
        let (piece, after) = rendering.piece(from);
        bytes += piece.len();
        pieces += 1;
        next = after;
    }
    Run { total_ms: began.elapsed().as_secs_f64() * 1e3, plan_ms, bytes, pieces }
}

fn join(master: &mut Master, agent: u64) {
    let link = LinkId(agent + 1);
    let total = Resources::parse("cpus:64;mem:65536;disk:100000;ports:[31000-32000]", "*").expect("is valid");
    let id = format!("{MASTER_ID}-S{agent}");
    let hello = Hello {
        versions: vec![1],
        mezzo_version: "0.1.0".to_owned(),
        capabilities: vec!["MULTI_ROLE".to_owned(), "RESERVATION_REFINEMENT".to_owned()],
        info: Some(v1::AgentInfo {
            hostname: format!("host{agent}"),
            port: Some(5051),
            resources: total.to_wire_as(Form::PostRefinement),
            ..Default::default()
        }),
        ip: "127.0.0.1".to_owned(),
        boot_id: "boot".to_owned(),
        ..Default::default()
    };
    let tasks = (0..TASKS).map(|task| task_of(&id, agent * TASKS + task)).collect();
    let state = State { frameworks: (0..FRAMEWORKS).map(framework).collect(), tasks, ..Default::default() };
    let _ = master.handle(NOW, Input::LinkOpened { link, principal: Principal::ANONYMOUS });
    let said_hello = master.handle(NOW, Input::LinkMessage { link, body: from_agent::Body::Hello(hello) });
    for (ticket, _) in said_hello.persist {
        let _ = master.handle(NOW, Input::Persisted(ticket));
    }
    let _ = master.handle(NOW, Input::LinkMessage { link, body: from_agent::Body::State(state) });
}

fn framework(number: u64) -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        user: "root".to_owned(),
        name: format!("framework{number}"),
        id: Some(v1::FrameworkId { value: framework_id(number) }),
        roles: vec![format!("role{number}")],
        ..Default::default()
    }
}

fn framework_id(number: u64) -> String {
    format!("{MASTER_ID}-{number:04}")
}

/// A command that runs, as a real agent tells of it.
fn task_of(agent: &str, number: u64) -> TaskState {
    let held = Resources::parse("cpus:0.5;mem:32", "*").expect("is valid");
    let framework = number % FRAMEWORKS;
    let id = v1::TaskId { value: format!("task-{number:06}") };
    let info = v1::TaskInfo {
        name: id.value.clone(),
        task_id: id.clone(),
        agent_id: v1::AgentId { value: agent.to_owned() },
        resources: held.allocated_to(format!("role{framework}")).to_wire(),
        command: Some(v1::CommandInfo { value: Some("sleep 1000".to_owned()), ..Default::default() }),
        ..Default::default()
    };
    let address = v1::network_info::IpAddress {
        protocol: Some(v1::network_info::Protocol::IPv4 as i32),
        ip_address: Some("127.0.0.1".to_owned()),
    };
    let network = v1::NetworkInfo { ip_addresses: vec![address], ..Default::default() };
    let container = format!("7e8ba914-8708-4cca-8ec8-{number:012}");
    let status = v1::TaskStatus {
        task_id: id.clone(),
        state: v1::TaskState::TaskRunning as i32,
        source: Some(v1::task_status::Source::Executor as i32),
        agent_id: Some(info.agent_id.clone()),
        executor_id: Some(v1::ExecutorId { value: id.value }),
        timestamp: Some(1_795_250_960.483_094 + number as f64 / 1e3),
        uuid: Some(vec![number as u8; 16]),
        container_status: Some(v1::ContainerStatus {
            container_id: Some(v1::ContainerId { value: container, parent: None }),
            network_infos: vec![network],
            executor_pid: Some(16_687),
            ..Default::default()
        }),
        ..Default::default()
    };
    TaskState {
        info: Some(info),
        framework_id: Some(v1::FrameworkId { value: framework_id(framework) }),
        latest_state: v1::TaskState::TaskRunning as i32,
        status: Some(status),
    }
}

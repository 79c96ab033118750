//! What a stateful framework relies on: reserved resources and a volume whose data outlives its task
//! and the agent.

use e2e_tests::{Daemons, get_json, post, wait_for};
use mezzo_proto::mesos::v1::{
    self, CommandInfo, FrameworkInfo, OperationState, TaskInfo, TaskState,
    framework_info::{Capability, capability},
    offer::{
        Operation,
        operation::{Create, Destroy, Launch, Reserve, Type, Unreserve},
    },
    resource::{DiskInfo, ReservationInfo, disk_info::Persistence, reservation_info},
    volume::Mode,
};

use super::scheduler::{Scheduler, scalar};

const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);

fn framework() -> FrameworkInfo {
    let can = |kind: capability::Type| Capability { r#type: Some(kind as i32) };
    FrameworkInfo {
        user: "root".to_owned(),
        name: "store".to_owned(),
        roles: vec!["db".to_owned()],
        failover_timeout: Some(3600.0),
        capabilities: vec![can(capability::Type::MultiRole), can(capability::Type::ReservationRefinement)],
        ..Default::default()
    }
}

/// So much of a resource, reserved to the framework's role.
fn reserved(name: &str, amount: f64) -> v1::Resource {
    let reservation = ReservationInfo {
        r#type: Some(reservation_info::Type::Dynamic as i32),
        role: Some("db".to_owned()),
        ..Default::default()
    };
    v1::Resource { reservations: vec![reservation], ..scalar(name, amount) }
}

fn volume(mode: Mode) -> v1::Resource {
    let disk = DiskInfo {
        persistence: Some(Persistence { id: "v1".to_owned(), principal: None }),
        volume: Some(v1::Volume {
            container_path: "state/data".to_owned(),
            mode: mode as i32,
            ..Default::default()
        }),
        ..Default::default()
    };
    v1::Resource { disk: Some(disk), ..reserved("disk", 64.0) }
}

fn operation(kind: Type, id: &str) -> Operation {
    Operation {
        r#type: Some(kind as i32),
        id: Some(v1::OperationId { value: id.to_owned() }),
        ..Default::default()
    }
}

fn launch(name: &str, command: &str, mode: Mode) -> Operation {
    let task = TaskInfo {
        name: name.to_owned(),
        task_id: v1::TaskId { value: name.to_owned() },
        resources: vec![reserved("cpus", 0.5), scalar("mem", 32.0), volume(mode)],
        command: Some(CommandInfo { value: Some(command.to_owned()), ..Default::default() }),
        ..Default::default()
    };
    Operation {
        r#type: Some(Type::Launch as i32),
        launch: Some(Launch { task_infos: vec![task] }),
        ..Default::default()
    }
}

/// What the master says is reserved of its one agent.
fn reserved_of(daemons: &Daemons) -> serde_json::Value {
    get_json(daemons.master_port, "/slaves").unwrap()["slaves"][0]["reserved_resources_full"].clone()
}

#[test]
fn data_of_a_volume_outlives_its_task_and_its_agent() {
    let mut daemons = Daemons::start(1).unwrap();
    let mut scheduler = Scheduler::subscribe_as(daemons.master_port, framework());

    // All in one call: each operation uses what the one before has made.
    let reserve =
        Reserve { resources: vec![reserved("cpus", 0.5), reserved("disk", 64.0)], source: Vec::new() };
    let create = Create { volumes: vec![volume(Mode::Rw)] };
    scheduler.accept(vec![
        Operation { reserve: Some(reserve), ..operation(Type::Reserve, "reserve") },
        Operation { create: Some(create), ..operation(Type::Create, "create") },
        launch("writer", "echo precious > state/data/file", Mode::Rw),
    ]);
    scheduler.wait_for("writer", TaskState::TaskFinished);
    scheduler.wait_for_operation("reserve", OperationState::OperationFinished);
    scheduler.wait_for_operation("create", OperationState::OperationFinished);
    let shown = reserved_of(&daemons);
    let mut known = shown["db"].as_array().into_iter().flatten();
    assert!(known.any(|one| one["disk"]["persistence"]["id"] == "v1"), "{shown}");
    let directory = daemons.dir.path().join("agent-0/volumes/roles/db/v1");
    assert_eq!(std::fs::read_to_string(directory.join("file")).unwrap(), "precious\n");

    daemons.kill_agent(0);
    scheduler.offers.clear();
    scheduler.operations.clear();
    daemons.start_agent(0).unwrap();
    daemons.wait_for_agents(1).unwrap();
    assert_eq!(reserved_of(&daemons), shown, "the agent still has it");
    // Nobody has acknowledged them: they are told again.
    scheduler.wait_for_operation("reserve", OperationState::OperationFinished);
    scheduler.acknowledge_operation("reserve");
    scheduler.wait_for_operation("create", OperationState::OperationFinished);
    scheduler.acknowledge_operation("create");

    // Read-only this time: the data is there, and cannot be changed.
    let read = "test \"$(cat state/data/file)\" = precious && ! touch state/data/other";
    let read = if e2e_tests::is_root() { read } else { "test \"$(cat state/data/file)\" = precious" };
    scheduler.wait_for_volume();
    scheduler.accept(vec![launch("reader", read, Mode::Ro)]);
    scheduler.wait_for("reader", TaskState::TaskFinished);

    scheduler.wait_for_volume();
    let destroy = Destroy { volumes: vec![volume(Mode::Rw)] };
    let unreserve = Unreserve { resources: vec![reserved("cpus", 0.5), reserved("disk", 64.0)] };
    scheduler.accept(vec![
        Operation { destroy: Some(destroy), ..operation(Type::Destroy, "destroy") },
        Operation { unreserve: Some(unreserve), ..operation(Type::Unreserve, "unreserve") },
    ]);
    scheduler.wait_for_operation("destroy", OperationState::OperationFinished);
    assert!(!directory.exists(), "the data is gone before anybody is told");
    scheduler.wait_for_operation("unreserve", OperationState::OperationFinished);
    assert_eq!(reserved_of(&daemons), serde_json::json!({}));
}

/// An operator reserves with curl; agents show it, whoever asks.
#[test]
fn an_operator_reserves_and_gives_back() {
    let daemons = Daemons::start(1).unwrap();
    let agent = get_json(daemons.master_port, "/slaves").unwrap()["slaves"][0]["id"].clone();
    let call = |kind: &str, part: &str, megabytes: u32| {
        let body = serde_json::json!({
            "type": kind,
            part: {
                "agent_id": {"value": agent},
                "resources": [{
                    "name": "mem", "type": "SCALAR", "scalar": {"value": megabytes},
                    "reservations": [{"type": "DYNAMIC", "role": "ops"}],
                }],
            },
        });
        let (status, text) = post(daemons.master_port, "/api/v1", &body.to_string()).unwrap();
        (status, String::from_utf8(text).unwrap())
    };
    let of_agent = || {
        let state = get_json(daemons.agent_ports[0], "/state").unwrap();
        state["reserved_resources"]["ops"]["mem"].as_f64()
    };
    assert_eq!(call("RESERVE_RESOURCES", "reserve_resources", 64), (202, String::new()));
    wait_for("the agent's reservation", LIMIT, || (of_agent() == Some(64.0)).then_some(())).unwrap();
    let (status, why) = call("RESERVE_RESOURCES", "reserve_resources", 1 << 20);
    assert_eq!(status, 409, "{why}");
    assert!(why.ends_with("does not contain mem:1048576"), "{why}");
    assert_eq!(call("UNRESERVE_RESOURCES", "unreserve_resources", 64), (202, String::new()));
    wait_for("the agent to have it back", LIMIT, || of_agent().is_none().then_some(())).unwrap();
}

use std::time::Duration;

use mezzo_model::{
    LinkId, Mono, Now, Wall,
    calls::AgentRead,
    container::{Ask, End, Report},
};
use mezzo_proto::{
    mesos::v1::{self, TaskState},
    mezzo::link::v1::{RunTask, Welcome, from_master},
};
use mezzo_resources::Resources;
use serde_json::Value;

use super::*;
use crate::{Effects, Envelope, Found, Input, IsolationConfig};

/// An agent, and the ticket-keeping that a daemon does for it.
struct World {
    agent: Agent,
    now: Now,
    container: Option<mezzo_model::ContainerId>,
}

impl World {
    /// An agent that serves.
    fn serving() -> Self {
        let now = Now { mono: Mono(1), wall: Wall(1_700_000_000_000_000_000) };
        let mut world = Self { agent: Agent::new(config()), now, container: None };
        world.give(Input::Start(Found { boot_id: "b".into(), ..Found::default() }));
        world.give(Input::Node(Report::Recovered { found: Vec::new(), lost: Vec::new(), orphans: 0 }));
        world.give(Input::LinkOpened { link: LinkId(1) });
        world.hear(from_master::Body::Welcome(Welcome {
            version: 1,
            agent_id: "S0".into(),
            master_id: "M".into(),
            ping_timeout_ms: 15_000,
            ping_timeouts_max: 5,
        }));
        world
    }

    fn hear(&mut self, body: from_master::Body) {
        self.give(Input::LinkMessage { link: LinkId(1), body });
    }

    fn give(&mut self, input: Input) {
        let Effects { ticket, send, .. } = self.agent.handle(self.now, input);
        for envelope in send {
            if let Envelope::Node(Ask::Launch(plan)) = envelope {
                self.container = Some(plan.container);
            }
        }
        if let Some(ticket) = ticket {
            self.give(Input::Persisted(ticket));
        }
    }

    fn run(&mut self, task: &str) {
        let framework = v1::FrameworkInfo {
            id: Some(v1::FrameworkId { value: "F".into() }),
            name: "golden".into(),
            user: "root".into(),
            roles: vec!["dev".into()],
            ..Default::default()
        };
        let task = v1::TaskInfo {
            name: task.into(),
            task_id: v1::TaskId { value: task.into() },
            agent_id: v1::AgentId { value: "S0".into() },
            resources: Resources::parse("cpus:0.5;mem:32", "*").expect("right").allocated_to("dev").to_wire(),
            command: Some(v1::CommandInfo { value: Some("sleep 1000".into()), ..Default::default() }),
            ..Default::default()
        };
        self.hear(from_master::Body::RunTask(RunTask {
            framework: Some(framework),
            task: Some(task),
            launch_executor: false,
        }));
    }

    fn report(&mut self, report: impl FnOnce(mezzo_model::ContainerId) -> Report) {
        let container = self.container.clone().expect("something was launched");
        self.give(Input::Node(report(container)));
    }

    fn view(&self) -> View {
        self.agent.view(self.now)
    }
}

fn config() -> AgentConfig {
    AgentConfig {
        seed: 1,
        work_dir: "/w".into(),
        hostname: "localhost".into(),
        ip: "127.0.0.1".into(),
        port: 15051,
        resources: Resources::parse("cpus:8;mem:4096;disk:8192;ports:[31000-32000]", "*").expect("right"),
        attributes: mezzo_resources::attributes::parse("rack:r1;level:3").expect("right"),
        isolation: IsolationConfig::default(),
        switch_user: false,
        agent_user: None,
        base_environment: Vec::new(),
        frameworks_home: None,
        executor_shutdown_grace_period: Duration::from_secs(5),
        executor_registration_timeout: Duration::from_secs(60),
        executor_reregistration_timeout: Duration::from_secs(2),
        recovery_timeout: Duration::from_secs(900),
        gc_delay: Duration::from_secs(60),
        log_path: None,
        flags: vec![("master".into(), "127.0.0.1:5050".into()), ("port".into(), "15051".into())],
        build: mezzo_model::Build { version: "1.11.0".into(), ..Default::default() },
    }
}

fn get_state(world: &World) -> Option<mezzo_proto::mesos::v1::agent::response::GetState> {
    respond(&world.view(), &AgentRead::GetState).and_then(|answer| answer.get_state)
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// Tools read these names; order and spelling are those of a real agent's answer.
#[test]
fn state_has_the_keys_of_a_real_agent() {
    let mut world = World::serving();
    world.run("t1");
    world.report(|container| Report::Launched { container, pid: 42 });
    let state = state(&world.view());
    let expected = [
        "version",
        "build_date",
        "build_time",
        "build_user",
        "start_time",
        "id",
        "pid",
        "hostname",
        "capabilities",
        "resources",
        "reserved_resources",
        "unreserved_resources",
        "reserved_resources_full",
        "unreserved_resources_full",
        "reserved_resources_allocated",
        "unreserved_resources_allocated",
        "resource_providers",
        "attributes",
        "master_hostname",
        "flags",
        "frameworks",
        "completed_frameworks",
    ];
    assert_eq!(keys(&state), expected);
    assert_eq!(state["pid"], "slave(1)@127.0.0.1:15051");
    assert_eq!(keys(&state["resources"]), ["disk", "mem", "gpus", "cpus", "ports"]);
    assert_eq!(state["unreserved_resources_allocated"]["cpus"], 0.5);
    assert_eq!(state["unreserved_resources_full"][0]["role"], "*");
    assert_eq!(state["attributes"]["level"], 3.0);

    let framework = &state["frameworks"][0];
    let expected = [
        "id",
        "name",
        "user",
        "failover_timeout",
        "checkpoint",
        "hostname",
        "roles",
        "executors",
        "completed_executors",
    ];
    assert_eq!(keys(framework), expected);
    let executor = &framework["executors"][0];
    let expected = [
        "id",
        "name",
        "source",
        "container",
        "directory",
        "resources",
        "role",
        "tasks",
        "queued_tasks",
        "completed_tasks",
    ];
    assert_eq!(keys(executor), expected);
    assert_eq!(executor["name"], "Command Executor (Task: t1) (Command: sh -c 'sleep 1000')");
    let task = &executor["tasks"][0];
    let expected =
        ["id", "name", "framework_id", "executor_id", "slave_id", "state", "resources", "role", "statuses"];
    assert_eq!(keys(task), expected);
    assert_eq!((task["state"].as_str(), task["executor_id"].as_str()), (Some("TASK_RUNNING"), Some("")));
    assert_eq!(keys(&task["statuses"][1]), ["state", "timestamp", "container_status"]);
    assert_eq!(keys(&task["statuses"][1]["container_status"]), ["container_id", "network_infos"]);
}

/// A task is in exactly one of the lists, whatever state it is in.
#[test]
fn get_state_lists_a_task_once() {
    let lists = |world: &World| {
        let tasks = get_state(world).and_then(|state| state.get_tasks).unwrap_or_default();
        [&tasks.queued_tasks, &tasks.launched_tasks, &tasks.terminated_tasks, &tasks.completed_tasks]
            .map(Vec::len)
    };
    let mut world = World::serving();
    world.run("t1");
    assert_eq!(lists(&world), [1, 0, 0, 0]);
    world.report(|container| Report::Launched { container, pid: 42 });
    assert_eq!(lists(&world), [0, 1, 0, 0]);
    world.report(|container| Report::Exited {
        container,
        end: End { wait_status: Some(0), limitation: None },
    });
    assert_eq!(lists(&world), [0, 1, 0, 0], "its container is still there");
    world.report(|container| Report::Destroyed { container });
    assert_eq!(lists(&world), [0, 0, 1, 0]);
    let task = get_state(&world).and_then(|state| state.get_tasks).expect("tasks");
    assert_eq!(task.terminated_tasks[0].state(), TaskState::TaskFinished);
    assert_eq!(task.terminated_tasks[0].statuses.len(), 3);
}

#[test]
fn metrics_count_what_happened() {
    let mut world = World::serving();
    world.run("t1");
    world.report(|container| Report::Launched { container, pid: 42 });
    let figure = |world: &World, name: &str| {
        metrics(&world.view()).into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    };
    assert_eq!(figure(&world, "slave/tasks_running"), Some(1.0));
    assert_eq!(figure(&world, "slave/registered"), Some(1.0));
    assert_eq!(figure(&world, "slave/cpus_used"), Some(0.5));
    world.report(|container| Report::Destroyed { container });
    assert_eq!(figure(&world, "slave/tasks_running"), Some(0.0));
    assert_eq!(figure(&world, "slave/cpus_used"), Some(0.0));
}

//! What readers are shown has the shape of what a real Mesos shows: the same names, in the same
//! order, with the same kinds of values.

use std::{collections::BTreeSet, fs, path::Path, sync::Arc};

use mezzo_acl::{Entity, Rule, Verb};
use mezzo_core_master::{
    Acls,
    metrics::declared,
    views::{self, Rendered, Rendering},
};
use mezzo_model::{
    calls::{Encoding, MasterRead, Page, Principal, TasksWanted},
    figure::Declared,
};
use mezzo_proto::json;
use serde_json::Value;

use super::{World, words::Words};
use crate::shape::differences;

/// Names that a real master shows and this one does not, and why not.
const LEFT_OUT: &[(&str, &str)] = &[("git_sha", "not told to this build")];

/// The world of the recording: one agent, one framework, one task that runs.
fn recorded_world() -> World {
    let mut world = World::new("");
    for line in [
        "subscribe golden roles=dev caps=PARTITION_AWARE,RESERVATION_REFINEMENT timeout=60 user=root",
        "agent localhost cpus:8;mem:4096;disk:8192;ports:[31000-32000] attributes=rack:r1;zone:z-a;level:3",
        "accept golden o0 refuse=3600 launch t1 cpus:0.5;mem:32",
        "update localhost golden t1 TASK_STARTING container=yes",
        "ack golden t1 localhost",
        "update localhost golden t1 TASK_RUNNING container=yes",
    ] {
        world.command(&Words::of(line));
        world.settle();
    }
    world
}

fn recorded(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/peer").join(name);
    let text = fs::read_to_string(&path).expect("the recording is there");
    serde_json::from_str(&text).expect("the recording is JSON")
}

fn shown(read: &MasterRead) -> Value {
    let world = recorded_world();
    let view = Arc::new(world.master.view(world.now, &Principal::ANONYMOUS));
    match views::render(&view, read) {
        Rendered::Json(value) => value,
        Rendered::V1(response) => {
            let value = serde_json::from_slice(&json::to_json(&*response)).expect("the mapping is JSON");
            let direct = Rendering::new(Arc::clone(&view), read, Encoding::Json).whole();
            assert_eq!(serde_json::from_slice::<Value>(&direct).expect("JSON"), value);
            value
        }
    }
}

fn compare(name: &str, read: &MasterRead) {
    let mut out = Vec::new();
    differences("", &recorded(name), &shown(read), LEFT_OUT, &mut out);
    assert!(out.is_empty(), "{name}:\n{}", out.join("\n"));
}

#[test]
fn state_has_mesoss_shape() {
    compare("state.json", &MasterRead::State);
}

#[test]
fn v1_answers_have_mesoss_shape() {
    compare("get_state.json", &MasterRead::GetState);
    compare("get_agents.json", &MasterRead::GetAgents);
    compare("get_frameworks.json", &MasterRead::GetFrameworks);
    compare("get_tasks.json", &MasterRead::GetTasks);
    compare("get_executors.json", &MasterRead::GetExecutors);
    compare("get_operations.json", &MasterRead::GetOperations);
    compare("get_roles.json", &MasterRead::GetRoles);
    compare("get_weights.json", &MasterRead::GetWeights);
    compare("get_master.json", &MasterRead::GetMaster);
    compare("get_quota.json", &MasterRead::GetQuota);
    compare("get_maintenance_status.json", &MasterRead::GetMaintenanceStatus);
    compare("get_maintenance_schedule.json", &MasterRead::GetMaintenanceSchedule);
}

#[test]
fn older_endpoints_have_mesoss_shape() {
    let all = Page { offset: 0, limit: 100 };
    let tasks = TasksWanted { framework: None, task: None, is_ascending: false, page: all };
    let nosuch = TasksWanted { task: Some("nosuch".into()), ..tasks.clone() };
    compare("slaves.json", &MasterRead::Slaves(None));
    compare("slaves_nosuch.json", &MasterRead::Slaves(Some("nosuch".into())));
    compare("frameworks.json", &MasterRead::Frameworks(None));
    compare("frameworks_nosuch.json", &MasterRead::Frameworks(Some("nosuch".into())));
    compare("tasks.json", &MasterRead::Tasks(tasks));
    compare("tasks_nosuch.json", &MasterRead::Tasks(nosuch));
    compare("roles.json", &MasterRead::Roles);
    compare("state_summary.json", &MasterRead::StateSummary);
    compare("quota.json", &MasterRead::Quota);
    compare("weights.json", &MasterRead::Weights);
    compare("maintenance_schedule.json", &MasterRead::MaintenanceSchedule);
    compare("maintenance_status.json", &MasterRead::MaintenanceStatus);
    compare("registry.json", &MasterRead::Registry);
}

/// Pages are cut from a list in the order of the tasks' first statuses.
#[test]
fn tasks_come_in_pages() {
    let mut world = World::new("");
    let mut lines = vec!["subscribe f role=a".to_owned(), "agent a1 cpus:8;mem:4096".to_owned()];
    for task in 1..=4 {
        lines.push(format!("accept f o{} refuse=0 launch t{task} cpus:1;mem:100", task - 1));
        lines.push(format!("update a1 f t{task} TASK_RUNNING"));
        lines.push("tick 2s".to_owned());
    }
    for line in lines {
        world.command(&Words::of(&line));
        world.settle();
    }
    let view = Arc::new(world.master.view(world.now, &Principal::ANONYMOUS));
    let ids = |wanted: TasksWanted| -> Vec<String> {
        let Rendered::Json(page) = views::render(&view, &MasterRead::Tasks(wanted)) else { panic!("JSON") };
        let tasks = page["tasks"].as_array().expect("a list").clone();
        tasks.iter().map(|task| task["id"].as_str().expect("an id").to_owned()).collect()
    };
    let wanted = |offset, limit, is_ascending| TasksWanted {
        framework: None,
        task: None,
        is_ascending,
        page: Page { offset, limit },
    };
    assert_eq!(ids(wanted(0, 100, true)), ["t1", "t2", "t3", "t4"]);
    assert_eq!(ids(wanted(0, 2, false)), ["t4", "t3"]);
    assert_eq!(ids(wanted(1, 2, true)), ["t2", "t3"]);
    assert_eq!(ids(wanted(9, 2, true)), [""; 0]);
    assert_eq!(ids(TasksWanted { task: Some("t3".into()), ..wanted(0, 100, true) }), ["t3"]);
    assert_eq!(ids(TasksWanted { framework: Some("nosuch".into()), ..wanted(0, 100, true) }), [""; 0]);
}

/// Dashboards read keys by name: one that is served has Mesos's name, or is ours alone.
#[test]
fn metrics_have_mesoss_names() {
    let recorded: Vec<String> = serde_json::from_value(recorded("metrics.json")).expect("a list of names");
    let world = recorded_world();
    let figures = views::figures(&world.master.view(world.now, &Principal::ANONYMOUS));
    let declared = declared().0;
    let undeclared: Vec<&String> = figures
        .iter()
        .map(|(name, _)| name)
        .filter(|name| !declared.iter().any(|declared| declared.labels(name).is_some()))
        .collect();
    assert!(undeclared.is_empty(), "not declared: {undeclared:?}");
    let from_the_start = declared.iter().flat_map(Declared::keys_from_the_start);
    let shown: BTreeSet<String> =
        figures.iter().map(|(name, _)| name.clone()).chain(from_the_start).collect();
    let foreign: Vec<&String> =
        shown.iter().filter(|name| name.starts_with("master/") && !recorded.contains(name)).collect();
    assert!(foreign.is_empty(), "not Mesos's names: {foreign:?}");
    let missing: Vec<&String> = recorded
        .iter()
        .filter(|name| !shown.contains(*name))
        // Those of each framework differ in its id.
        .filter(|name| !name.contains("/frameworks/"))
        .collect();
    assert!(missing.is_empty(), "not served: {missing:?}");
}

/// A framework that is gone is still shown, and its tasks with it.
#[test]
fn removed_frameworks_are_shown_as_completed() {
    let mut world = recorded_world();
    world.command(&Words::of("teardown golden"));
    world.settle();
    let view = Arc::new(world.master.view(world.now, &Principal::ANONYMOUS));
    let Rendered::Json(state) = views::render(&view, &MasterRead::State) else { panic!("state is JSON") };
    let framework = &state["completed_frameworks"][0];
    assert_eq!(framework["active"], false);
    assert!(framework["unregistered_time"].as_f64() > Some(0.0));
    assert_eq!(framework["completed_tasks"][0]["state"], "TASK_KILLED");
    assert_eq!(state["frameworks"], Value::Array(Vec::new()));
    assert_eq!(state["slaves"][0]["used_resources"]["cpus"], 0.0);
}

/// A reader that may see one principal's frameworks sees neither the others nor their tasks.
#[test]
fn a_reader_sees_what_it_may() {
    let mut world = World::new("");
    for line in [
        "subscribe mine role=a principal=web",
        "subscribe theirs role=b principal=batch",
        "agent a1 cpus:4;mem:4096",
        "accept mine o0 launch t1 cpus:1;mem:100",
        "accept theirs o1 launch t2 cpus:1;mem:100",
    ] {
        world.command(&Words::of(line));
        world.settle();
    }
    let rule = Rule { verb: Verb::View, subjects: Entity::of(["web"]), objects: Entity::of(["web"]) };
    world.master = world.master.with_acls(Acls::new(vec![rule], true));
    let names = |principal: &Principal, list: &str| -> Vec<String> {
        let view = Arc::new(world.master.view(world.now, principal));
        let Rendered::Json(state) = views::render(&view, &MasterRead::State) else { panic!("state is JSON") };
        let frameworks = state[list].as_array().expect("a list").clone();
        frameworks.iter().map(|framework| framework["name"].as_str().unwrap_or("").to_owned()).collect()
    };
    assert_eq!(names(&Principal(Some("web".into())), "frameworks"), ["mine"]);
    assert_eq!(names(&Principal::ANONYMOUS, "frameworks"), ["mine", "theirs"]);
    let view = Arc::new(world.master.view(world.now, &Principal(Some("web".into()))));
    let Rendered::V1(tasks) = views::render(&view, &MasterRead::GetTasks) else { panic!("a v1 answer") };
    let tasks = tasks.get_tasks.expect("tasks").tasks;
    assert_eq!(tasks.iter().map(|task| task.name.as_str()).collect::<Vec<_>>(), ["t1"]);
}

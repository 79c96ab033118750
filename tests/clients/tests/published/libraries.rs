//! One test for each library, with its scheduler and its executor.

use crate::{
    lives::{Client, play},
    tools,
};

/// PyPI's mesoshttp 0.4.2: a scheduler that hears no executor.
#[test]
fn mesoshttp_comes_back_and_ends_the_story() {
    let Some(python) = tools::python() else { return };
    let scheduler = || python.program("mesoshttp_scheduler.py");
    play(&Client { name: "mesoshttp", scheduler, executor: None });
}

/// PyPI's pymesos 0.3.15.
#[test]
fn pymesos_comes_back_and_ends_the_story() {
    let Some(python) = tools::python() else { return };
    let scheduler = || python.program("pymesos_scheduler.py");
    play(&Client { name: "pymesos", scheduler, executor: Some(python.shell("pymesos_executor.py")) });
}

/// mesos-go 0.0.11, in protobuf.
#[test]
fn mesos_go_comes_back_and_ends_the_story() {
    let Some(go) = tools::go() else { return };
    let scheduler = || go.program("scheduler");
    play(&Client { name: "mesos-go", scheduler, executor: Some(go.shell("executor")) });
}

/// mesos-rxjava 0.1.2, in protobuf.
#[test]
fn mesos_rxjava_comes_back_and_ends_the_story() {
    let Some(java) = tools::java() else { return };
    let scheduler = || java.program("clients.Scheduler");
    play(&Client { name: "mesos-rxjava", scheduler, executor: Some(java.shell("clients.Executor")) });
}

/// npm's mesos-framework 0.5.3.
#[test]
fn mesos_framework_comes_back_and_ends_the_story() {
    let Some(javascript) = tools::javascript() else { return };
    let scheduler = || javascript.program("scheduler.js");
    play(&Client { name: "mesos-framework", scheduler, executor: Some(javascript.shell("executor.js")) });
}

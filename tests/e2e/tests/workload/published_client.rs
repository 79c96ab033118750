//! A published Mesos client library, unmodified, against a live cluster.

use std::{path::Path, process::Command};

use e2e_tests::{Daemons, workspace};

/// mesoshttp 0.4.2 from PyPI subscribes, takes offers, launches 20 tasks and acknowledges.
#[test]
fn mesoshttp_runs_twenty_tasks() {
    let clients = workspace().join("tests/api/clients/python");
    let daemons = Daemons::start(1).unwrap();
    let Some(python) = environment(daemons.dir.path(), &clients) else {
        println!("SKIPPED: python3 with venv and pip is not there");
        return;
    };
    let output = Command::new(python)
        .arg(clients.join("twenty_tasks.py"))
        .arg(format!("http://127.0.0.1:{}", daemons.master_port))
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{}", daemons.last_words("master"));
    assert!(said.contains("20 finished, 0 failed"), "{said}");
    let state = e2e_tests::get_json(daemons.master_port, "/state").unwrap();
    let tasks = [&state["frameworks"], &state["completed_frameworks"]]
        .into_iter()
        .flat_map(|list| list.as_array().into_iter().flatten())
        .flat_map(|framework| framework["completed_tasks"].as_array().into_iter().flatten())
        .filter(|task| task["state"] == "TASK_FINISHED");
    assert_eq!(tasks.count(), 20, "acknowledged, so they are completed: {state}");
}

/// A virtual environment with the library in it; `None` where there is no python3 to make one with.
fn environment(dir: &Path, clients: &Path) -> Option<std::path::PathBuf> {
    let home = dir.join("python");
    let made = Command::new("python3").args(["-m", "venv"]).arg(&home).output().ok()?;
    if !made.status.success() {
        return None;
    }
    let pip = Command::new(home.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check", "-r"])
        .arg(clients.join("requirements.txt"))
        .output()
        .unwrap();
    assert!(pip.status.success(), "pip: {}", String::from_utf8_lossy(&pip.stderr));
    Some(home.join("bin/python"))
}

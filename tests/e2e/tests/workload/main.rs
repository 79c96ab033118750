//! The workload of `cargo xtask dev`, undisturbed and with the plugs pulled.
//!
//! Each kill is a kill -9 at a point that was seen: some pieces are counted and others run. The
//! scheduler compares its sum with a plain pipeline, so "it still ends right" is its exit status.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test that panics is a test that failed")]

mod dev;
mod fetching;
mod hostile;
mod kills;
mod observed;
mod plugins;
mod roles;
mod wordcount;

use e2e_tests::Daemons;
use wordcount::Wordcount;

#[test]
fn workload_ends_right() {
    let daemons = Daemons::start(2).unwrap();
    let run = Wordcount::start(&daemons, &[]).finish();

    let result = run.result();
    assert_eq!(result["equal"], true);
    assert!(result["cluster"]["words"].as_u64().unwrap() > 10_000, "{result}");
    assert!(!run.said.contains("trying again"), "nothing went wrong on the way:\n{}", run.said);

    let state = e2e_tests::get_json(daemons.master_port, "/state").unwrap();
    assert_eq!(state["frameworks"], serde_json::json!([]), "the framework took itself down");
    let tasks = state["completed_frameworks"][0]["completed_tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), wordcount::PIECES);
    assert!(tasks.iter().all(|task| task["state"] == "TASK_FINISHED"), "{tasks:?}");
    let agents: std::collections::BTreeSet<_> = tasks.iter().map(|task| task["slave_id"].as_str()).collect();
    assert_eq!(agents.len(), 2, "both agents had a part in it");
}

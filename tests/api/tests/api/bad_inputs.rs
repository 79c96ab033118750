//! The table of bad inputs: each is answered exactly as it says, and the cluster is as it was.
//!
//! The daemons are processes, as a stranger meets them. Every few rows somebody looks: the framework's task still
//! runs, its stream is still open, and the account of every resource is the same.

use std::net::{Ipv4Addr, SocketAddr};

use api_tests::{Call, Connection, Outcome, Side, read_calls, required};
use e2e_tests::Daemons;
use serde_json::{Value, json};

/// So often somebody looks.
const ROWS_BETWEEN_LOOKS: usize = 40;

/// A cluster of processes, with a framework whose task runs.
pub struct World {
    pub side: Side,
    before: Value,
    daemons: Daemons,
}

impl World {
    pub fn start() -> Self {
        let mut daemons = Daemons::new(1);
        daemons.agent_flags.push("--attributes=rack:r1;zone:z-a;level:3".into());
        daemons.start_all().unwrap_or_else(|error| panic!("{error:#}"));
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let side = Side::prepare(local(daemons.master_port), local(daemons.agent_ports[0]));
        let mut side = side.unwrap_or_else(|error| panic!("{error:#}\n{}", daemons.last_words("master")));
        side.names.set("$pid", format!("slave(1)@{}", side.agent));
        let before = account(&mut side);
        Self { side, before, daemons }
    }

    /// Asks every row; says which were answered otherwise.
    fn ask(&mut self, rows: &[Call]) -> Vec<String> {
        let mut wrong = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let outcome = self.side.ask(row);
            wrong.extend(otherwise(row, &outcome).map(|why| format!("{}: {why}", row.name)));
            if at % ROWS_BETWEEN_LOOKS == 0 || at + 1 == rows.len() {
                self.look(&row.name);
            }
        }
        wrong
    }

    /// What the master has logged.
    pub fn master_log(&self) -> String {
        self.daemons.words("master")
    }

    /// The task runs, the stream is open, the sums are those of the beginning.
    pub fn look(&mut self, after: &str) {
        let session = &mut self.side.session;
        let events = session.catch_up().unwrap_or_else(|error| panic!("after `{after}`: {error:#}"));
        assert!(events.is_empty(), "after `{after}`: {events:?}");
        assert_eq!(account(&mut self.side), self.before, "after `{after}`");
    }
}

/// Who has what: the agent's sums with everything free in one offer, and the state of the task.
fn account(side: &mut Side) -> Value {
    side.session.offer().expect("an offer of what is free");
    let ask = |kind: &str| {
        let headers = [("Content-Type", "application/json"), ("Accept", "application/json")];
        let body = json!({ "type": kind }).to_string();
        Connection::open(side.master, "POST", "/api/v1", &headers, body).answer().json()
    };
    let state = ask("GET_STATE")["get_state"].take();
    let agents = state["get_agents"]["agents"].as_array().expect("a list of agents");
    let id = side.names.get("$agent").expect("its agent");
    let agent = agents.iter().find(|agent| agent["agent_info"]["id"]["value"] == id).expect("the agent");
    let tasks = state["get_tasks"]["tasks"].as_array().expect("a list of tasks");
    let states: Vec<_> = tasks.iter().map(|task| json!([task["task_id"], task["state"]])).collect();
    json!({
        "total": agent["total_resources"], "allocated": agent["allocated_resources"],
        "offered": agent["offered_resources"], "active": agent["active"], "tasks": states,
    })
}

/// How an outcome differs from what the row says.
fn otherwise(row: &Call, outcome: &Outcome) -> Option<String> {
    let told: Vec<&str> = outcome.events.iter().map(|event| event.told.as_str()).collect();
    if row.status.is_none() {
        return Some(format!(
            "the table does not say what is answered: {} {:?} {told:?}",
            outcome.status, outcome.body
        ));
    }
    let is_text = row.text.as_deref().is_none_or(|text| outcome.text().as_deref() == Some(text));
    if row.status == Some(outcome.status) && is_text && told == row.events {
        return None;
    }
    Some(format!(
        "{} {:?} {told:?} instead of {:?} {:?} {:?}",
        outcome.status,
        outcome.text().unwrap_or_else(|| "(JSON)".to_owned()),
        row.status,
        row.text,
        row.events
    ))
}

#[test]
fn bad_inputs_are_answered_as_the_table_says_and_harm_nobody() {
    let rows = read_calls("bad_inputs.toml").unwrap_or_else(|error| panic!("{error:#}"));
    assert!(rows.len() >= 150, "the table is whole: {}", rows.len());
    let mut world = World::start();
    let wrong = world.ask(&rows);
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn calls_of_executors_that_nobody_started_are_refused() {
    let rows = read_calls("bad_executor_inputs.toml").unwrap_or_else(|error| panic!("{error:#}"));
    let wrong = World::start().ask(&rows);
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// Of every call of every API, and every message that it can hold, each required field in turn.
#[test]
fn calls_that_lack_a_required_field_name_it() {
    let mut world = World::start();
    for api in required::APIS {
        let rows = required::calls(api).unwrap_or_else(|error| panic!("{error:#}"));
        let wrong = world.ask(&rows);
        assert!(
            wrong.is_empty(),
            "{}: {} of {} differ:\n{}",
            api.title,
            wrong.len(),
            rows.len(),
            wrong.join("\n")
        );
    }
}

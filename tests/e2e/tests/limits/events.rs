//! The operator's event stream: snapshot and events together are the cluster.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    agent, anonymous_bytes, connections, master, metric,
    wire::{Client, Scheduler, read, watch, watching},
};

const TASKS: usize = 1_000;
const BATCH: usize = 50;

/// Task ids and states, as an operator knows them.
#[derive(Default)]
struct Known {
    tasks: BTreeMap<String, String>,
}

impl Known {
    fn of(state: &Value) -> Self {
        let mut known = Self::default();
        for list in ["tasks", "unreachable_tasks", "completed_tasks"] {
            for task in state["get_tasks"][list].as_array().unwrap() {
                known.add(task);
            }
        }
        known
    }

    fn add(&mut self, task: &Value) {
        let id = task["task_id"]["value"].as_str().unwrap().to_owned();
        let state = task["state"].as_str().unwrap().to_owned();
        assert_eq!(self.tasks.insert(id.clone(), state), None, "{id} came twice");
    }

    /// Takes an event in; a change that changes nothing was told twice.
    fn take(&mut self, event: &Value) {
        match event["type"].as_str().unwrap() {
            "TASK_ADDED" => self.add(&event["task_added"]["task"]),
            "TASK_UPDATED" => {
                let updated = &event["task_updated"];
                let id = updated["status"]["task_id"]["value"].as_str().unwrap();
                let state = updated["state"].as_str().unwrap().to_owned();
                let before = self.tasks.insert(id.to_owned(), state.clone());
                assert!(before.is_some(), "{id} was updated before it was added");
                assert_ne!(before, Some(state), "{id} was updated to what it was");
            }
            _ => {}
        }
    }

    fn is_over(&self) -> bool {
        self.tasks.len() == TASKS && self.tasks.values().all(|state| state == "TASK_FINISHED")
    }
}

/// Reads events until every task has ended.
fn follow(mut client: Client, snapshot: Value) -> Known {
    let mut known = Known::of(&snapshot);
    while !known.is_over() {
        known.take(&client.event().expect("the stream goes on"));
    }
    known
}

#[test]
fn a_snapshot_and_its_events_are_the_cluster_whenever_one_subscribes() {
    let daemons = master(&[]);
    let port = daemons.master_port;
    agent::start(port);
    let mut scheduler = Scheduler::subscribe(port, "launcher", 0);
    let mut followers = Vec::new();
    for first in (0..TASKS).step_by(BATCH) {
        let offer = offer_for_batch(&mut scheduler);
        let joining = watching(port);
        let tasks: Vec<Value> = (first..first + BATCH).map(|number| task(number, &offer)).collect();
        let accept = json!({ "type": "ACCEPT", "accept": {
            "offer_ids": [offer["id"]],
            "operations": [{ "type": "LAUNCH", "launch": { "task_infos": tasks } }],
            "filters": { "refuse_seconds": 0.0 },
        }});
        assert_eq!(scheduler.call(accept), 202);
        followers.push(std::thread::spawn(move || {
            let (client, snapshot) = begun(joining);
            follow(client, snapshot)
        }));
    }
    let followed: Vec<Known> = followers.into_iter().map(|thread| thread.join().unwrap()).collect();
    let end = Known::of(&json!({ "get_tasks": read(port, "GET_TASKS")["get_tasks"] }));
    assert!(end.is_over());
    for known in followed {
        assert_eq!(known.tasks, end.tasks);
    }
}

/// The next offer with room for a batch. What tasks that have ended gave back is offered by itself.
fn offer_for_batch(scheduler: &mut Scheduler) -> Value {
    loop {
        let event = scheduler.stream.event().unwrap();
        let offers = event["offers"]["offers"].as_array().cloned().unwrap_or_default();
        let (large, small): (Vec<_>, Vec<_>) = offers.into_iter().partition(|offer| {
            let cpus = offer["resources"].as_array().unwrap().iter().find(|r| r["name"] == "cpus");
            cpus.is_some_and(|cpus| cpus["scalar"]["value"].as_f64().unwrap() >= BATCH as f64)
        });
        for offer in small.iter().chain(large.iter().skip(1)) {
            let decline = json!({ "type": "DECLINE", "decline": {
                "offer_ids": [offer["id"]], "filters": { "refuse_seconds": 0.0 },
            }});
            assert_eq!(scheduler.call(decline), 202);
        }
        if let Some(offer) = large.into_iter().next() {
            return offer;
        }
    }
}

fn begun(mut client: Client) -> (Client, Value) {
    assert_eq!(client.read_head(), 200, "{}", client.head);
    let snapshot = client.record().unwrap();
    (client, snapshot["subscribed"]["get_state"].clone())
}

fn task(number: usize, offer: &Value) -> Value {
    json!({
        "name": "t", "task_id": { "value": format!("t{number}") }, "agent_id": offer["agent_id"],
        "resources": [
            { "name": "cpus", "type": "SCALAR", "scalar": { "value": 0.1 } },
            { "name": "mem", "type": "SCALAR", "scalar": { "value": 1.0 } },
        ],
        "command": { "value": "true" },
    })
}

/// A thousand at once hear what one hears; one more, and the oldest is closed in order.
#[test]
fn a_thousand_watch_at_once() {
    let daemons = master(&[]);
    let port = daemons.master_port;
    let count = connections(1_000);
    // Large enough that a snapshot for each of them would show.
    let big = Scheduler::subscribe(port, "big", 256 << 10);
    let (mut oldest, _) = watch(port);
    let before = anonymous_bytes(&daemons);
    let mut watchers: Vec<Client> = (1..count).map(|_| watching(port)).collect();
    for client in &mut watchers {
        assert_eq!(client.read_head(), 200, "{}", client.head);
        assert_eq!(client.record().unwrap()["type"], "SUBSCRIBED");
        assert_eq!(client.record().unwrap()["type"], "HEARTBEAT");
    }
    assert_eq!(metric(&daemons, "master/operator_event_stream_subscribers"), count as f64);

    let small = Scheduler::subscribe(port, "small", 0);
    let ids = [small.framework_id.clone()];
    small.tear_down();
    for client in watchers.iter_mut().chain([&mut oldest]) {
        let added = client.event().unwrap();
        assert_eq!(added["framework_added"]["framework"]["framework_info"]["id"], ids[0]);
        assert_eq!(client.event().unwrap()["framework_removed"]["framework_info"]["id"], ids[0]);
    }
    let grown = anonymous_bytes(&daemons).saturating_sub(before);
    assert!(grown < 128 << 20, "{count} watchers take {} MB", grown >> 20);

    if count == 1_000 {
        let (_newest, _) = watch(port);
        assert_eq!(oldest.event(), None, "the oldest is closed");
        assert_eq!(metric(&daemons, "master/operator_event_stream_subscribers"), 1000.0);
    }
    big.tear_down();
}

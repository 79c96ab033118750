//! Agents on the same port as everybody else.

use std::time::Duration;

use mezzo_link::Link;
use mezzo_proto::{
    mesos::v1::AgentInfo,
    mezzo::link::v1::{Hello, State, from_agent, from_master},
};

use crate::support::Cluster;

type AgentLink = Link<from_agent::Body, from_master::Body>;

fn hello(agent_id: &str) -> from_agent::Body {
    from_agent::Body::Hello(Hello {
        versions: vec![1],
        mezzo_version: "0.1.0".into(),
        agent_id: agent_id.into(),
        incarnation: 1,
        boot_id: "b".into(),
        ip: "127.0.0.1".into(),
        info: Some(AgentInfo { hostname: "h".into(), port: Some(5051), ..AgentInfo::default() }),
        ..Hello::default()
    })
}

async fn next(link: &mut AgentLink) -> from_master::Body {
    let next = tokio::time::timeout(Duration::from_secs(10), link.receiver.recv()).await;
    next.expect("in time").unwrap_or_else(|| panic!("closed: {}", link.receiver.why()))
}

fn agents(cluster: &Cluster, is_wanted: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
    let mut state = serde_json::Value::Null;
    for _ in 0..250 {
        state = cluster.get("/state").json();
        if is_wanted(&state) {
            return state;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("never so: {state}");
}

#[test]
fn an_agent_is_admitted_shown_and_missed() {
    let cluster = Cluster::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let address = cluster.address.to_string();
    let mut link =
        runtime.block_on(mezzo_link::dial(&address, &mezzo_link::Config::default())).expect("a link");
    link.sender.send(hello("")).expect("open");
    let from_master::Body::Welcome(welcome) = runtime.block_on(next(&mut link)) else { panic!("no welcome") };
    assert!(welcome.agent_id.ends_with("-S0"), "{}", welcome.agent_id);
    link.sender.send(from_agent::Body::State(State::default())).expect("open");

    let state = agents(&cluster, |state| state["activated_slaves"] == 1.0);
    assert_eq!(state["slaves"][0]["id"], welcome.agent_id.as_str());
    assert_eq!(cluster.get("/metrics/snapshot").json()["mezzo/master/links"], 1.0);

    drop((link, runtime));
    agents(&cluster, |state| state["activated_slaves"] == 0.0);
}

/// What is not HTTP/2 cannot be a link, and hears so.
#[test]
fn a_link_over_the_older_version_is_refused_with_a_sentence() {
    let cluster = Cluster::start();
    let mut connection = crate::support::Connection::open(cluster.address, "POST", mezzo_link::PATH, &[], "");
    assert_eq!(connection.status, 505);
    let text = connection.chunk().expect("a sentence");
    assert_eq!(String::from_utf8_lossy(&text), "A link between agent and master needs HTTP/2.");
}

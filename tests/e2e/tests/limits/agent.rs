//! An agent that only says that its tasks run and finish: a thousand of them in a moment.

use mezzo_link::{Config, Sender, dial};
use mezzo_proto::{
    mesos::v1::{self, TaskState},
    mezzo::link::v1::{Hello, Pong, RunTask, State, StatusUpdate, from_agent, from_master},
};

/// Serves the master at `port` on a thread until the master is gone.
pub fn start(port: u16) {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(serve(port));
    });
}

async fn serve(port: u16) {
    let address = format!("127.0.0.1:{port}");
    let link: mezzo_link::Link<from_agent::Body, from_master::Body> =
        dial(&address, &Config::default()).await.unwrap();
    let (sender, mut receiver) = (link.sender, link.receiver);
    sender.send(from_agent::Body::Hello(hello())).unwrap();
    let mut updates = 0_u128;
    while let Some(body) = receiver.recv().await {
        match body {
            from_master::Body::Welcome(_) => {
                sender.send(from_agent::Body::State(State::default())).unwrap();
            }
            from_master::Body::Ping(ping) => {
                sender.send(from_agent::Body::Pong(Pong { nonce: ping.nonce })).unwrap();
            }
            from_master::Body::RunTask(run) => {
                for state in [TaskState::TaskRunning, TaskState::TaskFinished] {
                    updates += 1;
                    // Each is said twice, as by an agent that waits for its acknowledgement.
                    say(&sender, &run, state, updates);
                    say(&sender, &run, state, updates);
                }
            }
            _ => {}
        }
    }
}

fn say(sender: &Sender<from_agent::Body>, run: &RunTask, state: TaskState, number: u128) {
    let task = run.task.as_ref().unwrap();
    let status = v1::TaskStatus {
        task_id: task.task_id.clone(),
        state: state as i32,
        agent_id: Some(task.agent_id.clone()),
        uuid: Some(number.to_be_bytes().to_vec()),
        ..Default::default()
    };
    let update = StatusUpdate {
        framework_id: run.framework.as_ref().and_then(|framework| framework.id.clone()),
        status: Some(status),
        latest_state: state as i32,
    };
    // The master may be gone by now.
    let _ = sender.send(from_agent::Body::Update(update));
}

fn hello() -> Hello {
    let scalar = |name: &str, value: f64| v1::Resource {
        name: name.to_owned(),
        r#type: v1::value::Type::Scalar as i32,
        scalar: Some(v1::value::Scalar { value }),
        ..Default::default()
    };
    Hello {
        versions: vec![1],
        mezzo_version: "0.1.0".to_owned(),
        capabilities: vec!["MULTI_ROLE".to_owned()],
        incarnation: 1,
        info: Some(v1::AgentInfo {
            hostname: "fake".to_owned(),
            port: Some(5051),
            resources: vec![scalar("cpus", 4000.0), scalar("mem", 4_000_000.0)],
            ..Default::default()
        }),
        ip: "127.0.0.1".to_owned(),
        ..Default::default()
    }
}

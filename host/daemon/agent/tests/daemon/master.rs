//! A master that does what it is told.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use mezzo_http::{Body, Incoming, Request, Response, Running, Server, Service, StatusCode};
use mezzo_link::{Acceptor, Link};
use mezzo_proto::{
    mesos::v1::{self, TaskState},
    mezzo::link::v1::{
        Acknowledge, Hello, KillTask, RunTask, StatusUpdate, Welcome, from_agent, from_master,
    },
};
use tokio::{sync::mpsc, time::timeout};

/// Nothing here takes longer on a machine that is alive.
const PATIENCE: Duration = Duration::from_secs(60);

type MasterLink = Link<from_master::Body, from_agent::Body>;

pub struct Master {
    server: Running,
    links: mpsc::Receiver<MasterLink>,
    link: Option<MasterLink>,
}

struct Front(Acceptor);

impl Service for Front {
    async fn call(&self, _: Request) -> Response {
        Response::empty(StatusCode::NOT_FOUND)
    }

    fn takes_stream(&self, head: &http::request::Parts) -> bool {
        head.uri.path() == mezzo_link::PATH
    }

    async fn call_stream(&self, request: http::Request<Incoming>, _: SocketAddr) -> Response {
        let (head, body) = self.0.handle(request).await.into_parts();
        let headers = head.headers.into_iter().filter_map(|(name, value)| Some((name?, value))).collect();
        Response { status: head.status, headers, body: Body::Other { length: None, bytes: body } }
    }
}

impl Master {
    pub async fn start() -> Self {
        let (acceptor, links) = Acceptor::new(mezzo_link::Config::default(), 4);
        let bound = Server::new(mezzo_http::Config::default());
        let bound = bound.bind("127.0.0.1:0".parse().expect("an address")).await.expect("loopback");
        Self { server: bound.serve(Arc::new(Front(acceptor))), links, link: None }
    }

    pub fn address(&self) -> String {
        self.server.address().to_string()
    }

    /// Waits for an agent, welcomes it and takes its state.
    pub async fn admit(&mut self, id: &str) -> Hello {
        let link =
            timeout(PATIENCE, self.links.recv()).await.expect("an agent dials").expect("the server runs");
        self.link = Some(link);
        let from_agent::Body::Hello(hello) = self.hear().await else { panic!("Hello comes first") };
        self.say(from_master::Body::Welcome(Welcome {
            version: 1,
            agent_id: id.into(),
            master_id: "M".into(),
            ping_timeout_ms: 15_000,
            ping_timeouts_max: 5,
        }));
        let from_agent::Body::State(_) = self.hear().await else { panic!("State follows Welcome") };
        hello
    }

    async fn hear(&mut self) -> from_agent::Body {
        let link = self.link.as_mut().expect("an agent was admitted");
        timeout(PATIENCE, link.receiver.recv()).await.expect("the agent speaks").expect("the link is open")
    }

    fn say(&self, body: from_master::Body) {
        self.link.as_ref().expect("an agent was admitted").sender.send(body).expect("the link is open");
    }

    /// The next update; acknowledged unless it is the last of its task.
    pub async fn update(&mut self) -> v1::TaskStatus {
        let from_agent::Body::Update(StatusUpdate { status: Some(status), .. }) = self.hear().await else {
            panic!("an update with a status")
        };
        if matches!(status.state(), TaskState::TaskStarting | TaskState::TaskRunning) {
            self.acknowledge(&status);
        }
        status
    }

    pub async fn expect_acknowledged(&mut self, states: &[TaskState]) {
        for state in states {
            assert_eq!(self.update().await.state(), *state);
        }
    }

    pub fn acknowledge(&self, status: &v1::TaskStatus) {
        self.say(from_master::Body::Acknowledge(Acknowledge {
            framework_id: Some(framework_id()),
            task_id: Some(status.task_id.clone()),
            uuid: status.uuid.clone().expect("updates of tasks have one"),
        }));
    }

    pub fn run(&self, task: &str, command: &str) {
        let framework =
            v1::FrameworkInfo { id: Some(framework_id()), name: "test".into(), ..Default::default() };
        let scalar = |name: &str, value| v1::Resource {
            name: name.into(),
            r#type: v1::value::Type::Scalar.into(),
            scalar: Some(v1::value::Scalar { value }),
            ..Default::default()
        };
        let info = v1::TaskInfo {
            name: task.into(),
            task_id: v1::TaskId { value: task.into() },
            agent_id: v1::AgentId { value: "S0".into() },
            resources: vec![scalar("cpus", 0.5), scalar("mem", 32.0)],
            command: Some(v1::CommandInfo { value: Some(command.into()), ..Default::default() }),
            ..Default::default()
        };
        self.say(from_master::Body::RunTask(RunTask {
            framework: Some(framework),
            task: Some(info),
            launch_executor: false,
        }));
    }

    /// The task and the framework of the recordings.
    pub fn run_recorded(&self) {
        let framework = r#"{
            "user": "root", "name": "golden", "id": {"value": "f1"}, "failover_timeout": 60.0, "checkpoint": false,
            "roles": ["dev"],
            "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}, {"type": "RESERVATION_REFINEMENT"}]
        }"#;
        let task = r#"{
            "name": "t1", "task_id": {"value": "t1"}, "agent_id": {"value": "S0"},
            "resources": [
                {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.5}, "allocation_info": {"role": "dev"}},
                {"name": "mem", "type": "SCALAR", "scalar": {"value": 32.0}, "allocation_info": {"role": "dev"}}
            ],
            "command": {"shell": true, "value": "sleep 1000"}
        }"#;
        let framework = mezzo_proto::json::from_json(framework.as_bytes()).expect("a framework");
        let task = mezzo_proto::json::from_json(task.as_bytes()).expect("a task");
        self.say(from_master::Body::RunTask(RunTask {
            framework: Some(framework),
            task: Some(task),
            ..Default::default()
        }));
    }

    pub fn kill(&self, task: &str) {
        self.say(from_master::Body::KillTask(KillTask {
            framework_id: Some(framework_id()),
            task_id: Some(v1::TaskId { value: task.into() }),
            kill_policy: None,
        }));
    }
}

fn framework_id() -> v1::FrameworkId {
    v1::FrameworkId { value: "f1".into() }
}

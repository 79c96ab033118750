//! A master, and a client that shows everything it was sent.

use std::net::SocketAddr;

pub use api_tests::{Answer, Connection};
use mezzo_master::{Master, RawMasterFlags};
use serde_json::Value;

/// A master of the test's own, without agents and without an allocator.
pub struct Cluster {
    pub address: SocketAddr,
    master: Option<Master>,
    runtime: tokio::runtime::Runtime,
}

impl Cluster {
    pub fn start() -> Self {
        Self::with(RawMasterFlags { registry: Some("in_memory".into()), ..RawMasterFlags::default() })
    }

    pub fn with(flags: RawMasterFlags) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let flags = RawMasterFlags { port: Some(0), ..flags };
        let config = flags.into_config().expect("flags");
        let master = runtime.block_on(config.build(b"")).expect("a master");
        Self { address: master.address(), master: Some(master), runtime }
    }

    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        Connection::open(self.address, method, path, headers, body).answer()
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    /// A v1 call in JSON.
    pub fn post(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, &[("Content-Type", "application/json"), ("Accept", "application/json")], body)
    }

    /// A framework that stays subscribed for as long as the value lives.
    pub fn subscribe(&self, framework_info: &str) -> Subscribed {
        let body = format!(r#"{{"type":"SUBSCRIBE","subscribe":{{"framework_info":{framework_info}}}}}"#);
        let headers = [("Content-Type", "application/json"), ("Accept", "application/json")];
        let mut connection = Connection::open(self.address, "POST", "/api/v1/scheduler", &headers, &body);
        assert_eq!(connection.status, 200);
        let stream_id = connection.header("Mesos-Stream-Id").expect("a stream id").to_owned();
        let subscribed = connection.event().expect("an event");
        assert_eq!(subscribed["type"], "SUBSCRIBED", "{subscribed}");
        let framework_id =
            subscribed["subscribed"]["framework_id"]["value"].as_str().expect("an id").to_owned();
        Subscribed { connection, framework_id, stream_id, subscribed }
    }

    pub fn stop(mut self) {
        if let Some(master) = self.master.take() {
            self.runtime.block_on(master.stop());
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(master) = self.master.take() {
            self.runtime.block_on(master.stop());
        }
    }
}

/// A subscription.
pub struct Subscribed {
    pub connection: Connection,
    pub framework_id: String,
    pub stream_id: String,
    /// The first event.
    pub subscribed: Value,
}

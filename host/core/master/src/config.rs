//! What a master is told once, at its start.

use std::{net::Ipv4Addr, time::Duration};

use mezzo_model::Build;
use mezzo_proto::mesos::v1;

/// Parsed flags and what the edge made for this run. Nothing in it can be wrong.
#[derive(Clone, Debug)]
pub struct MasterConfig {
    /// Unique for this run of the master: frameworks', agents' and offers' ids begin with it.
    pub master_id: String,
    /// The address clients reach this master at.
    pub ip: Ipv4Addr,
    /// The port of every API.
    pub port: u16,
    /// The name shown for this master.
    pub hostname: String,
    /// `--cluster`, shown to people.
    pub cluster: Option<String>,
    /// Which build this is, and the version of Mesos's API.
    pub build: Build,
    /// When this run started, seconds since 1970.
    pub start_time_seconds: f64,
    /// The flags in force, for `/state`.
    pub flags: Vec<(String, String)>,
    /// How long changes are gathered before a round is asked for.
    pub allocation_gather: Duration,
    /// A round is asked for at least this often while something could be offered.
    pub allocation_interval: Duration,
    /// Offers are withdrawn after this; never when absent.
    pub offer_timeout: Option<Duration>,
    /// An agent is pinged this often …
    pub agent_ping_timeout: Duration,
    /// … and given up after this many pings without an answer or a link.
    pub max_agent_ping_timeouts: u32,
    /// How long agents known from before have to come back after a master's start.
    pub agent_reregister_timeout: Duration,
    /// Space between HEARTBEAT events on a scheduler's or operator's stream.
    pub heartbeat_interval: Duration,
    /// Most completed frameworks remembered.
    pub max_completed_frameworks: usize,
    /// Most completed tasks remembered of each framework.
    pub max_completed_tasks_per_framework: usize,
    /// Most unreachable tasks remembered of each framework.
    pub max_unreachable_tasks_per_framework: usize,
    /// How often the registry is looked through for agents to forget.
    pub registry_gc_interval: Duration,
    /// An agent is forgotten after having been unreachable for this long.
    pub registry_max_agent_age: Duration,
    /// Most unreachable agents remembered.
    pub registry_max_agent_count: usize,
    /// Most operators that watch at once; one more, and the oldest is closed.
    pub max_operator_event_stream_subscribers: usize,
    /// Whether frameworks whose user is root are let in.
    pub root_submissions: bool,
    /// Seeds the chance that plugins are given.
    pub seed: u64,
    /// Most elementary changes in one turn.
    pub changes_per_turn: usize,
}

impl MasterConfig {
    /// Mesos's defaults for a master with this id at this address.
    pub fn new(master_id: impl Into<String>, ip: Ipv4Addr, port: u16, hostname: impl Into<String>) -> Self {
        Self {
            master_id: master_id.into(),
            ip,
            port,
            hostname: hostname.into(),
            cluster: None,
            build: Build { version: "1.11.0".to_owned(), ..Build::default() },
            start_time_seconds: 0.0,
            flags: Vec::new(),
            allocation_gather: Duration::from_millis(5),
            allocation_interval: Duration::from_secs(1),
            offer_timeout: None,
            agent_ping_timeout: Duration::from_secs(15),
            max_agent_ping_timeouts: 5,
            agent_reregister_timeout: Duration::from_secs(600),
            heartbeat_interval: Duration::from_secs(15),
            max_completed_frameworks: 50,
            max_completed_tasks_per_framework: 1000,
            max_unreachable_tasks_per_framework: 1000,
            registry_gc_interval: Duration::from_secs(15 * 60),
            registry_max_agent_age: Duration::from_secs(14 * 24 * 3600),
            registry_max_agent_count: 102_400,
            max_operator_event_stream_subscribers: 1000,
            root_submissions: true,
            seed: 0,
            changes_per_turn: 10_000,
        }
    }
}

impl MasterConfig {
    /// The master as schedulers and other readers are told of it.
    pub fn master_info(&self) -> v1::MasterInfo {
        use v1::master_info::{Capability, capability::Type};
        v1::MasterInfo {
            id: self.master_id.clone(),
            // The address in network order, read as the number that a little-endian machine makes of it.
            ip: u32::from_le_bytes(self.ip.octets()),
            port: u32::from(self.port),
            pid: Some(self.pid()),
            hostname: Some(self.hostname.clone()),
            version: Some(self.build.version.clone()),
            address: Some(v1::Address {
                hostname: Some(self.hostname.clone()),
                ip: Some(self.ip.to_string()),
                port: i32::from(self.port),
            }),
            domain: None,
            capabilities: vec![Capability { r#type: Some(Type::AgentUpdate as i32) }],
        }
    }

    /// The address as Mesos's tools expect it.
    pub fn pid(&self) -> String {
        format!("master@{}:{}", self.ip, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_the_number_that_clients_know() {
        let config = MasterConfig::new("m", Ipv4Addr::LOCALHOST, 5050, "localhost");
        let info = config.master_info();
        assert_eq!(info.ip, 16_777_343);
        assert_eq!(info.pid.as_deref(), Some("master@127.0.0.1:5050"));
    }
}

//! One master and its agent, in a known state: a framework with one task that runs.

use std::net::SocketAddr;

use anyhow::Context;
use serde_json::{Value, json};

use crate::{Call, Connection, Names, Outcome, Session, Target, calls::repeated, outcome::Event};

/// The task that runs throughout.
pub const TASK: &str = "alive";

/// A daemon pair that is asked.
pub struct Side {
    /// The master's address.
    pub master: SocketAddr,
    /// The agent's address.
    pub agent: SocketAddr,
    /// What it calls things.
    pub names: Names,
    /// The framework.
    pub session: Session,
}

impl Side {
    /// Subscribes the framework, launches its task, and waits until that runs and the rest is offered.
    ///
    /// # Errors
    ///
    /// When any of that does not happen.
    pub fn prepare(master: SocketAddr, agent: SocketAddr) -> anyhow::Result<Self> {
        let mut session = Session::subscribe(master, &framework_info())?;
        let mut names = Names::default();
        names.set("$framework", &session.framework_id);
        names.set("$stream", &session.stream_id);
        let info = &session.subscribed["subscribed"]["master_info"];
        names.set("$master", info["id"].as_str().context("a master without an id")?);
        names.set("$address", format!("{master}"));
        names.set("$leader", format!("localhost:{}", master.port()));
        names.set("$task", TASK);
        let offer = session.offer()?;
        let text =
            |value: &Value| value["value"].as_str().map(str::to_owned).context("an id without a value");
        let (agent_id, offer_id) = (text(&offer["agent_id"])?, text(&offer["id"])?);
        session.call("ACCEPT", launched(&agent_id, &offer_id))?;
        session.used(&offer_id);
        session.wait_for(TASK, "TASK_RUNNING")?;
        names.set("$agent", agent_id);
        names.set("$stale", offer_id);
        session.offer()?;
        Ok(Self { master, agent, names, session })
    }

    /// Makes a call.
    pub fn ask(&mut self, call: &Call) -> Outcome {
        self.try_ask(call).unwrap_or_else(|error| Outcome::none(&self.names.taken_out(&format!("{error:#}"))))
    }

    fn try_ask(&mut self, call: &Call) -> anyhow::Result<Outcome> {
        if call.has_events {
            self.session.catch_up()?;
        }
        if call.body.contains("$offer") {
            let offer = self.session.offer()?;
            self.names.set("$offer", offer["id"]["value"].as_str().context("an offer without an id")?);
        }
        let address = match call.to {
            Target::Master => self.master,
            Target::Agent => self.agent,
        };
        let (path, headers) = (repeated(&self.names.put_into(&call.path)), self.headers(call));
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let body = match &call.bytes {
            Some(bytes) => bytes.clone(),
            None => repeated(&self.names.put_into(&call.body)).into_bytes(),
        };
        let connection = Connection::try_open(address, &call.method, &path, &headers, &body)?;
        if call.body.contains("$offer") && connection.status == 202 {
            let used = self.names.get("$offer").unwrap_or_default().to_owned();
            self.session.used(&used);
        }
        let mut outcome = match connection.is_stream() {
            true => self.stream(connection)?,
            false => Outcome::of(&connection.try_answer()?, &self.names),
        };
        if call.has_events {
            let mut events = self.session.until(call.until.as_deref())?;
            events.extend(self.session.catch_up()?);
            outcome.events = events.iter().map(|event| Event::of(event, &self.names)).collect();
        }
        Ok(outcome)
    }

    fn headers(&self, call: &Call) -> Vec<(String, String)> {
        let named = |(name, value): &(String, String)| (name.clone(), self.names.put_into(value));
        call.headers.iter().map(named).collect()
    }

    fn stream(&self, mut connection: Connection) -> anyhow::Result<Outcome> {
        let first = connection.try_event()?;
        let mut events = vec![first.as_ref().map_or_else(Event::end, |event| Event::of(event, &self.names))];
        // After an error there is nothing but the end; after all else come events in an order of their own.
        if first.is_some_and(|event| event["type"] == "ERROR") {
            let next = connection.try_event()?;
            events.push(next.map_or_else(Event::end, |event| Event::of(&event, &self.names)));
        }
        let (status, reason) = (connection.status, connection.reason.as_str());
        Ok(Outcome::stream(status, reason, &connection.headers, events, &self.names))
    }
}

fn framework_info() -> Value {
    json!({
        "user": "root", "name": "golden", "roles": ["dev"], "failover_timeout": 600.0,
        "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}, {"type": "RESERVATION_REFINEMENT"}],
    })
}

fn launched(agent_id: &str, offer_id: &str) -> Value {
    let task = json!({
        "name": TASK, "task_id": {"value": TASK}, "agent_id": {"value": agent_id},
        "command": {"value": "while :; do sleep 1; done"},
        "resources": [
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.5}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 64}},
        ],
        "labels": {"labels": [{"key": "k", "value": "v"}]},
    });
    json!({
        "offer_ids": [{"value": offer_id}],
        "operations": [{"type": "LAUNCH", "launch": {"task_infos": [task]}}],
        "filters": {"refuse_seconds": 0},
    })
}

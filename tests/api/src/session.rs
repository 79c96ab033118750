//! A scheduler that sees every event, and does nothing by itself but acknowledge.

use std::{
    net::SocketAddr,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use crate::Connection;

/// How long an event may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// After these no other state of a task follows.
const ENDS: [&str; 6] =
    ["TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST", "TASK_DROPPED"];

const PATH: &str = "/api/v1/scheduler";

/// A framework that is subscribed for as long as the value lives.
pub struct Session {
    /// The master's address.
    pub master: SocketAddr,
    /// What the master calls it.
    pub framework_id: String,
    /// The stream's id.
    pub stream_id: String,
    /// The first event.
    pub subscribed: Value,
    inbox: Arc<Inbox>,
    /// Offers that are open, as far as the events tell.
    offers: Vec<Value>,
    /// An agent that serves, once an offer has named one.
    agent_id: Option<Value>,
    sentinels: u64,
    end: Box<dyn Fn() + Send>,
}

#[derive(Default)]
struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<Value>,
    ended: Option<String>,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Subscribes a framework.
    ///
    /// # Errors
    ///
    /// When it is not taken.
    pub fn subscribe(master: SocketAddr, framework_info: &Value) -> anyhow::Result<Self> {
        let body = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": framework_info}}).to_string();
        let headers = [("Content-Type", "application/json"), ("Accept", "application/json")];
        let mut connection = Connection::try_open(master, "POST", PATH, &headers, &body)?;
        ensure!(connection.status == 200, "SUBSCRIBE: {}", connection.status);
        let stream_id = connection.header("Mesos-Stream-Id").context("no stream id")?.to_owned();
        let subscribed = connection.try_event()?.context("no first event")?;
        let id = subscribed["subscribed"]["framework_id"]["value"].as_str();
        let framework_id = id.with_context(|| format!("not subscribed: {subscribed}"))?.to_owned();
        let end = Box::new(connection.ender()?);
        let inbox = Arc::new(Inbox::default());
        let filled = Arc::clone(&inbox);
        std::thread::spawn(move || {
            loop {
                let next = connection.try_event();
                let mut state = filled.lock();
                let is_over = match next {
                    Ok(Some(event)) => {
                        state.waiting.push(event);
                        false
                    }
                    Ok(None) => state.ended.replace("the stream ended".to_owned()).is_none(),
                    Err(error) => state.ended.replace(error.to_string()).is_none(),
                };
                filled.changed.notify_all();
                if is_over {
                    return;
                }
            }
        });
        Ok(Self {
            master,
            framework_id,
            stream_id,
            subscribed,
            inbox,
            offers: Vec::new(),
            agent_id: None,
            sentinels: 0,
            end,
        })
    }

    /// Sends a call of this framework: its type, and its part.
    ///
    /// # Errors
    ///
    /// When the answer is another than 202.
    pub fn call(&self, kind: &str, part: Value) -> anyhow::Result<()> {
        let mut call = json!({"type": kind, "framework_id": {"value": self.framework_id}});
        call[kind.to_lowercase()] = part;
        let headers = [("Content-Type", "application/json"), ("Mesos-Stream-Id", self.stream_id.as_str())];
        let answer =
            Connection::try_open(self.master, "POST", PATH, &headers, call.to_string())?.try_answer()?;
        ensure!(answer.status == 202, "{kind}: {} {}", answer.status, answer.body);
        Ok(())
    }

    /// The next event; updates are acknowledged.
    ///
    /// # Errors
    ///
    /// When none comes, or the stream has ended.
    pub fn next_event(&mut self) -> anyhow::Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        let event = {
            let mut state = self.inbox.lock();
            loop {
                if !state.waiting.is_empty() {
                    break state.waiting.remove(0);
                }
                if let Some(why) = &state.ended {
                    bail!("no more events: {why}");
                }
                let left = deadline.saturating_duration_since(Instant::now());
                ensure!(!left.is_zero(), "no event within {} s", PATIENCE.as_secs());
                let waited = self.inbox.changed.wait_timeout(state, left);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        };
        self.noted(&event)?;
        Ok(event)
    }

    fn noted(&mut self, event: &Value) -> anyhow::Result<()> {
        match event["type"].as_str() {
            Some("OFFERS") => {
                let offers = event["offers"]["offers"].as_array();
                self.offers.extend(offers.into_iter().flatten().cloned());
                if self.agent_id.is_none() {
                    self.agent_id = self.offers.first().map(|offer| offer["agent_id"].clone());
                }
            }
            Some("RESCIND") => {
                let gone = event["rescind"]["offer_id"]["value"].clone();
                self.offers.retain(|offer| offer["id"]["value"] != gone);
            }
            Some("UPDATE") => {
                let status = &event["update"]["status"];
                if status["uuid"].is_string() {
                    let part = json!({"agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"]});
                    self.call("ACKNOWLEDGE", part)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Waits for an event; those before it are dropped.
    ///
    /// # Errors
    ///
    /// When it does not come.
    pub fn wait(&mut self, what: &str, is_wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        loop {
            let event = self.next_event().with_context(|| format!("waiting for {what}"))?;
            if is_wanted(&event) {
                return Ok(event);
            }
        }
    }

    /// Waits for a task to be in a state.
    ///
    /// # Errors
    ///
    /// When it does not get there.
    pub fn wait_for(&mut self, task: &str, state: &str) -> anyhow::Result<Value> {
        self.wait(&format!("{task} {state}"), |event| {
            let status = &event["update"]["status"];
            status["task_id"]["value"] == task && status["state"] == state
        })
    }

    /// The events up to the one that tells this state of a task, or its end; none if no state is waited for.
    ///
    /// # Errors
    ///
    /// When neither comes.
    pub fn until(&mut self, state: Option<&str>) -> anyhow::Result<Vec<Value>> {
        let mut events = Vec::new();
        let Some(state) = state else { return Ok(events) };
        let deadline = Instant::now() + PATIENCE;
        loop {
            // Heartbeats are events too.
            ensure!(Instant::now() < deadline, "no {state} within {} s", PATIENCE.as_secs());
            let event = self.next_event().with_context(|| format!("waiting for {state}"))?;
            let told = event["update"]["status"]["state"].as_str();
            let is_last =
                told.is_some_and(|told| told == state || !ENDS.contains(&state) && ENDS.contains(&told));
            if !comes_by_itself(&event) {
                events.push(event);
            }
            if is_last {
                return Ok(events);
            }
        }
    }

    /// An offer that is open.
    ///
    /// # Errors
    ///
    /// When the master makes none.
    pub fn offer(&mut self) -> anyhow::Result<Value> {
        // What has come meanwhile may have rescinded it.
        self.catch_up()?;
        if self.offers.is_empty() {
            self.call("REVIVE", json!({}))?;
            while self.offers.is_empty() {
                self.next_event().context("waiting for an offer")?;
            }
        }
        Ok(self.offers[0].clone())
    }

    /// Forgets an offer: it was used.
    pub fn used(&mut self, offer_id: &str) {
        self.offers.retain(|offer| offer["id"]["value"] != offer_id);
    }

    /// Everything that has come because of what was called before: the master answers a question last.
    /// Heartbeats and offers come by themselves and are left out.
    ///
    /// # Errors
    ///
    /// When the master does not answer.
    pub fn catch_up(&mut self) -> anyhow::Result<Vec<Value>> {
        self.sentinels += 1;
        let sentinel = format!("nobody-{}", self.sentinels);
        // Of an agent that serves: while another is awaited, nothing is said of a task that could be on it.
        let mut task = json!({"task_id": {"value": sentinel}});
        if let Some(agent_id) = &self.agent_id {
            task["agent_id"] = agent_id.clone();
        }
        self.call("RECONCILE", json!({"tasks": [task]}))?;
        let mut events = Vec::new();
        loop {
            let event = self.next_event()?;
            if event["update"]["status"]["task_id"]["value"] == sentinel.as_str() {
                return Ok(events);
            }
            if !comes_by_itself(&event) {
                events.push(event);
            }
        }
    }
}

/// Whether an event is no consequence of a call, or one that an agent sends when it likes: how an
/// operation ended.
fn comes_by_itself(event: &Value) -> bool {
    let is_of_agent = !event["update_operation_status"]["status"]["uuid"].is_null();
    is_of_agent || matches!(event["type"].as_str(), Some("HEARTBEAT" | "OFFERS"))
}

impl Drop for Session {
    fn drop(&mut self) {
        // The reading thread ends with its connection.
        (self.end)();
    }
}

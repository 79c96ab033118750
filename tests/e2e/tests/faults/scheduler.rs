//! A scheduler that a test leads by the hand: it notes everything it hears and acknowledges it.
//!
//! It runs on a thread of its own, which is in the network namespace of the thread that made it.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use mezzo_client::{Client, Subscription};
use mezzo_proto::mesos::v1::{
    self, CommandInfo, FrameworkInfo, TaskInfo, TaskState, TaskStatus, framework_info, scheduler,
};
use tokio::sync::mpsc;

/// No healthy cluster takes longer to do one thing, however busy the machine; an agent is given up
/// after 75 seconds.
pub const LIMIT: Duration = Duration::from_secs(120);

/// A subscribed framework.
pub struct Scheduler {
    heard: Arc<Heard>,
    calls: mpsc::UnboundedSender<scheduler::Call>,
    thread: Option<JoinHandle<()>>,
}

/// What has come so far.
#[derive(Default)]
struct Heard {
    notes: Mutex<Notes>,
    news: Condvar,
}

#[derive(Default)]
struct Notes {
    framework: Option<v1::FrameworkId>,
    offers: Vec<(Instant, v1::Offer)>,
    statuses: Vec<(Instant, TaskStatus)>,
    lost_agents: Vec<String>,
    error: Option<String>,
    is_over: bool,
    /// Offers are for somebody else.
    rests: bool,
}

/// What a task is to do, and with what.
#[derive(Clone)]
pub struct Wanted {
    pub name: String,
    pub command: String,
    /// Only on this host, if one is named.
    pub host: Option<String>,
    pub max_completion: Option<Duration>,
    pub kill_grace: Option<Duration>,
}

impl Wanted {
    pub fn new(name: &str, command: &str) -> Self {
        Self {
            name: name.to_owned(),
            command: command.to_owned(),
            host: None,
            max_completion: None,
            kill_grace: None,
        }
    }
}

impl Scheduler {
    /// Subscribes to the master at `address`.
    pub fn subscribe(address: &str, is_partition_aware: bool) -> Self {
        Self::subscribe_as(address, framework(is_partition_aware))
    }

    /// Subscribes again as a framework that the cluster knows.
    pub fn resubscribe(address: &str, is_partition_aware: bool, id: &str) -> Self {
        let id = Some(v1::FrameworkId { value: id.to_owned() });
        Self::subscribe_as(address, FrameworkInfo { id, ..framework(is_partition_aware) })
    }

    fn subscribe_as(address: &str, framework: FrameworkInfo) -> Self {
        let (calls, asked) = mpsc::unbounded_channel();
        let heard = Arc::new(Heard::default());
        let (client, noted) = (Client::new(address).unwrap(), Arc::clone(&heard));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let subscription = client.subscribe(framework).await.unwrap();
                listen(client, subscription, asked, &noted).await;
            });
            noted.note(|notes| notes.is_over = true);
        });
        let scheduler = Self { heard, calls, thread: Some(thread) };
        scheduler.wait("SUBSCRIBED", LIMIT, |notes| notes.framework.clone());
        scheduler
    }

    /// Leaves all offers to others until the next launch.
    pub fn rest(&self) {
        self.heard.note(|notes| notes.rests = true);
        self.decline_open(0.0);
        self.call(scheduler::Call {
            r#type: Some(scheduler::call::Type::Suppress.into()),
            ..Default::default()
        });
    }

    /// Launches a task from the next offer that fits.
    pub fn launch(&self, wanted: &Wanted) {
        let mut rested = false;
        self.heard.note(|notes| rested = std::mem::take(&mut notes.rests));
        if rested {
            self.call(scheduler::Call {
                r#type: Some(scheduler::call::Type::Revive.into()),
                ..Default::default()
            });
        }
        let offer = self.wait(&format!("an offer for `{}`", wanted.name), LIMIT, |notes| {
            let fits = |offer: &v1::Offer| wanted.host.as_ref().is_none_or(|host| offer.hostname == *host);
            let at = notes.offers.iter().position(|(_, offer)| fits(offer))?;
            Some(notes.offers.remove(at).1)
        });
        let launch = v1::offer::Operation {
            r#type: Some(v1::offer::operation::Type::Launch.into()),
            launch: Some(v1::offer::operation::Launch { task_infos: vec![task(wanted, &offer)] }),
            ..Default::default()
        };
        self.call(scheduler::Call {
            r#type: Some(scheduler::call::Type::Accept.into()),
            accept: Some(scheduler::call::Accept {
                offer_ids: vec![offer.id],
                operations: vec![launch],
                filters: Some(v1::Filters { refuse_seconds: Some(0.0) }),
            }),
            ..Default::default()
        });
    }

    /// Launches a task and waits until it runs.
    pub fn run(&self, wanted: &Wanted) {
        self.launch(wanted);
        self.wait_for(&wanted.name, TaskState::TaskRunning);
    }

    /// Sends a KILL.
    pub fn kill(&self, name: &str) {
        self.call(scheduler::Call {
            r#type: Some(scheduler::call::Type::Kill.into()),
            kill: Some(scheduler::call::Kill {
                task_id: v1::TaskId { value: name.to_owned() },
                agent_id: None,
                kill_policy: None,
            }),
            ..Default::default()
        });
    }

    /// Declines every offer that is open, for so long.
    pub fn decline(&self, seconds: f64) {
        self.next_offer();
        self.decline_open(seconds);
    }

    fn decline_open(&self, seconds: f64) {
        let mut offers = Vec::new();
        self.heard.note(|notes| offers = std::mem::take(&mut notes.offers));
        if !offers.is_empty() {
            self.call(declined(offers.into_iter().map(|(_, offer)| offer.id), seconds));
        }
    }

    /// When the next offer came.
    pub fn next_offer(&self) -> Instant {
        self.wait("an offer", LIMIT, |notes| notes.offers.first().map(|(at, _)| *at))
    }

    /// Waits for a status of a task in this state; the newest one, and when it came.
    pub fn wait_for(&self, name: &str, state: TaskState) -> (Instant, TaskStatus) {
        self.wait_for_nth(name, state, 1)
    }

    /// Waits until a task was told to be in this state so many times.
    pub fn wait_for_nth(&self, name: &str, state: TaskState, count: usize) -> (Instant, TaskStatus) {
        let what = format!("`{name}` to be {} for the {count}. time", state.as_str_name());
        self.wait(&what, LIMIT, |notes| {
            let told = |(_, status): &&(Instant, TaskStatus)| {
                status.task_id.value == name && status.state() == state
            };
            notes.statuses.iter().filter(told).nth(count - 1).cloned()
        })
    }

    /// Every state that a task was told to be in, repetitions of an unacknowledged one left out.
    pub fn states(&self, name: &str) -> Vec<TaskState> {
        let notes = self.heard.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let of_task = notes.statuses.iter().filter(|(_, status)| status.task_id.value == name);
        let mut states: Vec<TaskState> = of_task.map(|(_, status)| status.state()).collect();
        states.dedup();
        states
    }

    /// The id that the master has given.
    pub fn framework(&self) -> String {
        self.wait("SUBSCRIBED", LIMIT, |notes| notes.framework.clone()).value
    }

    /// Agents that FAILURE events named.
    pub fn lost_agents(&self) -> Vec<String> {
        self.heard.notes.lock().unwrap_or_else(PoisonError::into_inner).lost_agents.clone()
    }

    /// Waits until a FAILURE event names an agent.
    pub fn wait_for_lost_agent(&self) -> String {
        self.wait("a FAILURE that names an agent", LIMIT, |notes| notes.lost_agents.first().cloned())
    }

    /// Whether the event stream is still there.
    pub fn is_subscribed(&self) -> bool {
        !self.heard.notes.lock().unwrap_or_else(PoisonError::into_inner).is_over
    }

    fn call(&self, call: scheduler::Call) {
        self.calls.send(call).unwrap();
    }

    fn wait<T>(&self, what: &str, limit: Duration, mut look: impl FnMut(&mut Notes) -> Option<T>) -> T {
        let until = Instant::now() + limit;
        let mut notes = self.heard.notes.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = look(&mut notes) {
                return found;
            }
            assert!(!notes.is_over, "{what}: the stream has ended; heard {}", notes.summary());
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what}: not within {limit:?}; heard {}", notes.summary());
            notes = self.heard.news.wait_timeout(notes, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Scheduler {
    /// Takes the framework down, so that its tasks end with the test.
    fn drop(&mut self) {
        let _ = self.calls.send(scheduler::Call {
            r#type: Some(scheduler::call::Type::Teardown.into()),
            ..Default::default()
        });
        if let Some(thread) = self.thread.take() {
            // A test that fails has the last word.
            let _ = thread.join();
        }
    }
}

impl Heard {
    fn note(&self, write: impl FnOnce(&mut Notes)) {
        write(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner));
        self.news.notify_all();
    }
}

impl Notes {
    fn summary(&self) -> String {
        let told = self.statuses.iter().map(|(_, status)| {
            format!("{} {} {}", status.task_id.value, status.state().as_str_name(), status.message())
        });
        format!("{} offers; {:?}; {:#?}", self.offers.len(), self.error, told.collect::<Vec<_>>())
    }
}

/// Notes events and sends calls until the stream or the scheduler ends.
async fn listen(
    client: Client,
    mut subscription: Subscription,
    mut asked: mpsc::UnboundedReceiver<scheduler::Call>,
    heard: &Heard,
) {
    let stream_id = subscription.stream_id().to_owned();
    let mut framework = None;
    loop {
        let call = tokio::select! {
            event = subscription.next() => {
                let Ok(Some(event)) = event else { return };
                if let Some(subscribed) = &event.subscribed {
                    framework = Some(subscribed.framework_id.clone());
                }
                let mut unwanted = None;
                heard.note(|notes| unwanted = notes.take(event.clone()));
                acknowledgement(&event).or(unwanted)
            }
            call = asked.recv() => Some(call.expect("the scheduler is dropped after its thread")),
        };
        let Some(call) = call else { continue };
        let is_last = call.r#type() == scheduler::call::Type::Teardown;
        let call = scheduler::Call { framework_id: framework.clone(), ..call };
        let answer = tokio::time::timeout(LIMIT, client.scheduler_call(&stream_id, &call)).await;
        if is_last {
            return;
        }
        answer.expect("an answer in time").expect("a call that is taken");
    }
}

impl Notes {
    /// Notes what the event says; the call that gives back its offers if they are not wanted.
    fn take(&mut self, event: scheduler::Event) -> Option<scheduler::Call> {
        let now = Instant::now();
        if let Some(subscribed) = event.subscribed {
            self.framework = Some(subscribed.framework_id);
        }
        self.offers.extend(event.offers.into_iter().flat_map(|o| o.offers).map(|offer| (now, offer)));
        if let Some(rescind) = event.rescind {
            self.offers.retain(|(_, offer)| offer.id != rescind.offer_id);
        }
        self.error = event.error.map(|error| error.message).or(self.error.take());
        self.statuses.extend(event.update.map(|update| (now, update.status)));
        self.lost_agents.extend(event.failure.and_then(|failure| failure.agent_id).map(|id| id.value));
        let unwanted = if self.rests { std::mem::take(&mut self.offers) } else { Vec::new() };
        (!unwanted.is_empty()).then(|| declined(unwanted.into_iter().map(|(_, offer)| offer.id), 0.0))
    }
}

/// Gives offers back, and wants none of their kind for so long.
fn declined(offers: impl Iterator<Item = v1::OfferId>, seconds: f64) -> scheduler::Call {
    scheduler::Call {
        r#type: Some(scheduler::call::Type::Decline.into()),
        decline: Some(scheduler::call::Decline {
            offer_ids: offers.collect(),
            filters: Some(v1::Filters { refuse_seconds: Some(seconds) }),
        }),
        ..Default::default()
    }
}

fn acknowledgement(event: &scheduler::Event) -> Option<scheduler::Call> {
    let status = &event.update.as_ref()?.status;
    Some(scheduler::Call {
        r#type: Some(scheduler::call::Type::Acknowledge.into()),
        acknowledge: Some(scheduler::call::Acknowledge {
            agent_id: status.agent_id.clone()?,
            task_id: status.task_id.clone(),
            uuid: status.uuid.clone()?,
        }),
        ..Default::default()
    })
}

fn framework(is_partition_aware: bool) -> FrameworkInfo {
    use framework_info::capability::Type;
    let mut capabilities = vec![Type::MultiRole];
    if is_partition_aware {
        capabilities.push(Type::PartitionAware);
    }
    let capability = |kind: Type| framework_info::Capability { r#type: Some(kind.into()) };
    FrameworkInfo {
        user: "root".to_owned(),
        name: "faults".to_owned(),
        checkpoint: Some(true),
        failover_timeout: Some(3600.0),
        roles: vec!["*".to_owned()],
        capabilities: capabilities.into_iter().map(capability).collect(),
        ..Default::default()
    }
}

fn task(wanted: &Wanted, offer: &v1::Offer) -> TaskInfo {
    let nanoseconds =
        |time: Duration| v1::DurationInfo { nanoseconds: i64::try_from(time.as_nanos()).unwrap_or(i64::MAX) };
    TaskInfo {
        name: wanted.name.clone(),
        task_id: v1::TaskId { value: wanted.name.clone() },
        agent_id: offer.agent_id.clone(),
        command: Some(CommandInfo { value: Some(wanted.command.clone()), ..Default::default() }),
        resources: vec![scalar("cpus", 0.1), scalar("mem", 32.0)],
        max_completion_time: wanted.max_completion.map(nanoseconds),
        kill_policy: wanted.kill_grace.map(|grace| v1::KillPolicy { grace_period: Some(nanoseconds(grace)) }),
        ..Default::default()
    }
}

fn scalar(name: &str, value: f64) -> v1::Resource {
    v1::Resource {
        name: name.to_owned(),
        r#type: v1::value::Type::Scalar.into(),
        scalar: Some(v1::value::Scalar { value }),
        ..Default::default()
    }
}

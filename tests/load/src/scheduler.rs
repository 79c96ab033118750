//! A framework of a benchmark, over the published API.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use mezzo_client::{Client, Subscription};
use mezzo_proto::mesos::v1::{
    self,
    offer::{Operation, operation},
    scheduler::{Call, Event, call, event},
};

/// Nothing takes longer on a machine that is alive.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A framework and its stream.
pub struct Scheduler {
    caller: Caller,
    events: Subscription,
}

/// What a framework says.
#[derive(Clone)]
pub struct Caller {
    client: Client,
    stream: String,
    id: v1::FrameworkId,
}

impl Scheduler {
    /// Subscribes a framework of this role.
    pub async fn subscribe(master: &str, role: &str) -> Result<Self> {
        use v1::framework_info::{Capability, capability::Type};
        let client = Client::new(master)?;
        let framework = v1::FrameworkInfo {
            user: "root".to_owned(),
            name: format!("load-{role}"),
            roles: vec![role.to_owned()],
            capabilities: vec![Capability { r#type: Some(Type::MultiRole.into()) }],
            ..Default::default()
        };
        let mut events = client.subscribe(framework).await?;
        let first = next(&mut events).await?;
        let id = first.subscribed.context("SUBSCRIBED comes first")?.framework_id;
        let stream = events.stream_id().to_owned();
        Ok(Self { caller: Caller { client, stream, id }, events })
    }

    /// Says things, also from elsewhere.
    pub fn caller(&self) -> Caller {
        self.caller.clone()
    }

    /// The next event that is no heartbeat.
    pub async fn next(&mut self) -> Result<Event> {
        loop {
            let event = next(&mut self.events).await?;
            if event.r#type() != event::Type::Heartbeat {
                return Ok(event);
            }
        }
    }

    /// The next offers; whatever comes before is answered as one who wants nothing else does.
    pub async fn offers(&mut self) -> Result<Vec<v1::Offer>> {
        loop {
            let event = self.next().await?;
            if let Some(offers) = event.offers {
                return Ok(offers.offers);
            }
            if let Some(update) = event.update {
                self.caller.acknowledge(&update.status).await?;
            }
        }
    }

    /// Waits until a task is in this state, and acknowledges what comes before. Offers are declined.
    pub async fn reached(&mut self, task: &str, state: v1::TaskState) -> Result<v1::TaskStatus> {
        loop {
            let event = self.next().await?;
            if let Some(offers) = event.offers {
                self.caller.decline(offers.offers).await?;
            }
            let Some(update) = event.update else { continue };
            let status = update.status;
            if status.task_id.value == task && status.state() == state {
                return Ok(status);
            }
            if is_bad(status.state()) {
                bail!(
                    "task `{}` came to {}: {}",
                    status.task_id.value,
                    status.state().as_str_name(),
                    status.message()
                );
            }
            self.caller.acknowledge(&status).await?;
        }
    }
}

impl Caller {
    /// Uses offers of one agent for these tasks. What is left is offered again at once.
    pub async fn launch(&self, offers: &[v1::Offer], tasks: Vec<v1::TaskInfo>) -> Result<()> {
        let launch = Operation {
            r#type: Some(operation::Type::Launch.into()),
            launch: Some(operation::Launch { task_infos: tasks }),
            ..Default::default()
        };
        self.call(Call {
            r#type: Some(call::Type::Accept.into()),
            accept: Some(call::Accept {
                offer_ids: offers.iter().map(|offer| offer.id.clone()).collect(),
                operations: vec![launch],
                filters: Some(v1::Filters { refuse_seconds: Some(0.0) }),
            }),
            ..Default::default()
        })
        .await
    }

    /// Gives offers back; they may come again at once.
    pub async fn decline(&self, offers: Vec<v1::Offer>) -> Result<()> {
        self.call(Call {
            r#type: Some(call::Type::Decline.into()),
            decline: Some(call::Decline {
                offer_ids: offers.into_iter().map(|offer| offer.id).collect(),
                filters: Some(v1::Filters { refuse_seconds: Some(0.0) }),
            }),
            ..Default::default()
        })
        .await
    }

    /// Confirms a status that wants to be.
    pub async fn acknowledge(&self, status: &v1::TaskStatus) -> Result<()> {
        let (Some(agent_id), Some(uuid)) = (status.agent_id.clone(), status.uuid.clone()) else {
            return Ok(());
        };
        self.call(Call {
            r#type: Some(call::Type::Acknowledge.into()),
            acknowledge: Some(call::Acknowledge { agent_id, task_id: status.task_id.clone(), uuid }),
            ..Default::default()
        })
        .await
    }

    /// Wants no offers.
    pub async fn suppress(&self) -> Result<()> {
        self.call(Call { r#type: Some(call::Type::Suppress.into()), ..Default::default() }).await
    }

    /// Wants offers.
    pub async fn revive(&self) -> Result<()> {
        self.call(Call { r#type: Some(call::Type::Revive.into()), ..Default::default() }).await
    }

    /// Asks for the state of a task; the answer is an UPDATE without a uuid.
    pub async fn reconcile(&self, task: &str) -> Result<()> {
        let task = call::reconcile::Task { task_id: v1::TaskId { value: task.to_owned() }, agent_id: None };
        self.call(Call {
            r#type: Some(call::Type::Reconcile.into()),
            reconcile: Some(call::Reconcile { tasks: vec![task] }),
            ..Default::default()
        })
        .await
    }

    async fn call(&self, mut call: Call) -> Result<()> {
        call.framework_id = Some(self.id.clone());
        Ok(self.client.scheduler_call(&self.stream, &call).await?)
    }
}

async fn next(events: &mut Subscription) -> Result<Event> {
    let event = tokio::time::timeout(PATIENCE, events.next()).await;
    event.context("no event for two minutes")??.context("the master has ended the stream")
}

/// Whether no task of a benchmark may come to this.
pub fn is_bad(state: v1::TaskState) -> bool {
    use v1::TaskState::*;
    !matches!(state, TaskStaging | TaskStarting | TaskRunning | TaskKilling | TaskFinished | TaskKilled)
}

/// A task that runs a program without a shell.
pub fn task(offer: &v1::Offer, id: &str, program: &[&str], cpus: f64, mem: f64) -> v1::TaskInfo {
    v1::TaskInfo {
        name: id.to_owned(),
        task_id: v1::TaskId { value: id.to_owned() },
        agent_id: offer.agent_id.clone(),
        resources: vec![scalar("cpus", cpus), scalar("mem", mem)],
        command: Some(v1::CommandInfo {
            shell: Some(false),
            value: program.first().map(|program| (*program).to_owned()),
            arguments: program.iter().map(|word| (*word).to_owned()).collect(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// So much of a resource.
pub fn scalar(name: &str, value: f64) -> v1::Resource {
    v1::Resource {
        name: name.to_owned(),
        r#type: v1::value::Type::Scalar.into(),
        scalar: Some(v1::value::Scalar { value }),
        ..Default::default()
    }
}

/// How many such tasks fit into offers of one agent.
pub fn fit(offers: &[v1::Offer], cpus: f64, mem: f64) -> usize {
    let times = |name: &str, each: f64| {
        let of_it = offers.iter().flat_map(|offer| &offer.resources).filter(|resource| resource.name == name);
        let sum: f64 = of_it.filter_map(|resource| Some(resource.scalar?.value)).sum();
        (sum / each + 1e-6) as usize
    };
    times("cpus", cpus).min(times("mem", mem))
}

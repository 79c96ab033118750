//! A scheduler that a test leads by the hand. It acknowledges what it hears.

use std::time::{Duration, Instant};

use mezzo_client::{Client, Subscription};
use mezzo_proto::mesos::v1::{
    self, ExecutorInfo, FrameworkInfo, TaskInfo, TaskState, TaskStatus,
    offer::{Operation, operation},
    scheduler::{Call, Event, call},
};

/// No healthy cluster takes longer to do one thing, however busy the machine.
const LIMIT: Duration = Duration::from_secs(60);

/// A subscribed framework and everything that it has heard.
pub struct Scheduler {
    runtime: tokio::runtime::Runtime,
    client: Client,
    subscription: Subscription,
    framework: Option<v1::FrameworkId>,
    pub offers: Vec<v1::Offer>,
    pub statuses: Vec<TaskStatus>,
    pub operations: Vec<v1::OperationStatus>,
    pub messages: Vec<String>,
    /// Executors that have ended, with their status.
    pub failures: Vec<(String, i32)>,
}

impl Scheduler {
    /// Subscribes to the master at this port.
    pub fn subscribe(port: u16, is_checkpointing: bool) -> Self {
        Self::subscribe_as(
            port,
            FrameworkInfo {
                user: "root".to_owned(),
                name: "executors".to_owned(),
                checkpoint: Some(is_checkpointing),
                failover_timeout: Some(3600.0),
                ..Default::default()
            },
        )
    }

    /// The same as this framework.
    pub fn subscribe_as(port: u16, framework: FrameworkInfo) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = Client::new(&format!("127.0.0.1:{port}")).unwrap();
        let subscription = runtime.block_on(client.subscribe(framework)).unwrap();
        let mut scheduler = Self {
            runtime,
            client,
            subscription,
            framework: None,
            offers: Vec::new(),
            statuses: Vec::new(),
            operations: Vec::new(),
            messages: Vec::new(),
            failures: Vec::new(),
        };
        scheduler.wait("SUBSCRIBED", |heard| heard.framework.is_some().then_some(()));
        scheduler
    }

    /// Launches a task from the next offer.
    pub fn launch(&mut self, task: TaskInfo) {
        self.accept(vec![Operation {
            r#type: Some(operation::Type::Launch.into()),
            launch: Some(operation::Launch { task_infos: vec![task] }),
            ..Default::default()
        }]);
    }

    /// Does these with the next offer; tasks go where it is.
    pub fn accept(&mut self, mut operations: Vec<Operation>) {
        let offer = self.wait("an offer", |heard| heard.offers.pop());
        for launch in operations.iter_mut().filter_map(|operation| operation.launch.as_mut()) {
            for task in &mut launch.task_infos {
                task.agent_id.clone_from(&offer.agent_id);
            }
        }
        self.call(Call {
            r#type: Some(call::Type::Accept.into()),
            accept: Some(call::Accept {
                offer_ids: vec![offer.id],
                operations,
                filters: Some(v1::Filters { refuse_seconds: Some(0.0) }),
            }),
            ..Default::default()
        });
    }

    /// Launches a task and waits until it runs.
    pub fn run(&mut self, task: TaskInfo) -> TaskStatus {
        let name = task.name.clone();
        self.launch(task);
        self.wait_for(&name, TaskState::TaskRunning)
    }

    /// Sends a KILL.
    pub fn kill(&mut self, task: &str) {
        self.kill_with(task, None);
    }

    /// Sends a KILL with a policy of its own.
    pub fn kill_within(&mut self, task: &str, grace: Duration) {
        let nanoseconds = grace.as_nanos() as i64;
        self.kill_with(task, Some(v1::KillPolicy { grace_period: Some(v1::DurationInfo { nanoseconds }) }));
    }

    fn kill_with(&mut self, task: &str, kill_policy: Option<v1::KillPolicy>) {
        self.call(Call {
            r#type: Some(call::Type::Kill.into()),
            kill: Some(call::Kill {
                task_id: v1::TaskId { value: task.to_owned() },
                agent_id: None,
                kill_policy,
            }),
            ..Default::default()
        });
    }

    /// Sends bytes to the executor of a task that has run, and waits for an answer.
    pub fn ask(&mut self, status: &TaskStatus, text: &str) -> String {
        self.tell(status, text);
        self.wait(&format!("an answer to `{text}`"), |heard| heard.messages.pop())
    }

    /// Sends bytes to the executor of a task that has run.
    pub fn tell(&mut self, status: &TaskStatus, text: &str) {
        self.call(Call {
            r#type: Some(call::Type::Message.into()),
            message: Some(call::Message {
                agent_id: status.agent_id.clone().unwrap(),
                executor_id: status.executor_id.clone().unwrap(),
                data: text.as_bytes().to_vec(),
            }),
            ..Default::default()
        });
    }

    /// Asks the executor of a task that has run to end.
    pub fn shut_down(&mut self, status: &TaskStatus) {
        self.call(Call {
            r#type: Some(call::Type::Shutdown.into()),
            shutdown: Some(call::Shutdown {
                agent_id: status.agent_id.clone().unwrap(),
                executor_id: status.executor_id.clone().unwrap(),
            }),
            ..Default::default()
        });
    }

    /// Waits for a status of a task in this state.
    pub fn wait_for(&mut self, task: &str, state: TaskState) -> TaskStatus {
        self.wait(&format!("`{task}` to be {}", state.as_str_name()), |heard| {
            let told = |status: &&TaskStatus| status.task_id.value == task && status.state() == state;
            heard.statuses.iter().find(told).cloned()
        })
    }

    /// Waits for a status of an operation in this state.
    pub fn wait_for_operation(&mut self, id: &str, state: v1::OperationState) -> v1::OperationStatus {
        self.wait(&format!("operation `{id}` to be {}", state.as_str_name()), |heard| {
            let told = |status: &&v1::OperationStatus| {
                status.operation_id.as_ref().is_some_and(|known| known.value == id) && status.state() == state
            };
            heard.operations.iter().find(told).cloned()
        })
    }

    /// Says that the last status of an operation was heard.
    pub fn acknowledge_operation(&mut self, id: &str) {
        let of_it = |status: &&v1::OperationStatus| {
            status.operation_id.as_ref().is_some_and(|known| known.value == id) && status.uuid.is_some()
        };
        let status = self.operations.iter().rev().find(of_it).cloned().expect("a status came");
        self.call(Call {
            r#type: Some(call::Type::AcknowledgeOperationStatus.into()),
            acknowledge_operation_status: Some(call::AcknowledgeOperationStatus {
                agent_id: status.agent_id,
                resource_provider_id: None,
                uuid: status.uuid.map(|uuid| uuid.value).unwrap_or_default(),
                operation_id: status.operation_id.unwrap_or_default(),
            }),
            ..Default::default()
        });
    }

    /// Waits for an offer with a persistent volume; it is the next to be used.
    pub fn wait_for_volume(&mut self) {
        let is_volume =
            |resource: &v1::Resource| resource.disk.as_ref().is_some_and(|disk| disk.persistence.is_some());
        self.wait("an offer with a volume", |heard| {
            let at = heard.offers.iter().position(|offer| offer.resources.iter().any(is_volume))?;
            let offer = heard.offers.remove(at);
            heard.offers.push(offer);
            Some(())
        });
    }

    /// Waits for the end of an executor: its status as wait(2) gives it.
    pub fn wait_for_failure(&mut self, executor: &str) -> i32 {
        self.wait(&format!("the end of `{executor}`"), |heard| {
            heard.failures.iter().find(|(name, _)| name == executor).map(|(_, status)| *status)
        })
    }

    /// The states that a task went through, and how many different updates said so.
    pub fn history(&self, task: &str) -> (Vec<TaskState>, usize) {
        let of_task = self.statuses.iter().filter(|status| status.task_id.value == task);
        let mut uuids: Vec<_> = of_task.clone().map(|status| status.uuid.clone()).collect();
        uuids.sort();
        uuids.dedup();
        let mut states: Vec<_> = of_task.map(|status| status.state()).collect();
        states.dedup();
        (states, uuids.len())
    }

    fn wait<T>(&mut self, what: &str, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        let until = Instant::now() + LIMIT;
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what}: not within {LIMIT:?}; heard {:#?}", self.statuses);
            let next = async { tokio::time::timeout(left, self.subscription.next()).await };
            // A limit that is over is told above.
            if let Ok(event) = self.runtime.block_on(next) {
                self.hear(event.unwrap().expect("the stream goes on"));
            }
        }
    }

    fn hear(&mut self, event: Event) {
        if let Some(subscribed) = event.subscribed {
            self.framework = Some(subscribed.framework_id);
        }
        self.offers.extend(event.offers.into_iter().flat_map(|offers| offers.offers));
        if let Some(rescind) = event.rescind {
            self.offers.retain(|offer| offer.id != rescind.offer_id);
        }
        if let Some(message) = event.message {
            self.messages.push(String::from_utf8(message.data).unwrap());
        }
        if let Some(failure) = event.failure
            && let Some(executor) = &failure.executor_id
        {
            self.failures.push((executor.value.clone(), failure.status()));
        }
        self.operations.extend(event.update_operation_status.map(|update| update.status));
        if let Some(update) = event.update {
            self.acknowledge(&update.status);
            self.statuses.push(update.status);
        }
    }

    fn acknowledge(&mut self, status: &TaskStatus) {
        let (Some(agent_id), Some(uuid)) = (status.agent_id.clone(), status.uuid.clone()) else { return };
        self.call(Call {
            r#type: Some(call::Type::Acknowledge.into()),
            acknowledge: Some(call::Acknowledge { agent_id, task_id: status.task_id.clone(), uuid }),
            ..Default::default()
        });
    }

    fn call(&mut self, call: Call) {
        let call = Call { framework_id: self.framework.clone(), ..call };
        let stream = self.subscription.stream_id().to_owned();
        self.runtime.block_on(self.client.scheduler_call(&stream, &call)).unwrap();
    }
}

/// A task with so many megabytes, for an executor.
pub fn task(name: &str, megabytes: f64, executor: &ExecutorInfo) -> TaskInfo {
    TaskInfo {
        name: name.to_owned(),
        task_id: v1::TaskId { value: name.to_owned() },
        resources: vec![scalar("cpus", 0.1), scalar("mem", megabytes)],
        executor: Some(executor.clone()),
        ..Default::default()
    }
}

/// One scalar resource.
pub fn scalar(name: &str, value: f64) -> v1::Resource {
    v1::Resource {
        name: name.to_owned(),
        r#type: v1::value::Type::Scalar.into(),
        scalar: Some(v1::value::Scalar { value }),
        ..Default::default()
    }
}

//! `mezzo run`: one task, from the terminal to a container and back.
//!
//! It is a scheduler of its own, as small as one can be: it takes the first offer that
//! holds what is wanted, launches, shows what happens, and ends with the task's exit code.

pub mod tail;

use std::{io::IsTerminal, time::Duration};

use anyhow::{Context, bail};
use mezzo_client::{Client, Subscription};
use mezzo_model::FrameworkId;
use mezzo_proto::mesos::v1::{self, scheduler};
use mezzo_resources::Resources;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep_until},
};

use super::ClientArgs;
use crate::output::{self, Paint};
use tail::Tail;

/// Before this nobody wonders why nothing happens.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs one task and ends with its exit code
#[derive(clap::Args, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// The task's name, and its id
    #[arg(long, default_value = "run")]
    name: String,
    /// What it needs, `cpus:0.5;mem:64`
    #[arg(long, default_value = "cpus:0.1;mem:32")]
    resources: String,
    /// A shell command
    #[arg(long, required_unless_present = "argv", conflicts_with = "argv")]
    command: Option<String>,
    /// Something to fetch into the sandbox first (repeat for more)
    #[arg(long = "uri", value_name = "URI")]
    uris: Vec<String>,
    /// The same, kept by the agent for others that fetch it too (repeat for more)
    #[arg(long = "cached-uri", value_name = "URI")]
    cached_uris: Vec<String>,
    /// NAME=VALUE for the task's environment (repeat for more)
    #[arg(long = "env", value_name = "NAME=VALUE")]
    environment: Vec<String>,
    /// The account it runs as, on the agent [default: yours]
    #[arg(long)]
    user: Option<String>,
    /// The role to be offered resources in
    #[arg(long, default_value = "*")]
    role: String,
    /// The program and its arguments, without a shell
    #[arg(last = true)]
    argv: Vec<String>,
}

/// Runs the task; the exit code is the task's own, 1 when it never came that far.
pub async fn run(args: RunArgs) -> anyhow::Result<u8> {
    let task = Wanted::from_args(&args)?;
    let client = Client::new(&args.client.master)?;
    let mut run = Run::subscribe(client, task, &args).await?;
    let outcome = run.follow().await;
    // The framework is ours alone; an error here changes nothing for the task that has ended.
    let _ = run.call(scheduler::call::Type::Teardown, |_| ()).await;
    outcome
}

/// What to launch, still without an agent.
struct Wanted {
    info: v1::TaskInfo,
    resources: Resources,
}

impl Wanted {
    fn from_args(args: &RunArgs) -> anyhow::Result<Self> {
        let resources = Resources::parse(&args.resources, "*").context("--resources")?;
        let mut command = v1::CommandInfo::default();
        match (&args.command, args.argv.split_first()) {
            (Some(line), _) => command.value = Some(line.clone()),
            (None, Some((program, _))) => {
                command.shell = Some(false);
                command.value = Some(program.clone());
                command.arguments = args.argv.clone();
            }
            (None, None) => bail!("nothing to run: give --command, or a program after `--`"),
        }
        for uri in &args.uris {
            command.uris.push(v1::command_info::Uri { value: uri.clone(), ..Default::default() });
        }
        for uri in &args.cached_uris {
            let uri = v1::command_info::Uri { value: uri.clone(), cache: Some(true), ..Default::default() };
            command.uris.push(uri);
        }
        if !args.environment.is_empty() {
            command.environment = Some(environment(&args.environment)?);
        }
        let info = v1::TaskInfo {
            name: args.name.clone(),
            task_id: v1::TaskId { value: args.name.clone() },
            command: Some(command),
            resources: resources.to_wire(),
            ..Default::default()
        };
        Ok(Self { info, resources })
    }
}

fn environment(pairs: &[String]) -> anyhow::Result<v1::Environment> {
    let variables = pairs.iter().map(|pair| {
        let (name, value) =
            pair.split_once('=').with_context(|| format!("--env `{pair}` is not of the form NAME=VALUE"))?;
        Ok(v1::environment::Variable {
            name: name.to_owned(),
            value: Some(value.to_owned()),
            ..Default::default()
        })
    });
    Ok(v1::Environment { variables: variables.collect::<anyhow::Result<_>>()? })
}

/// The subscription and what is known so far.
struct Run {
    client: Client,
    subscription: Subscription,
    framework: FrameworkId,
    task: Wanted,
    role: String,
    is_launched: bool,
    best_offer: Option<String>,
    tail: Option<Tail>,
    is_terminal: bool,
}

impl Run {
    async fn subscribe(client: Client, task: Wanted, args: &RunArgs) -> anyhow::Result<Self> {
        let user = match &args.user {
            Some(user) => user.clone(),
            None => nix::unistd::User::from_uid(nix::unistd::geteuid())?
                .map(|user| user.name)
                .context("this user has no name on this machine: give --user")?,
        };
        let info = v1::FrameworkInfo {
            user,
            name: format!("mezzo run {}", args.name),
            roles: vec![args.role.clone()],
            capabilities: [
                v1::framework_info::capability::Type::MultiRole,
                v1::framework_info::capability::Type::PartitionAware,
                v1::framework_info::capability::Type::TaskKillingState,
            ]
            .map(|t| v1::framework_info::Capability { r#type: Some(t as i32) })
            .into(),
            ..Default::default()
        };
        let mut subscription = client.subscribe(info).await?;
        let framework = match subscription.next().await? {
            Some(scheduler::Event { subscribed: Some(s), .. }) => FrameworkId::from(s.framework_id),
            Some(scheduler::Event { error: Some(e), .. }) => {
                bail!("the master refused to subscribe: {}", e.message)
            }
            _ => bail!("the master closed the stream before it said SUBSCRIBED"),
        };
        Ok(Self {
            client,
            subscription,
            framework,
            task,
            role: args.role.clone(),
            is_launched: false,
            best_offer: None,
            tail: None,
            is_terminal: std::io::stderr().is_terminal(),
        })
    }

    /// Handles events until the task has ended.
    async fn follow(&mut self) -> anyhow::Result<u8> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut impatient = Some(Instant::now() + PATIENCE);
        loop {
            tokio::select! {
                event = self.subscription.next() => {
                    let Some(event) = event? else { bail!("the master closed the event stream; the task's fate is unknown") };
                    if let Some(code) = self.event(event).await? {
                        return Ok(code);
                    }
                }
                _ = interrupt.recv() => self.kill().await?,
                () = sleep_until(impatient.unwrap_or_else(Instant::now)), if impatient.is_some() && !self.is_launched => {
                    impatient = None;
                    self.say_waiting();
                }
            }
        }
    }

    async fn event(&mut self, event: scheduler::Event) -> anyhow::Result<Option<u8>> {
        use scheduler::event::Type;
        match event.r#type() {
            Type::Offers => self.offers(event.offers.unwrap_or_default().offers).await.map(|()| None),
            Type::Update => match event.update {
                Some(update) => self.update(update.status).await,
                None => Ok(None),
            },
            Type::Error => {
                bail!("the master ended the subscription: {}", event.error.unwrap_or_default().message)
            }
            _ => Ok(None),
        }
    }

    async fn offers(&mut self, offers: Vec<v1::Offer>) -> anyhow::Result<()> {
        for offer in offers {
            let held = Resources::from_wire(&offer.resources).context("an offer")?;
            if self.is_launched || !held.without_allocation().contains(&self.task.resources) {
                self.best_offer = Some(held.without_allocation().to_string());
                self.call(scheduler::call::Type::Decline, |call| {
                    call.decline =
                        Some(scheduler::call::Decline { offer_ids: vec![offer.id], filters: None });
                })
                .await?;
                continue;
            }
            self.launch(offer).await?;
        }
        Ok(())
    }

    async fn launch(&mut self, offer: v1::Offer) -> anyhow::Result<()> {
        let mut info = self.task.info.clone();
        info.agent_id = offer.agent_id;
        info.resources = self.task.resources.allocated_to(self.role.as_str()).to_wire();
        self.is_launched = true;
        let address = offer.url.map(|url| {
            let ip = url.address.ip.clone().or(url.address.hostname.clone()).unwrap_or_default();
            format!("{ip}:{}", url.address.port)
        });
        self.say(Paint::Busy, &format!("launching on {}", address.as_deref().unwrap_or(&offer.hostname)));
        self.tail = address.map(|address| Tail::new(address, &self.framework, &info.task_id.value));
        let launch = v1::offer::Operation {
            r#type: Some(v1::offer::operation::Type::Launch as i32),
            launch: Some(v1::offer::operation::Launch { task_infos: vec![info] }),
            ..Default::default()
        };
        self.call(scheduler::call::Type::Accept, |call| {
            call.accept = Some(scheduler::call::Accept {
                offer_ids: vec![offer.id],
                operations: vec![launch],
                filters: None,
            });
        })
        .await
    }

    async fn update(&mut self, status: v1::TaskStatus) -> anyhow::Result<Option<u8>> {
        let state = status.state();
        self.show(&status);
        if state == v1::TaskState::TaskRunning
            && let Some(tail) = &mut self.tail
        {
            tail.start();
        }
        if let (Some(uuid), Some(agent_id)) = (status.uuid.clone(), status.agent_id.clone()) {
            let task_id = status.task_id.clone();
            self.call(scheduler::call::Type::Acknowledge, |call| {
                call.acknowledge = Some(scheduler::call::Acknowledge { agent_id, task_id, uuid });
            })
            .await?;
        }
        let Some(code) = exit_code(&status) else { return Ok(None) };
        if let Some(tail) = self.tail.take() {
            tail.finish().await;
        }
        Ok(Some(code))
    }

    async fn kill(&mut self) -> anyhow::Result<()> {
        if !self.is_launched {
            bail!("interrupted before the task was launched");
        }
        self.say(Paint::Busy, "killing the task; it gets its grace period");
        let task_id = self.task.info.task_id.clone();
        self.call(scheduler::call::Type::Kill, |call| {
            call.kill = Some(scheduler::call::Kill { task_id, agent_id: None, kill_policy: None });
        })
        .await
    }

    async fn call(
        &self,
        kind: scheduler::call::Type,
        fill: impl FnOnce(&mut scheduler::Call),
    ) -> anyhow::Result<()> {
        let mut call = scheduler::Call {
            framework_id: Some((&self.framework).into()),
            r#type: Some(kind as i32),
            ..Default::default()
        };
        fill(&mut call);
        Ok(self.client.scheduler_call(self.subscription.stream_id(), &call).await?)
    }

    fn show(&self, status: &v1::TaskStatus) {
        let state = status.state();
        let paint = match state {
            v1::TaskState::TaskFinished | v1::TaskState::TaskRunning => Paint::Good,
            v1::TaskState::TaskStaging | v1::TaskState::TaskStarting | v1::TaskState::TaskKilling => {
                Paint::Busy
            }
            _ => Paint::Bad,
        };
        let mut text = state.as_str_name().to_owned();
        if let Some(message) = status.message.as_deref().filter(|m| !m.is_empty()) {
            text.push_str(&format!(": {message}"));
        }
        self.say(paint, &text);
    }

    fn say(&self, paint: Paint, text: &str) {
        eprintln!("{}: {}", self.task.info.name, output::paint(paint, text, self.is_terminal));
    }

    fn say_waiting(&self) {
        let why = match &self.best_offer {
            Some(offer) => {
                format!("offers came, the last one held {offer}, but {} is wanted", self.task.resources)
            }
            None => "no offer has come; `mezzo status` shows what is free".to_owned(),
        };
        self.say(Paint::Busy, &format!("waiting: {why}"));
    }
}

/// The exit code of an ended task; `None` while it goes on.
///
/// A command's own code comes in the message (`Command exited with status N`); a signal is told
/// as shells do, 128 and its number; everything else that is not success is 1.
fn exit_code(status: &v1::TaskStatus) -> Option<u8> {
    use v1::TaskState as S;
    match status.state() {
        S::TaskStaging | S::TaskStarting | S::TaskRunning | S::TaskKilling | S::TaskUnreachable => None,
        S::TaskFinished => Some(0),
        S::TaskFailed
        | S::TaskKilled
        | S::TaskError
        | S::TaskLost
        | S::TaskDropped
        | S::TaskGone
        | S::TaskGoneByOperator
        | S::TaskUnknown => Some(code_in(status.message()).unwrap_or(1)),
    }
}

fn code_in(message: &str) -> Option<u8> {
    if let Some(rest) = message.strip_prefix("Command exited with status ") {
        return rest.trim().parse().ok();
    }
    let name = message.strip_prefix("Command terminated with signal ")?;
    let number = [
        ("Hangup", 1),
        ("Interrupt", 2),
        ("Quit", 3),
        ("Illegal instruction", 4),
        ("Aborted", 6),
        ("Bus error", 7),
        ("Floating point exception", 8),
        ("Killed", 9),
        ("Segmentation fault", 11),
        ("Broken pipe", 13),
        ("Alarm clock", 14),
        ("Terminated", 15),
    ]
    .into_iter()
    .find_map(|(text, number)| name.starts_with(text).then_some(number))?;
    Some(128 + number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(state: v1::TaskState, message: &str) -> Option<u8> {
        exit_code(&v1::TaskStatus {
            state: state as i32,
            message: Some(message.to_owned()),
            ..Default::default()
        })
    }

    #[test]
    fn the_exit_code_is_the_tasks_own() {
        assert_eq!(ended(v1::TaskState::TaskFinished, "Command exited with status 0"), Some(0));
        assert_eq!(ended(v1::TaskState::TaskFailed, "Command exited with status 3"), Some(3));
        assert_eq!(ended(v1::TaskState::TaskFailed, "Command terminated with signal Killed"), Some(137));
        assert_eq!(ended(v1::TaskState::TaskKilled, "Command terminated with signal Terminated"), Some(143));
        assert_eq!(ended(v1::TaskState::TaskError, "Task uses no resources"), Some(1));
        assert_eq!(ended(v1::TaskState::TaskRunning, ""), None);
    }

    #[test]
    fn an_environment_pair_without_equals_is_refused_by_name() {
        let error = environment(&["PATH".to_owned()]).expect_err("no value").to_string();
        assert_eq!(error, "--env `PATH` is not of the form NAME=VALUE");
    }
}

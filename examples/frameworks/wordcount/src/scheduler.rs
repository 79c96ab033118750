//! The conversation with the master, from SUBSCRIBE to TEARDOWN.
//!
//! Whatever goes wrong with a call or the stream has one remedy: subscribe again
//! under the same id and ask how our tasks are. Nothing is lost by that, because
//! the job knows each task before it is launched.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Result, anyhow, bail};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    Args,
    counts::{Counts, PIPELINE},
    job::{Job, Moved, Place},
    mesos::{self, Subscribed, Subscription},
    results, serve,
    show::Show,
    text::Text,
};

/// How long the master keeps our tasks while we are away.
const FAILOVER_TIMEOUT_SECS: f64 = 3600.0;
const RETRY_MIN: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(15);
/// So long may a master stay away before we say so and give up.
const PATIENCE: Duration = Duration::from_secs(600);

/// Runs the job to its end and returns what the cluster counted.
pub async fn run(args: &Args, job: Job, text: &Text, show: &Show) -> Result<Counts> {
    let (read, mut results) = mpsc::unbounded_channel();
    let mut scheduler = Scheduler {
        args,
        job,
        text,
        show,
        user: user()?,
        is_suppressed: false,
        unheard: BTreeSet::new(),
        counted: BTreeMap::new(),
        read,
    };
    let port = serve::start(args.ip, scheduler.job.port, text.clone()).await?;
    scheduler.job.port = Some(port);
    scheduler.job.save()?;
    if let Some(id) = scheduler.job.framework_id.clone() {
        show.line(&format!("Going on as framework {id}"));
        scheduler.job.finished().for_each(|(index, _)| scheduler.read_result(index));
    }

    let mut master = args.master.clone();
    let mut retry = Retry::new();
    loop {
        let ended = match unless_interrupted(mesos::subscribe(&master, &scheduler.framework_info())).await? {
            Ok(Subscribed::Elsewhere(leader)) => {
                master = leader;
                retry.pause().await?;
                continue;
            }
            Ok(Subscribed::Yes(subscription)) => {
                scheduler.serve(*subscription, &mut results, &mut retry).await
            }
            Err(error) => Ended::Broken(error),
        };
        match ended {
            Ended::Done => return Ok(scheduler.sum()),
            Ended::GivenUp(error) => return Err(error),
            Ended::Forgotten => scheduler.job.start_over(),
            Ended::Broken(error) => {
                show.line(&format!("{error:#}; trying again"));
                // Whoever sent us elsewhere may be wrong by now.
                master.clone_from(&args.master);
                retry.pause().await?;
            }
        }
    }
}

/// How a subscription ended.
enum Ended {
    /// Every piece is counted.
    Done,
    /// The job cannot be done.
    GivenUp(anyhow::Error),
    /// The master has removed our framework: we need a new one.
    Forgotten,
    /// Stream or call broke: the same again.
    Broken(anyhow::Error),
}

type ReadResult = (usize, Place, Result<Counts>);

struct Scheduler<'a> {
    args: &'a Args,
    job: Job,
    text: &'a Text,
    show: &'a Show,
    user: String,
    is_suppressed: bool,
    /// Tasks that the master has said nothing about since we subscribed.
    unheard: BTreeSet<String>,
    counted: BTreeMap<usize, Counts>,
    read: mpsc::UnboundedSender<ReadResult>,
}

impl Scheduler<'_> {
    /// Lives with one subscription until it ends.
    async fn serve(
        &mut self,
        mut master: Subscription,
        results: &mut mpsc::UnboundedReceiver<ReadResult>,
        retry: &mut Retry,
    ) -> Ended {
        let mut reconcile = Retry::new();
        let mut ask_again = Instant::now() + RETRY_MAX;
        loop {
            let turn = tokio::select! {
                event = master.next() => match event {
                    Ok(event) => {
                        if event["type"] == "SUBSCRIBED" {
                            *retry = Retry::new();
                            reconcile = Retry::new();
                            ask_again = Instant::now() + reconcile.next();
                        }
                        self.event(&master, &event).await
                    }
                    Err(error) => Err(Ended::Broken(error)),
                },
                Some((index, place, result)) = results.recv() => self.result(&master, index, &place, result).await,
                () = sleep_until(ask_again), if !self.unheard.is_empty() => {
                    ask_again = Instant::now() + reconcile.next();
                    self.reconcile(&master).await
                }
                _ = tokio::signal::ctrl_c() => Err(self.interrupted(&master).await),
            };
            self.show.progress(self.counted.len(), self.job.launched().count(), self.text.pieces());
            if let Err(ended) = turn {
                return ended;
            }
            if self.counted.len() == self.text.pieces() {
                // The work is done; a master that is away just now removes us after the time-out.
                let _ = self.call(&master, "TEARDOWN", Value::Null).await;
                return Ended::Done;
            }
        }
    }

    async fn event(&mut self, master: &Subscription, event: &Value) -> Result<(), Ended> {
        match event["type"].as_str().unwrap_or_default() {
            "SUBSCRIBED" => self.subscribed(master, text_of(&event["subscribed"]["framework_id"])).await,
            "OFFERS" => {
                for offer in event["offers"]["offers"].as_array().into_iter().flatten() {
                    self.offer(master, offer).await?;
                }
                self.suppress_if_idle(master).await
            }
            "UPDATE" => self.update(master, &event["update"]["status"]).await,
            "ERROR" => Err(self.error(event["error"]["message"].as_str().unwrap_or("no reason given"))),
            // Offers are used or declined at once, so none is left to be rescinded; what a FAILURE
            // means for our tasks comes as updates; the subscription itself counts heartbeats.
            _ => Ok(()),
        }
    }

    async fn subscribed(&mut self, master: &Subscription, framework_id: &str) -> Result<(), Ended> {
        if self.job.framework_id.as_deref() != Some(framework_id) {
            self.show.line(&format!("Subscribed as framework {framework_id}"));
            self.job.framework_id = Some(framework_id.to_owned());
            self.save()?;
        }
        self.is_suppressed = false;
        self.unheard = self.job.launched().map(|place| place.task_id.clone()).collect();
        self.reconcile(master).await
    }

    /// Asks how the tasks are that we have heard nothing of. A master that has just started may not
    /// know yet, and says nothing: then we ask again.
    async fn reconcile(&self, master: &Subscription) -> Result<(), Ended> {
        let tasks: Vec<_> = (self.job.launched())
            .filter(|place| self.unheard.contains(&place.task_id))
            .map(|place| json!({"task_id": {"value": place.task_id}, "agent_id": {"value": place.agent_id}}))
            .collect();
        if tasks.is_empty() {
            return Ok(());
        }
        self.call(master, "RECONCILE", json!({"tasks": tasks})).await
    }

    async fn offer(&mut self, master: &Subscription, offer: &Value) -> Result<(), Ended> {
        let room = (scalar(offer, "cpus") / self.args.cpus).min(scalar(offer, "mem") / self.args.mem);
        let room = (room + 1e-9).max(0.0) as usize;
        let address = &offer["url"]["address"];
        let host = address["ip"].as_str().or(address["hostname"].as_str()).unwrap_or_default();
        let launched =
            self.job.launch(room, text_of(&offer["agent_id"]), &format!("{host}:{}", address["port"]));
        if launched.is_empty() {
            return self.call(master, "DECLINE", json!({"offer_ids": [offer["id"]]})).await;
        }
        self.save()?;
        let tasks: Vec<_> = launched.iter().map(|(index, place)| self.task(*index, place)).collect();
        let launch = json!({"type": "LAUNCH", "launch": {"task_infos": tasks}});
        self.call(master, "ACCEPT", json!({"offer_ids": [offer["id"]], "operations": [launch]})).await
    }

    /// A command task: fetch the piece, count it, and give the result its name only when it is whole.
    fn task(&self, index: usize, place: &Place) -> Value {
        let port = self.job.port.unwrap_or_default();
        let uri = format!(
            "http://{}{}",
            std::net::SocketAddr::new(self.args.ip, port),
            serve::path(self.text, index)
        );
        let command = format!(
            "sleep {}; export LC_ALL=C; ( {PIPELINE} ) < {} > counts.part && mv counts.part counts.txt",
            self.args.linger,
            serve::file_name(index)
        );
        json!({
            "name": format!("count piece {index}"),
            "task_id": {"value": place.task_id},
            "agent_id": {"value": place.agent_id},
            "command": {"shell": true, "value": command, "uris": [{"value": uri, "extract": false}]},
            "resources": [
                {"name": "cpus", "type": "SCALAR", "scalar": {"value": self.args.cpus}},
                {"name": "mem", "type": "SCALAR", "scalar": {"value": self.args.mem}},
            ],
        })
    }

    async fn update(&mut self, master: &Subscription, status: &Value) -> Result<(), Ended> {
        let task_id = text_of(&status["task_id"]);
        let state = status["state"].as_str().unwrap_or_default();
        let message = status["message"].as_str().unwrap_or_default();
        self.unheard.remove(task_id);
        let moved = self.job.update(task_id, state, message, self.args.attempts);
        if moved != Moved::Nowhere {
            self.save()?;
        }
        if let Moved::Finished(index) = moved {
            // Before any call: a call that breaks ends this subscription, but not the reading.
            self.read_result(index);
        }
        if !status["uuid"].is_null() {
            let acknowledge =
                json!({"agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"]});
            self.call(master, "ACKNOWLEDGE", acknowledge).await?;
        }
        if let Moved::Again(_) = moved {
            self.show.line(&format!("{task_id}: {state} {message}; trying again"));
        }
        if moved == Moved::Stray {
            let kill = json!({"task_id": status["task_id"], "agent_id": status["agent_id"]});
            self.call(master, "KILL", kill).await?;
        }
        self.moved(master, moved).await
    }

    async fn result(
        &mut self,
        master: &Subscription,
        index: usize,
        place: &Place,
        result: Result<Counts>,
    ) -> Result<(), Ended> {
        match result {
            Ok(counts) => {
                self.counted.insert(index, counts);
                Ok(())
            }
            Err(error) => {
                self.show.line(&format!("{}: {error:#}; trying again", place.task_id));
                let moved = self.job.unreadable(index, self.args.attempts, &format!("{error:#}"));
                self.save()?;
                self.moved(master, moved).await
            }
        }
    }

    /// Does what follows from a change of the job.
    async fn moved(&mut self, master: &Subscription, moved: Moved) -> Result<(), Ended> {
        match moved {
            Moved::Nowhere | Moved::Stray | Moved::Finished(_) => Ok(()),
            Moved::Again(_) if self.is_suppressed => {
                self.is_suppressed = false;
                self.call(master, "REVIVE", Value::Null).await
            }
            Moved::Again(_) => Ok(()),
            Moved::Hopeless(why) => {
                let _ = self.call(master, "TEARDOWN", Value::Null).await;
                Err(Ended::GivenUp(anyhow!(why)))
            }
        }
    }

    /// Others may have what we cannot use.
    async fn suppress_if_idle(&mut self, master: &Subscription) -> Result<(), Ended> {
        if self.is_suppressed || self.job.is_waiting() {
            return Ok(());
        }
        self.is_suppressed = true;
        self.call(master, "SUPPRESS", Value::Null).await
    }

    /// Begins to read the result of a finished piece; it comes back as a [`ReadResult`].
    fn read_result(&self, index: usize) {
        let finished = self.job.finished().find(|(finished, _)| *finished == index);
        let Some((_, place)) = finished.map(|(index, place)| (index, place.clone())) else { return };
        let read = self.read.clone();
        tokio::spawn(async move {
            let result = results::read(&place).await;
            // Nobody listens any more only when the whole program ends.
            let _ = read.send((index, place, result));
        });
    }

    fn error(&self, message: &str) -> Ended {
        match message.contains("Framework has been removed") {
            true => Ended::Forgotten,
            false => Ended::GivenUp(anyhow!("the master says: {message}")),
        }
    }

    /// With a state file somebody means to go on; without one nobody can.
    async fn interrupted(&self, master: &Subscription) -> Ended {
        if self.args.state.is_none() {
            let _ = self.call(master, "TEARDOWN", Value::Null).await;
        }
        Ended::GivenUp(anyhow!("interrupted"))
    }

    async fn call(&self, master: &Subscription, kind: &str, body: Value) -> Result<(), Ended> {
        let framework_id = self.job.framework_id.as_deref().unwrap_or_default();
        master.call(framework_id, kind, body).await.map_err(Ended::Broken)
    }

    fn save(&self) -> Result<(), Ended> {
        self.job.save().map_err(Ended::GivenUp)
    }

    fn framework_info(&self) -> Value {
        let mut info = json!({
            "name": "wordcount",
            "user": self.user,
            "failover_timeout": FAILOVER_TIMEOUT_SECS,
            "checkpoint": true,
        });
        if let Some(id) = &self.job.framework_id {
            info["id"] = json!({"value": id});
        }
        info
    }

    fn sum(&self) -> Counts {
        let mut sum = Counts::default();
        self.counted.values().for_each(|counts| sum.merge(counts));
        sum
    }
}

/// Waits that grow, with some chance in them so that many schedulers do not come back at once.
struct Retry {
    wait: Duration,
    since: Option<Instant>,
}

impl Retry {
    fn new() -> Retry {
        Retry { wait: RETRY_MIN, since: None }
    }

    fn next(&mut self) -> Duration {
        let wait = self.wait;
        self.wait = (self.wait * 2).min(RETRY_MAX);
        let chance = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.subsec_nanos() % 1000);
        wait.mul_f64(0.75 + f64::from(chance) / 4000.0)
    }

    async fn pause(&mut self) -> Result<()> {
        if self.since.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
            bail!("no master for {} minutes: is it running?", PATIENCE.as_secs() / 60);
        }
        unless_interrupted(sleep(self.next())).await
    }
}

/// Waits for `work`, or for Ctrl-C.
pub async fn unless_interrupted<T>(work: impl Future<Output = T>) -> Result<T> {
    tokio::select! {
        done = work => Ok(done),
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    }
}

/// The `value` of an id.
fn text_of(id: &Value) -> &str {
    id["value"].as_str().unwrap_or_default()
}

/// How much of a scalar resource an offer holds.
fn scalar(offer: &Value, name: &str) -> f64 {
    let all = offer["resources"].as_array().into_iter().flatten();
    all.filter(|resource| resource["name"] == name)
        .filter_map(|resource| resource["scalar"]["value"].as_f64())
        .sum()
}

/// Tasks run as whoever runs us.
fn user() -> Result<String> {
    let output = std::process::Command::new("id").arg("-un").output()?;
    let name = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match name.is_empty() {
        true => bail!("`id -un` does not say who we are"),
        false => Ok(name),
    }
}

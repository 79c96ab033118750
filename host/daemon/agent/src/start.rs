//! From a configuration to a running agent, and its end.

use std::{
    borrow::Cow,
    future::Future,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    thread,
    time::Duration,
};

use mezzo_api::{AgentApi, Build, Process};
use mezzo_containers::{FetchRequest, Node, NodeConfig, NodeError};
use mezzo_core_agent::{Agent, AgentConfig, Exit, Found, Input, Stop, checkpoint};
use mezzo_disk::{Checkpoints, DiskError, WorkDir, WorkDirError};
use mezzo_fetcher::{Cache, CacheError};
use mezzo_http::{Running, ServeError, Server};
use mezzo_linux::{account, host};
use mezzo_resources::autodetect::Measured;
use mezzo_telemetry::{LogError, Metrics};
use tokio::{sync::oneshot, task::JoinHandle};

use mezzo_process::{Clock, LANES, seed};

use crate::{
    Inbox,
    backend::Backend,
    config::{Config, Recover},
    dial::{self, Links},
    outbox::Outbox,
    outside::Outside,
    sandboxes,
    streams::Streams,
    turn::Turns,
    waiting::Waiting,
};

/// The version of Mesos whose API is spoken.
const API_VERSION: &str = "1.11.0";
/// How long the last words to the master may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why an agent did not start, or had to end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// The log cannot be written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The work directory cannot be used.
    #[error(transparent)]
    WorkDir(#[from] WorkDirError),
    /// A checkpoint cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The address cannot be listened on.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Containers cannot be made.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// Files that tasks share cannot be kept.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The machine does not say what it must.
    #[error("cannot ask the machine for {what}")]
    Machine {
        /// What was asked.
        what: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The agent cannot go on without a person.
    #[error("{reason}; {remedy}")]
    Failed {
        /// What is wrong.
        reason: String,
        /// What to do about it.
        remedy: String,
    },
    /// The master has ended this agent: its tasks are gone and its id is void.
    #[error("the master has ended this agent: {reason}")]
    ShutDown {
        /// The master's words.
        reason: String,
    },
}

/// Runs an agent until `shutdown` says how to end, or it ends by itself. Starts the log.
///
/// `init` is the program of `bin/init` for this machine.
///
/// # Errors
///
/// When it cannot start, or ends otherwise than it was asked to.
pub async fn run(
    config: Config,
    init: impl Into<Cow<'static, [u8]>>,
    shutdown: impl Future<Output = Stop>,
) -> Result<(), AgentError> {
    let log_path = config.log.clone().start("mezzo-agent")?;
    let mut agent = AgentHandle::start(config, init, log_path.as_deref()).await?;
    tokio::select! {
        stop = shutdown => agent.end(stop),
        () = agent.ended() => {}
    }
    agent.wait().await
}

/// Ends with [`Stop::LeaveTasks`] when the process is told to end: SIGTERM or SIGINT.
///
/// # Errors
///
/// When signals cannot be listened to.
pub fn signals() -> io::Result<impl Future<Output = Stop>> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Stop::LeaveTasks
    })
}

/// A running agent.
pub struct AgentHandle {
    inbox: Arc<Inbox>,
    waiting: Arc<Waiting>,
    streams: Arc<Streams>,
    links: Arc<Links>,
    dialing: Arc<Mutex<Option<JoinHandle<()>>>>,
    server: Running,
    exit: Exited,
}

enum Exited {
    NotYet(oneshot::Receiver<Exit>),
    Already(Exit),
}

impl AgentHandle {
    /// Starts an agent: it takes its work directory, listens, recovers and looks for its master.
    ///
    /// # Errors
    ///
    /// When something is missing that it needs.
    pub async fn start(
        config: Config,
        init: impl Into<Cow<'static, [u8]>>,
        log_path: Option<&Path>,
    ) -> Result<Self, AgentError> {
        let work_dir = Arc::new(WorkDir::open(&config.work_dir)?);
        let checkpoints = Checkpoints::open(&work_dir, "meta")?;
        let found = Found {
            boot_id: host::boot_id().map_err(machine("its boot id"))?,
            checkpoints: checkpoints.load_all(|key| key.starts_with(checkpoint::TASKS))?,
            sandboxes: sandboxes::found(&work_dir),
        };
        let mut http = config.http.clone();
        // Not raised: tasks would inherit it.
        http.fit_open_files(mezzo_linux::open_files::allowed());
        let bound = Server::new(http).bind(config.listen).await?;
        let build = mezzo_telemetry::build(API_VERSION);
        let core = core_config(&config, bound.address(), log_path, &build)?;
        tracing::info!(address = %bound.address(), work_dir = %config.work_dir.display(), resources = %core.resources, "agent starts");

        let inbox = Arc::new(Inbox::new());
        let waiting = Arc::new(Waiting::default());
        let streams = Arc::new(Streams::default());
        let links = Arc::new(Links::default());
        let dialing = Arc::new(Mutex::new(None));
        let metrics = metrics(&inbox, &links);
        let node = start_node(&config, init.into(), &inbox, &metrics).await?;
        let process = Process { build, flags: core.flags.clone(), metrics: Metrics::clone(&metrics) };
        let outside = Arc::new(Outside {
            work_dir,
            node,
            links: Arc::clone(&links),
            waiting: Arc::clone(&waiting),
            streams: Arc::clone(&streams),
            inbox: Arc::clone(&inbox),
            metrics,
            runtime: tokio::runtime::Handle::current(),
            dial: dialer(&config, &inbox, &links, &dialing),
        });
        let outbox = Outbox::spawn(checkpoints, Arc::clone(&outside), Arc::clone(&inbox));
        let turns = Turns {
            agent: Agent::new(core),
            clock: Clock::start().with_offset_file(config.wall_clock_offset_file.clone()),
            inbox: Arc::clone(&inbox),
            outbox: outbox.map_err(machine("a thread"))?,
            outside,
        };
        let (exited, exit) = oneshot::channel();
        let spawned =
            thread::Builder::new().name("agent".to_owned()).spawn(move || drop(exited.send(turns.run())));
        spawned.map_err(machine("a thread"))?;
        inbox.push_now(Input::Start(found));
        if config.recover == Recover::Cleanup {
            inbox.push_now(Input::Stop(Stop::EndTasks));
        }
        let backend = Backend {
            inbox: Arc::clone(&inbox),
            waiting: Arc::clone(&waiting),
            streams: Arc::clone(&streams),
            stream_bytes_max: config.http.stream_bytes_max,
            next_number: AtomicU64::new(1),
        };
        let server = bound.serve(Arc::new(AgentApi::new(Arc::new(backend), process)));
        Ok(Self { inbox, waiting, streams, links, dialing, server, exit: Exited::NotYet(exit) })
    }

    /// Where the API listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Asks the agent to end and leave its tasks to the next one; [`AgentHandle::wait`] waits for it.
    pub fn shutdown(&self) {
        self.end(Stop::LeaveTasks);
    }

    /// Asks the agent to end its tasks, and then itself; [`AgentHandle::wait`] waits for it.
    pub fn shutdown_and_kill(&self) {
        self.end(Stop::EndTasks);
    }

    fn end(&self, stop: Stop) {
        self.inbox.push_now(Input::Stop(stop));
    }

    async fn ended(&mut self) {
        if let Exited::NotYet(exit) = &mut self.exit {
            // The thread says how it ended, or it panicked, which has been told by itself.
            let exit = exit.await.unwrap_or(Exit::Failed {
                reason: "the agent's own thread has ended".to_owned(),
                remedy: "see the log above, and report it: this is a bug".to_owned(),
            });
            self.exit = Exited::Already(exit);
        }
    }

    /// Waits for the end.
    ///
    /// # Errors
    ///
    /// When it ended otherwise than it was asked to.
    pub async fn wait(mut self) -> Result<(), AgentError> {
        self.ended().await;
        self.inbox.close();
        self.waiting.clear();
        self.streams.clear();
        self.links.close_current("the agent ends");
        let dialing = self.dialing.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(dialing) = dialing {
            let mut dialing = dialing;
            let farewell = async {
                while self.links.queued_bytes() > 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await
                }
            };
            let _ = tokio::time::timeout(FAREWELL, async {
                tokio::select! { () = farewell => {}, _ = &mut dialing => {} }
            })
            .await;
            dialing.abort();
        }
        self.server.stop().await;
        let Exited::Already(exit) = self.exit else { return Ok(()) };
        match exit {
            Exit::Stopped => Ok(()),
            Exit::ShutDown { reason } => Err(AgentError::ShutDown { reason }),
            Exit::Failed { reason, remedy } => Err(AgentError::Failed { reason, remedy }),
        }
    }
}

fn machine(what: &'static str) -> impl FnOnce(io::Error) -> AgentError {
    move |source| AgentError::Machine { what, source }
}

/// Which build this is.
/// What the core is told, now that everything is known.
fn core_config(
    config: &Config,
    address: SocketAddr,
    log_path: Option<&Path>,
    build: &Build,
) -> Result<AgentConfig, AgentError> {
    let text = |path: &Path| path.display().to_string();
    let measured = Measured {
        cpus_online: host::cpus_online().ok(),
        memory_bytes: host::memory_bytes().ok(),
        disk_bytes: host::disk_bytes(&config.work_dir).ok(),
    };
    let ip = config.advertise_ip.map_or_else(|| address.ip().to_string(), |ip| ip.to_string());
    let seed = seed().map_err(|error| machine("random bytes")(io::Error::other(error.to_string())))?;
    Ok(AgentConfig {
        seed,
        work_dir: text(&config.work_dir),
        hostname: config.hostname.clone(),
        ip,
        port: config.advertise_port.unwrap_or(address.port()),
        resources: config.given.complete(&measured, &config.default_role),
        attributes: config.attributes.clone(),
        isolation: config.isolation,
        switch_user: config.switch_user,
        agent_user: account::name_of(account::effective_uid()),
        base_environment: config.base_environment.clone(),
        frameworks_home: config.frameworks_home.as_deref().map(text),
        executor_shutdown_grace_period: config.executor_shutdown_grace_period,
        executor_registration_timeout: config.executor_registration_timeout,
        executor_reregistration_timeout: config.executor_reregistration_timeout,
        recovery_timeout: config.recovery_timeout,
        gc_delay: config.gc_delay,
        log_path: log_path.map(text),
        flags: config.flags.clone(),
        build: build.clone(),
    })
}

/// Starts the node on a thread that may wait: a launcher of a former agent may still be ending.
async fn start_node(
    config: &Config,
    init: Cow<'static, [u8]>,
    inbox: &Arc<Inbox>,
    metrics: &Metrics,
) -> Result<Node, AgentError> {
    let fetcher = Fetcher {
        stall_timeout: config.fetcher_stall_timeout,
        hadoop_home: config.hadoop_home.clone(),
        cache: open_cache(config, metrics).await?,
    };
    let good = metrics.counter("containerizer/fetcher/task_fetches_succeeded");
    let bad = metrics.counter("containerizer/fetcher/task_fetches_failed");
    let node = NodeConfig {
        runtime_dir: config.runtime_dir.clone(),
        work_dir: config.work_dir.clone(),
        launcher: config.launcher.clone(),
        init,
        runtime: tokio::runtime::Handle::current(),
        fetch: Arc::new(move |request| {
            let (good, bad, fetcher) = (good.clone(), bad.clone(), fetcher.clone());
            Box::pin(async move {
                let fetched = fetcher.fetch(request).await;
                if fetched.is_ok() {
                    good.increment()
                } else {
                    bad.increment()
                }
                fetched
            })
        }),
        destroy_timeout: config.cgroups_destroy_timeout,
    };
    let inbox = Arc::clone(inbox);
    let started = tokio::task::spawn_blocking(move || {
        Node::start(node, move |report| inbox.push_now(Input::Node(report)))
    });
    let started = started.await.map_err(|error| machine("a thread")(io::Error::other(error)))?;
    Ok(started?)
}

/// What tasks share of what they fetch, unless none of it is to be kept.
async fn open_cache(config: &Config, metrics: &Metrics) -> Result<Option<Cache>, AgentError> {
    let (directory, bytes_max) = (config.fetcher_cache_dir.clone(), config.fetcher_cache_bytes_max);
    if bytes_max == 0 {
        return Ok(None);
    }
    let opened = tokio::task::spawn_blocking(move || Cache::open(&directory, bytes_max)).await;
    let cache = opened.map_err(|error| machine("a thread")(io::Error::other(error)))??;
    let (total, used) = (cache.clone(), cache.clone());
    metrics.gauge("containerizer/fetcher/cache_size_total_bytes", move || total.bytes_max() as f64);
    metrics.gauge("containerizer/fetcher/cache_size_used_bytes", move || used.bytes_used() as f64);
    Ok(Some(cache))
}

/// What is the same for everything that is fetched.
#[derive(Clone)]
struct Fetcher {
    stall_timeout: Duration,
    hadoop_home: Option<PathBuf>,
    cache: Option<Cache>,
}

impl Fetcher {
    async fn fetch(self, request: FetchRequest) -> Result<(), String> {
        let wanted = mezzo_fetcher::FetchRequest {
            user: request.user,
            stall_timeout: self.stall_timeout,
            hadoop_home: self.hadoop_home,
            cache: self.cache,
            ..mezzo_fetcher::FetchRequest::new(request.items, request.sandbox)
        };
        mezzo_fetcher::fetch(wanted, |_| {}).await.map_err(|error| error.in_one_line())
    }
}

/// What begins to keep a link to the master, when the core says so.
fn dialer(
    config: &Config,
    inbox: &Arc<Inbox>,
    links: &Arc<Links>,
    dialing: &Arc<Mutex<Option<JoinHandle<()>>>>,
) -> Box<dyn Fn() + Send + Sync> {
    let (master, link, backoff) = (config.master.clone(), config.link.clone(), config.backoff);
    let (inbox, links, dialing) = (Arc::clone(inbox), Arc::clone(links), Arc::clone(dialing));
    let runtime = tokio::runtime::Handle::current();
    Box::new(move || {
        let task =
            dial::keep_dialing(master.clone(), link.clone(), backoff, Arc::clone(&links), Arc::clone(&inbox));
        *dialing.lock().unwrap_or_else(PoisonError::into_inner) = Some(runtime.spawn(task));
    })
}

fn metrics(inbox: &Arc<Inbox>, links: &Arc<Links>) -> Arc<Metrics> {
    let metrics = Metrics::new(mezzo_core_agent::metrics::declared());
    for (lane, name) in LANES {
        let inbox = Arc::clone(inbox);
        metrics.gauge(&format!("mezzo/agent/inbox_{name}"), move || inbox.waiting()[lane as usize] as f64);
    }
    let links = Arc::clone(links);
    metrics.gauge("mezzo/agent/link_queued_bytes", move || links.queued_bytes() as f64);
    Arc::new(metrics)
}

//! From a configuration to a master that answers, and to its end.

use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime},
};

use mezzo_api::{MasterApi, Process};
use mezzo_disk::{PluginFiles, Store, WorkDir, WorkDirError};
use mezzo_registry::Recovered;
use mezzo_slots::Digest;
use mezzo_telemetry::Metrics;
use tokio::sync::watch;

use mezzo_process::{Clock, LANES, unique_id, wall};

use crate::{
    Inbox,
    allocator::AllocatorHost,
    backend::Backend,
    config::{Allocator, Config, RegistryKind},
    front,
    links::Links,
    outbox::{Outbox, Outside},
    registry::Registry,
    streams::Streams,
    turn::{self, Ended},
    waiting::Waiting,
    watches::Watches,
};

/// Links that may wait to be taken up.
const LINKS_WAITING_MAX: usize = 1_024;

/// Why a master does not start, or ends.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MasterError {
    /// The address cannot be had.
    #[error(transparent)]
    Listen(#[from] mezzo_http::ServeError),
    /// The work directory is in use, or cannot be used.
    #[error(transparent)]
    WorkDir(#[from] mezzo_disk::WorkDirError),
    /// The registry's store cannot be used.
    #[error(transparent)]
    Store(#[from] mezzo_disk::StoreError),
    /// The registry's content cannot be understood. A master never starts on half of it.
    #[error("the registry cannot be read")]
    Registry(#[from] mezzo_registry::RecoverError),
    /// The file of `--allocator`.
    #[error("cannot read the allocator `{}`", path.display())]
    Allocator {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file of `--allocator` is none.
    #[error("cannot use `{}` of --allocator", path.display())]
    NoAllocator {
        /// The file.
        path: PathBuf,
        /// Why not, and what to do.
        #[source]
        source: mezzo_wasm::LoadError,
    },
    /// This machine cannot run plugins.
    #[error("plugins cannot be run on this machine")]
    Plugins(#[from] mezzo_wasm::LoadError),
    /// No thread, or no random bytes.
    #[error("the system refused {what}")]
    System {
        /// What was wanted.
        what: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// One of the threads that a master is made of has ended by itself: a bug, and the log says
    /// where. What is durable is so; start it again.
    #[error("the master has met a bug and cannot go on; its last words are on standard error")]
    Broken,
    /// An address that is not IPv4.
    #[error("`{0}` is not an IPv4 address, which is all that the API can tell")]
    NotIpv4(IpAddr),
}

/// A master that answers.
pub struct Master {
    address: SocketAddr,
    server: mezzo_http::Running,
    inbox: Arc<Inbox>,
    streams: Arc<Streams>,
    watches: Arc<Watches>,
    links: Arc<Links>,
    waiting: Arc<Waiting>,
    threads: Vec<JoinHandle<()>>,
    ended: watch::Receiver<bool>,
    _work_dir: Option<WorkDir>,
}

/// Runs a master until `shutdown` is ready, then ends it in order.
///
/// # Errors
///
/// When it cannot start, or cannot go on.
pub async fn run(
    config: Config,
    embedded_allocator: &'static [u8],
    shutdown: impl Future<Output = ()>,
) -> Result<(), MasterError> {
    let master = config.build(embedded_allocator).await?;
    tracing::info!(address = %master.address(), "the master is ready");
    let outcome = tokio::select! {
        () = shutdown => Ok(()),
        () = master.broken() => Err(MasterError::Broken),
    };
    tracing::info!("the master ends");
    master.stop().await;
    outcome
}

impl Config {
    /// Starts the master; when this returns, it answers.
    ///
    /// # Errors
    ///
    /// When the address, the work directory, the registry or the plugins cannot be used.
    pub async fn build(self, embedded_allocator: &'static [u8]) -> Result<Master, MasterError> {
        let mut http = self.http.clone();
        // The master starts no processes, so nobody inherits the raised limit.
        http.fit_open_files(mezzo_linux::open_files::raise());
        let bound = mezzo_http::Server::new(http).bind(self.listen).await?;
        let (begun, kept) = (Instant::now(), Kept::open(&self)?);
        let fetched = begun.elapsed();
        let metrics = Metrics::new(mezzo_core_master::metrics::declared());
        of_registry(&metrics, &kept.registry, fetched);
        let inbox = Arc::new(Inbox::new());
        let (streams, waiting) = (Arc::new(Streams::default()), Arc::new(Waiting::default()));
        let watches = Watches::new(Arc::clone(&inbox), &metrics, self.http.stream_bytes_max);
        let links = Links::new(Arc::clone(&inbox));
        let plugins = self.plugins(embedded_allocator)?;
        let cache_dir = kept.work_dir.as_ref().map(plugin_cache);
        let (allocator, order) =
            AllocatorHost::new(plugins, kept.files()?, cache_dir.as_deref(), Arc::clone(&inbox), &metrics)?;
        if let Allocator::File(path) = &self.allocator {
            let refused = |source| MasterError::NoAllocator { path: path.clone(), source };
            order.first().map_or(Ok(()), |wanted| allocator.check(wanted)).map_err(refused)?;
        }
        let slots = kept.recovered.slots.values();
        allocator.recover(slots.flat_map(|slot| &slot.chosen).map(|(digest, _)| Digest(*digest)));
        allocator.prepare();
        let desk = allocator.desk();

        let clock = Clock::start().with_offset_file(self.wall_clock_offset_file.clone());
        let core_config = self.told(bound.address())?;
        let process = Process {
            build: core_config.build.clone(),
            flags: core_config.flags.clone(),
            metrics: metrics.clone(),
        };
        let address = format!("{}:{}", core_config.hostname, core_config.port);
        let (core, first) = mezzo_core_master::Master::new(core_config, kept.recovered, &order, clock.now());

        let outside = Outside {
            inbox: Arc::clone(&inbox),
            waiting: Arc::clone(&waiting),
            streams: Arc::clone(&streams),
            watches: Arc::clone(&watches),
            links: Arc::clone(&links),
            metrics: metrics.clone(),
            runtime: tokio::runtime::Handle::current(),
        };
        let (ended, has_ended) = watch::channel(false);
        let thread_failed = |source| MasterError::System { what: "a thread", source };
        let outbox = Outbox::new(outside, kept.registry, allocator).map_err(thread_failed)?;
        let turn_thread = turn::spawn(core, first, clock, Arc::clone(&inbox), outbox, &metrics, Ended(ended))
            .map_err(thread_failed)?;

        let backend = Arc::new(Backend {
            inbox: Arc::clone(&inbox),
            waiting: Arc::clone(&waiting),
            streams: Arc::clone(&streams),
            watches: Arc::clone(&watches),
            address,
            log_path: self
                .log
                .directory
                .as_ref()
                .map(|dir| dir.join(format!("{}.log", crate::log::PROGRAM)).display().to_string()),
            stream_bytes_max: self.http.stream_bytes_max,
            next_number: AtomicU64::new(1),
            desk,
        });
        gauges(&metrics, &inbox, &streams, &links, &waiting);
        {
            let watches = Arc::clone(&watches);
            metrics.gauge("master/operator_event_stream_subscribers", move || watches.len() as f64);
        }
        let (acceptor, opened) = mezzo_link::Acceptor::new(self.link.clone(), LINKS_WAITING_MAX);
        tokio::spawn(Arc::clone(&links).serve(opened));
        let api = MasterApi::new(backend, process);
        let address = bound.address();
        let server = bound.serve(front::service(api, acceptor));
        let threads = vec![turn_thread];
        Ok(Master {
            address,
            server,
            inbox,
            streams,
            watches,
            links,
            waiting,
            threads,
            ended: has_ended,
            _work_dir: kept.work_dir,
        })
    }

    /// What the core is told of this start.
    fn told(&self, bound: SocketAddr) -> Result<mezzo_core_master::MasterConfig, MasterError> {
        let no_chance =
            |_| MasterError::System { what: "random bytes", source: io::Error::other("getrandom") };
        let IpAddr::V4(ip) = bound.ip() else { return Err(MasterError::NotIpv4(bound.ip())) };
        let mut core = self.core.clone();
        core.master_id = unique_id().map_err(no_chance)?;
        core.seed = getrandom::u64().map_err(no_chance)?;
        core.ip = self.advertise_ip.unwrap_or_else(|| told_ip(ip));
        core.port = self.advertise_port.unwrap_or(bound.port());
        core.hostname = self.hostname.clone();
        core.build = mezzo_telemetry::build(&core.build.version);
        core.start_time_seconds = wall(SystemTime::now()).seconds();
        Ok(core)
    }

    /// The allocators there are, the wanted one first.
    fn plugins(&self, embedded: &'static [u8]) -> Result<Vec<Arc<[u8]>>, MasterError> {
        let mut plugins: Vec<Arc<[u8]>> = Vec::new();
        if let Allocator::File(path) = &self.allocator {
            let bytes = std::fs::read(path)
                .map_err(|source| MasterError::Allocator { path: path.clone(), source })?;
            plugins.push(bytes.into());
        }
        plugins.push(embedded.into());
        Ok(plugins)
    }
}

impl Master {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it cannot go on, which is a bug.
    pub async fn broken(&self) {
        let _ = self.ended.clone().wait_for(|has_ended| *has_ended).await;
    }

    /// Ends it: what was decided leaves, clients are disconnected, the registry is closed.
    pub async fn stop(self) {
        self.inbox.close();
        for thread in self.threads {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        self.waiting.clear();
        self.streams.clear();
        self.watches.clear();
        self.links.clear("the master ends");
        self.server.stop().await;
    }
}

/// What a start finds on the disk.
struct Kept {
    work_dir: Option<WorkDir>,
    registry: Registry,
    recovered: Recovered,
}

impl Kept {
    fn open(config: &Config) -> Result<Self, MasterError> {
        match config.registry {
            RegistryKind::Memory => {
                Ok(Self { work_dir: None, registry: Registry::Memory, recovered: Recovered::default() })
            }
            RegistryKind::Disk => {
                let work_dir = WorkDir::open(&config.work_dir)?;
                let store = Store::open(&work_dir)?;
                let recovered = Recovered::decode(store.load_all()?)?;
                Ok(Self { work_dir: Some(work_dir), registry: Registry::Disk(store), recovered })
            }
        }
    }
}

impl Kept {
    /// Where the plugins lie that operators have chosen.
    fn files(&self) -> Result<Option<PluginFiles>, WorkDirError> {
        self.work_dir.as_ref().map(PluginFiles::open).transpose().map_err(WorkDirError::Disk)
    }
}

/// The address that others are told: of a master that listens on all of the machine's, the one
/// that the way out of the machine begins at.
fn told_ip(listening: Ipv4Addr) -> Ipv4Addr {
    if !listening.is_unspecified() {
        return listening;
    }
    // Connecting a datagram socket sends nothing; it only asks the routing table. The address
    // is one of those kept for documentation.
    let outward = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    match outward.map(|address| address.ip()) {
        Ok(IpAddr::V4(ip)) => ip,
        Ok(IpAddr::V6(_)) | Err(_) => Ipv4Addr::LOCALHOST,
    }
}

/// Where compiled plugins lie. Without the directory above it they are compiled at every start,
/// which the host says.
fn plugin_cache(work_dir: &WorkDir) -> PathBuf {
    let plugins = work_dir.path().join("plugins");
    let _ = std::fs::create_dir_all(&plugins);
    plugins.join("compiled")
}

/// What is known of the registry once it was read.
fn of_registry(metrics: &Metrics, registry: &Registry, fetched: Duration) {
    metrics.gauge("registrar/state_fetch_ms", move || fetched.as_secs_f64() * 1000.0);
    // There is one replica, and a master that starts has read it.
    metrics.gauge("registrar/log/recovered", || 1.0);
    metrics.gauge("registrar/log/ensemble_size", || 1.0);
    if let Registry::Disk(store) = registry {
        let path = store.path().to_owned();
        metrics.gauge("registrar/registry_size_bytes", move || {
            std::fs::metadata(&path).map_or(0.0, |file| file.len() as f64)
        });
    }
}

fn gauges(
    metrics: &Metrics,
    inbox: &Arc<Inbox>,
    streams: &Arc<Streams>,
    links: &Arc<Links>,
    waiting: &Arc<Waiting>,
) {
    for (lane, name) in LANES {
        let inbox = Arc::clone(inbox);
        metrics.gauge(&format!("mezzo/master/inbox/{name}"), move || inbox.waiting()[lane as usize] as f64);
    }
    // What Mesos has in one queue waits in lanes here.
    for (lane, name) in [(0, "messages"), (1, "dispatches"), (2, "http_requests")] {
        let inbox = Arc::clone(inbox);
        metrics.gauge(&format!("master/event_queue_{name}"), move || inbox.waiting()[lane] as f64);
    }
    let (streams, links, waiting) = (Arc::clone(streams), Arc::clone(links), Arc::clone(waiting));
    metrics.gauge("mezzo/master/streams", move || streams.len() as f64);
    metrics.gauge("mezzo/master/links", move || links.len() as f64);
    metrics.gauge("mezzo/master/requests_waiting", move || waiting.len() as f64);
}

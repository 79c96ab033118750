//! What the flags mean.

mod isolation;
mod resources;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use mezzo_containers::LauncherKind;
use mezzo_core_agent::IsolationConfig;
use mezzo_proto::mesos::v1;
use mezzo_resources::autodetect::Given;
use mezzo_telemetry::{Level, Log};

use mezzo_process::flags::{FlagError, HttpFlags, bytes, bytes_text, duration, duration_text};

use crate::flags::RawAgentFlags;

/// An agent that can be started. Nothing in it can be wrong, though the world may be.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// What others are told instead.
    pub advertise_ip: Option<Ipv4Addr>,
    /// What others are told instead.
    pub advertise_port: Option<u16>,
    /// The name others are told.
    pub hostname: String,
    /// The master.
    pub master: MasterAddress,
    /// Where sandboxes and checkpoints lie: absolute.
    pub work_dir: PathBuf,
    /// Where containers keep what must survive the agent: absolute.
    pub runtime_dir: PathBuf,
    /// What is offered, as far as it was said; the rest is measured.
    pub given: Given,
    /// For resources that name no role.
    pub default_role: String,
    /// What the agent says of itself.
    pub attributes: Vec<v1::Attribute>,
    /// How containers are kept apart.
    pub isolation: IsolationConfig,
    /// How they are made.
    pub launcher: LauncherKind,
    /// Whether tasks run as their own users.
    pub switch_user: bool,
    /// What tasks start with in their environment.
    pub base_environment: Vec<(String, String)>,
    /// Between SIGTERM and SIGKILL when a framework or executor is shut down.
    pub executor_shutdown_grace_period: Duration,
    /// How long a new executor may take to subscribe.
    pub executor_registration_timeout: Duration,
    /// How long the executors of an earlier life may take to subscribe again.
    pub executor_reregistration_timeout: Duration,
    /// How long an executor goes on without its agent.
    pub recovery_timeout: Duration,
    /// Put before relative URIs.
    pub frameworks_home: Option<PathBuf>,
    /// When a download that brings nothing is given up.
    pub fetcher_stall_timeout: Duration,
    /// Where Hadoop's client is.
    pub hadoop_home: Option<PathBuf>,
    /// Where files that tasks share are kept: absolute.
    pub fetcher_cache_dir: PathBuf,
    /// How much of them is kept; 0: none.
    pub fetcher_cache_bytes_max: u64,
    /// How long sandboxes are kept.
    pub gc_delay: Duration,
    /// When the end of a container takes too long.
    pub cgroups_destroy_timeout: Duration,
    /// Bound of the first wait before the master is dialled again.
    pub backoff: Duration,
    /// What becomes of the tasks of an earlier life.
    pub recover: Recover,
    /// The log.
    pub log: Log,
    /// The flags in force, as `/state` shows them.
    pub flags: Vec<(String, String)>,
    /// The limits of the HTTP server.
    pub http: mezzo_http::Config,
    /// The limits of the link.
    pub link: mezzo_link::Config,
    /// What the wall clock is off by, for tests.
    pub wall_clock_offset_file: Option<PathBuf>,
}

/// How the master is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MasterAddress {
    /// `host:port`
    Fixed(String),
    /// A file that holds it, read again before each attempt.
    File(PathBuf),
}

/// What becomes of the tasks of an earlier life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recover {
    /// They go on.
    Reconnect,
    /// They are ended, and the agent exits.
    Cleanup,
}

const MASTER_PORT: u16 = 5050;
const AGENT_PORT: u16 = 5051;
/// Enough for large programs and little enough that a fork bomb leaves the machine alone.
const PIDS_MAX: u64 = 10_000;
const WORK_DIR: &str = "/var/lib/mezzo/agent";
/// As Mesos has it.
const FETCHER_CACHE_BYTES_MAX: u64 = 2 << 30;
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl RawAgentFlags {
    /// What these flags mean.
    ///
    /// # Errors
    ///
    /// Names the first flag that has no meaning, or that is not implemented.
    pub fn into_config(self) -> Result<Config, FlagError> {
        self.refused.check("--")?;
        let is_root = mezzo_linux::account::effective_uid() == 0;
        let ip = self.ip.unwrap_or(Ipv4Addr::LOCALHOST);
        let default_role = self.default_role.clone().unwrap_or_else(|| "*".to_owned());
        let (isolation, launcher) = isolation::isolation(&self, is_root)?;
        only("containerizers", self.containerizers.as_deref(), "mesos", "docker's is not implemented yet")?;
        let policy = self.reconfiguration_policy.as_deref();
        only("reconfiguration_policy", policy, "equal", "`additive` is not implemented yet")?;
        let seconds = Duration::from_secs;
        let mut config = Config {
            listen: SocketAddr::new(IpAddr::V4(ip), self.port.unwrap_or(AGENT_PORT)),
            advertise_ip: self.advertise_ip,
            advertise_port: self.advertise_port,
            hostname: self.hostname.clone().unwrap_or_else(|| default_hostname(ip, self.hostname_lookup)),
            master: master_address(self.master.as_deref())?,
            work_dir: absolute("work_dir", self.work_dir.as_deref(), Path::new(WORK_DIR))?,
            runtime_dir: absolute("runtime_dir", self.runtime_dir.as_deref(), &default_runtime_dir(is_root))?,
            given: resources::given(self.resources.as_deref(), &default_role)?,
            default_role,
            attributes: resources::attributes(self.attributes.as_deref())?,
            isolation,
            launcher,
            switch_user: !self.no_switch_user && self.switch_user.unwrap_or(true),
            base_environment: environment(self.executor_environment_variables.as_deref())?,
            executor_shutdown_grace_period: time(
                "executor_shutdown_grace_period",
                self.executor_shutdown_grace_period.as_deref(),
                seconds(5),
            )?,
            executor_registration_timeout: time(
                "executor_registration_timeout",
                self.executor_registration_timeout.as_deref(),
                seconds(60),
            )?,
            executor_reregistration_timeout: reregistration_timeout(
                self.executor_reregistration_timeout.as_deref(),
            )?,
            recovery_timeout: time("recovery_timeout", self.recovery_timeout.as_deref(), seconds(15 * 60))?,
            frameworks_home: self.frameworks_home.clone(),
            fetcher_stall_timeout: time(
                "fetcher_stall_timeout",
                self.fetcher_stall_timeout.as_deref(),
                seconds(60),
            )?,
            hadoop_home: self.hadoop_home.clone().filter(|home| !home.as_os_str().is_empty()),
            fetcher_cache_dir: absolute(
                "fetcher_cache_dir",
                self.fetcher_cache_dir.as_deref(),
                &self.work_dir.as_deref().unwrap_or(Path::new(WORK_DIR)).join("fetch"),
            )?,
            fetcher_cache_bytes_max: self.fetcher_cache_size.as_deref().map_or(
                Ok(FETCHER_CACHE_BYTES_MAX),
                |text| {
                    bytes(text)
                        .map(|bytes| bytes as u64)
                        .map_err(|why| FlagError::value("fetcher_cache_size", why))
                },
            )?,
            gc_delay: time("gc_delay", self.gc_delay.as_deref(), seconds(7 * 24 * 3600))?,
            cgroups_destroy_timeout: time(
                "cgroups_destroy_timeout",
                self.cgroups_destroy_timeout.as_deref(),
                seconds(60),
            )?,
            backoff: time(
                "registration_backoff_factor",
                self.registration_backoff_factor.as_deref(),
                seconds(1),
            )?,
            recover: recover(self.recover.as_deref())?,
            log: self.log()?,
            flags: Vec::new(),
            http: self.http.config()?,
            link: mezzo_link::Config::default(),
            wall_clock_offset_file: self.wall_clock_offset_file.clone(),
        };
        config.flags = self.in_force(&config);
        Ok(config)
    }

    fn log(&self) -> Result<Log, FlagError> {
        let level = match &self.logging_level {
            None => Level::default(),
            Some(text) => text.parse().map_err(|why: String| FlagError::value("logging_level", why))?,
        };
        Ok(Log { level, is_quiet: self.quiet.unwrap_or(false), directory: self.log_dir.clone() })
    }

    /// The flags that `/state` shows, in the order of the alphabet.
    fn in_force(&self, config: &Config) -> Vec<(String, String)> {
        let path = |path: &Path| path.display().to_string();
        let mut flags = vec![
            ("cgroups_destroy_timeout", duration_text(config.cgroups_destroy_timeout)),
            ("cgroups_enable_cfs", config.isolation.cfs.to_string()),
            ("containerizers", "mesos".to_owned()),
            ("default_role", config.default_role.clone()),
            ("executor_registration_timeout", duration_text(config.executor_registration_timeout)),
            ("executor_reregistration_timeout", duration_text(config.executor_reregistration_timeout)),
            ("executor_shutdown_grace_period", duration_text(config.executor_shutdown_grace_period)),
            ("fetcher_cache_dir", path(&config.fetcher_cache_dir)),
            ("fetcher_cache_size", bytes_text(config.fetcher_cache_bytes_max as usize)),
            ("fetcher_stall_timeout", duration_text(config.fetcher_stall_timeout)),
            ("frameworks_home", config.frameworks_home.as_deref().map(path).unwrap_or_default()),
            ("gc_delay", duration_text(config.gc_delay)),
            ("hadoop_home", config.hadoop_home.as_deref().map(path).unwrap_or_default()),
            ("hostname", config.hostname.clone()),
            ("hostname_lookup", self.hostname_lookup.unwrap_or(true).to_string()),
            ("ip", config.listen.ip().to_string()),
            ("isolation", isolation::names(self.isolation.as_deref(), config.isolation.is_linux)),
            ("launcher", if config.isolation.is_linux { "linux" } else { "posix" }.to_owned()),
            ("logging_level", self.logging_level.clone().unwrap_or_else(|| "INFO".to_owned())),
            ("master", self.master.clone().unwrap_or_default()),
            ("port", config.listen.port().to_string()),
            ("quiet", self.quiet.unwrap_or(false).to_string()),
            ("reconfiguration_policy", "equal".to_owned()),
            ("recover", if config.recover == Recover::Cleanup { "cleanup" } else { "reconnect" }.to_owned()),
            ("recovery_timeout", duration_text(config.recovery_timeout)),
            ("registration_backoff_factor", duration_text(config.backoff)),
            ("runtime_dir", path(&config.runtime_dir)),
            ("switch_user", config.switch_user.to_string()),
            ("work_dir", path(&config.work_dir)),
        ];
        if let LauncherKind::Linux { cgroups_hierarchy, cgroups_root, .. } = &config.launcher {
            flags.push(("cgroups_hierarchy", path(cgroups_hierarchy)));
            flags.push(("cgroups_root", cgroups_root.clone()));
        }
        let given = [
            ("advertise_ip", self.advertise_ip.map(|ip| ip.to_string())),
            ("advertise_port", self.advertise_port.map(|port| port.to_string())),
            ("attributes", self.attributes.clone()),
            ("cgroups_pids_max", config.isolation.pids_max.map(|most| most.to_string())),
            ("executor_environment_variables", self.executor_environment_variables.clone()),
            ("log_dir", self.log_dir.as_deref().map(path)),
            ("resources", self.resources.clone()),
        ];
        flags.extend(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
        flags.extend(HttpFlags::in_force(&config.http));
        flags.sort();
        flags.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

fn time(name: &str, text: Option<&str>, default: Duration) -> Result<Duration, FlagError> {
    text.map_or(Ok(default), |text| duration(text).map_err(|why| FlagError::value(name, why)))
}

/// Mesos's bound: meanwhile the agent's tasks are in doubt.
fn reregistration_timeout(text: Option<&str>) -> Result<Duration, FlagError> {
    const NAME: &str = "executor_reregistration_timeout";
    const MOST: Duration = Duration::from_secs(15);
    let given = time(NAME, text, Duration::from_secs(2))?;
    if given > MOST {
        let (given, most) = (duration_text(given), duration_text(MOST));
        return Err(FlagError::value(NAME, format!("it is {given}, and must not be more than {most}")));
    }
    Ok(given)
}

fn only(name: &str, text: Option<&str>, allowed: &str, why: &str) -> Result<(), FlagError> {
    match text {
        Some(text) if text.trim() != allowed => {
            Err(FlagError::value(name, format!("only `{allowed}` is there: {why}")))
        }
        Some(_) | None => Ok(()),
    }
}

fn recover(text: Option<&str>) -> Result<Recover, FlagError> {
    match text {
        None | Some("reconnect") => Ok(Recover::Reconnect),
        Some("cleanup") => Ok(Recover::Cleanup),
        Some(other) => {
            Err(FlagError::value("recover", format!("`{other}` is neither reconnect nor cleanup")))
        }
    }
}

fn master_address(text: Option<&str>) -> Result<MasterAddress, FlagError> {
    let wrong = |why: String| FlagError::value("master", why);
    let Some(text) = text.map(str::trim) else {
        return Err(wrong("it is needed: HOST:PORT of the master to serve".to_owned()));
    };
    if let Some(path) = text.strip_prefix("file://") {
        return Ok(MasterAddress::File(path.into()));
    }
    address_of(text).map(MasterAddress::Fixed).map_err(wrong)
}

/// `host:port`; the master's own port where none is given.
pub(crate) fn address_of(text: &str) -> Result<String, String> {
    if text.starts_with("zk://") {
        return Err("finding the master through ZooKeeper is not implemented yet: give HOST:PORT".to_owned());
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && (!host.contains(':') || host.ends_with(']')) => {
            (host, port.parse::<u16>().map_err(|_| format!("`{port}` is no port"))?)
        }
        Some(_) => return Err(format!("`{text}` is not HOST:PORT")),
        None => (text, MASTER_PORT),
    };
    if host.is_empty() || host.contains(['/', ' ', '@']) || port == 0 {
        return Err(format!("`{text}` is not HOST:PORT"));
    }
    Ok(format!("{host}:{port}"))
}

fn absolute(name: &str, given: Option<&Path>, default: &Path) -> Result<PathBuf, FlagError> {
    let path = std::path::absolute(given.unwrap_or(default))
        .map_err(|why| FlagError::value(name, why.to_string()))?;
    if path.to_str().is_none() || path.parent().is_none() {
        return Err(FlagError::value(name, "it must be a directory below the root, in UTF-8"));
    }
    Ok(path)
}

/// As root the usual place; else one that is this user's own.
fn default_runtime_dir(is_root: bool) -> PathBuf {
    if is_root {
        return PathBuf::from("/run/mezzo");
    }
    std::env::temp_dir().join(format!("mezzo-{}", mezzo_linux::account::effective_uid())).join("runtime")
}

fn environment(text: Option<&str>) -> Result<Vec<(String, String)>, FlagError> {
    let Some(text) = text else { return Ok(vec![("PATH".to_owned(), PATH.to_owned())]) };
    let wrong = |why: String| FlagError::value("executor_environment_variables", why);
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(text).map_err(|why| wrong(format!("it is not a JSON object: {why}")))?;
    object
        .into_iter()
        .map(|(name, value)| match value {
            serde_json::Value::String(value) => Ok((name, value)),
            _ => Err(wrong(format!("the value of `{name}` is not a string"))),
        })
        .collect()
}

/// What others are told without `--hostname`.
fn default_hostname(ip: Ipv4Addr, lookup: Option<bool>) -> String {
    if lookup == Some(false) {
        return ip.to_string();
    }
    if ip.is_loopback() {
        return "localhost".to_owned();
    }
    match mezzo_linux::host::hostname().unwrap_or_default().as_str() {
        "" | "(none)" => ip.to_string(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests;

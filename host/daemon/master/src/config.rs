//! What the flags mean.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use mezzo_telemetry::{Level, Log};

use mezzo_process::flags::{FlagError, HttpFlags, duration, duration_text};

use crate::flags::RawMasterFlags;

/// A master that can be built. Nothing in it can be wrong, though the world may be.
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
    /// Where registry and plugins lie.
    pub work_dir: PathBuf,
    /// How the registry is kept.
    pub registry: RegistryKind,
    /// Who allocates.
    pub allocator: Allocator,
    /// What the core is told, except the ids and addresses that only a start makes.
    pub core: mezzo_core_master::MasterConfig,
    /// The log.
    pub log: Log,
    /// The limits of the HTTP server.
    pub http: mezzo_http::Config,
    /// The limits of links.
    pub link: mezzo_link::Config,
    /// What the wall clock is off by, for tests.
    pub wall_clock_offset_file: Option<PathBuf>,
}

/// How the registry is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryKind {
    /// In the embedded store below the work directory.
    Disk,
    /// Nowhere: a new start knows nothing.
    Memory,
}

/// Who allocates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allocator {
    /// The plugin that the program carries.
    Embedded,
    /// This file; the embedded one stands in for it.
    File(PathBuf),
}

impl RawMasterFlags {
    /// What these flags mean.
    ///
    /// # Errors
    ///
    /// Names the first flag that has no meaning, or that is not implemented.
    pub fn into_config(self) -> Result<Config, FlagError> {
        self.refused.check("--")?;
        let ip = self.ip.unwrap_or(Ipv4Addr::LOCALHOST);
        let port = self.port.unwrap_or(5050);
        let work_dir = self.work_dir.clone().unwrap_or_else(|| PathBuf::from("/var/lib/mezzo/master"));
        Ok(Config {
            listen: SocketAddr::new(IpAddr::V4(ip), port),
            advertise_ip: self.advertise_ip,
            advertise_port: self.advertise_port,
            hostname: self.hostname.clone().unwrap_or_else(|| default_hostname(ip, self.hostname_lookup)),
            registry: registry_kind(self.registry.as_deref())?,
            allocator: allocator(self.allocator.as_deref())?,
            log: self.log()?,
            core: self.core(ip, port, &work_dir)?,
            http: self.http.config()?,
            link: mezzo_link::Config::default(),
            work_dir,
            wall_clock_offset_file: self.wall_clock_offset_file.clone(),
        })
    }

    fn log(&self) -> Result<Log, FlagError> {
        let level = match &self.logging_level {
            None => Level::default(),
            Some(text) => text.parse().map_err(|why: String| FlagError::value("logging_level", why))?,
        };
        Ok(Log { level, is_quiet: self.quiet.unwrap_or(false), directory: self.log_dir.clone() })
    }

    fn core(
        &self,
        ip: Ipv4Addr,
        port: u16,
        work_dir: &std::path::Path,
    ) -> Result<mezzo_core_master::MasterConfig, FlagError> {
        let mut core = mezzo_core_master::MasterConfig::new("", ip, port, "");
        core.cluster = self.cluster.clone();
        core.allocation_interval = between(
            "allocation_interval",
            self.allocation_interval.as_deref(),
            core.allocation_interval,
            Duration::from_millis(1)..=Duration::from_secs(3600),
        )?;
        core.offer_timeout =
            self.offer_timeout.as_deref().map(|text| parsed("offer_timeout", text)).transpose()?;
        core.agent_ping_timeout = between(
            "agent_ping_timeout",
            self.agent_ping_timeout.as_deref(),
            core.agent_ping_timeout,
            Duration::from_secs(1)..=Duration::from_secs(15 * 60),
        )?;
        core.agent_reregister_timeout = between(
            "agent_reregister_timeout",
            self.agent_reregister_timeout.as_deref(),
            core.agent_reregister_timeout,
            Duration::from_secs(1)..=Duration::MAX,
        )?;
        core.registry_gc_interval = between(
            "registry_gc_interval",
            self.registry_gc_interval.as_deref(),
            core.registry_gc_interval,
            Duration::from_secs(1)..=Duration::MAX,
        )?;
        core.registry_max_agent_age = between(
            "registry_max_agent_age",
            self.registry_max_agent_age.as_deref(),
            core.registry_max_agent_age,
            Duration::from_secs(1)..=Duration::MAX,
        )?;
        if let Some(pings) = self.max_agent_ping_timeouts {
            if pings == 0 {
                return Err(FlagError::value("max_agent_ping_timeouts", "it is at least 1"));
            }
            core.max_agent_ping_timeouts = pings;
        }
        let counts = [
            (self.max_completed_frameworks, &mut core.max_completed_frameworks),
            (self.max_completed_tasks_per_framework, &mut core.max_completed_tasks_per_framework),
            (self.max_unreachable_tasks_per_framework, &mut core.max_unreachable_tasks_per_framework),
            (self.registry_max_agent_count, &mut core.registry_max_agent_count),
            (self.max_operator_event_stream_subscribers, &mut core.max_operator_event_stream_subscribers),
        ];
        for (given, count) in counts {
            *count = given.unwrap_or(*count);
        }
        core.root_submissions = !self.no_root_submissions && self.root_submissions.unwrap_or(true);
        core.flags = self.in_force(ip, port, work_dir, &core)?;
        Ok(core)
    }

    /// The flags that `/state` shows, in the order of the alphabet.
    fn in_force(
        &self,
        ip: Ipv4Addr,
        port: u16,
        work_dir: &std::path::Path,
        core: &mezzo_core_master::MasterConfig,
    ) -> Result<Vec<(String, String)>, FlagError> {
        let text = |duration| duration_text(duration);
        let mut flags = vec![
            ("agent_ping_timeout", text(core.agent_ping_timeout)),
            ("agent_reregister_timeout", text(core.agent_reregister_timeout)),
            ("allocation_interval", text(core.allocation_interval)),
            ("allocator", self.allocator.clone().unwrap_or_else(|| "hierarchical".to_owned())),
            ("ip", ip.to_string()),
            ("logging_level", self.logging_level.clone().unwrap_or_else(|| "INFO".to_owned())),
            ("max_agent_ping_timeouts", core.max_agent_ping_timeouts.to_string()),
            ("max_completed_frameworks", core.max_completed_frameworks.to_string()),
            ("max_completed_tasks_per_framework", core.max_completed_tasks_per_framework.to_string()),
            ("max_operator_event_stream_subscribers", core.max_operator_event_stream_subscribers.to_string()),
            ("max_unreachable_tasks_per_framework", core.max_unreachable_tasks_per_framework.to_string()),
            ("port", port.to_string()),
            ("quiet", self.quiet.unwrap_or(false).to_string()),
            ("registry", self.registry.clone().unwrap_or_else(|| "replicated_log".to_owned())),
            ("registry_gc_interval", text(core.registry_gc_interval)),
            ("registry_max_agent_age", text(core.registry_max_agent_age)),
            ("registry_max_agent_count", core.registry_max_agent_count.to_string()),
            ("root_submissions", core.root_submissions.to_string()),
            ("work_dir", work_dir.display().to_string()),
        ];
        let given = [
            ("advertise_ip", self.advertise_ip.map(|ip| ip.to_string())),
            ("advertise_port", self.advertise_port.map(|port| port.to_string())),
            ("cluster", self.cluster.clone()),
            ("hostname", self.hostname.clone()),
            ("hostname_lookup", self.hostname_lookup.map(|is_wanted| is_wanted.to_string())),
            ("log_dir", self.log_dir.as_ref().map(|directory| directory.display().to_string())),
            ("offer_timeout", core.offer_timeout.map(text)),
        ];
        flags.extend(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
        flags.extend(HttpFlags::in_force(&self.http.config()?));
        flags.sort();
        Ok(flags.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

fn registry_kind(text: Option<&str>) -> Result<RegistryKind, FlagError> {
    match text {
        None | Some("replicated_log") => Ok(RegistryKind::Disk),
        Some("in_memory") => Ok(RegistryKind::Memory),
        Some(other) => {
            Err(FlagError::value("registry", format!("`{other}` is neither replicated_log nor in_memory")))
        }
    }
}

fn allocator(text: Option<&str>) -> Result<Allocator, FlagError> {
    match text {
        None | Some("hierarchical") => Ok(Allocator::Embedded),
        Some(path) if path.ends_with(".wasm") => Ok(Allocator::File(path.into())),
        Some(other) => {
            let why = format!("`{other}` is neither `hierarchical` nor a file that ends in .wasm");
            Err(FlagError::value("allocator", why))
        }
    }
}

fn parsed(name: &str, text: &str) -> Result<Duration, FlagError> {
    duration(text).map_err(|why| FlagError::value(name, why))
}

fn between(
    name: &str,
    text: Option<&str>,
    default: Duration,
    range: std::ops::RangeInclusive<Duration>,
) -> Result<Duration, FlagError> {
    let Some(text) = text else { return Ok(default) };
    let duration = parsed(name, text)?;
    if range.contains(&duration) {
        return Ok(duration);
    }
    let why = match *range.end() {
        Duration::MAX => format!("`{text}` is less than {}", duration_text(*range.start())),
        end => format!("`{text}` is not from {} to {}", duration_text(*range.start()), duration_text(end)),
    };
    Err(FlagError::value(name, why))
}

/// What others are told without `--hostname`.
fn default_hostname(ip: Ipv4Addr, lookup: Option<bool>) -> String {
    if lookup == Some(false) {
        return ip.to_string();
    }
    if ip.is_loopback() {
        return "localhost".to_owned();
    }
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" | "(none)" => ip.to_string(),
        name => name.to_owned(),
    }
}

//! The words as typed: flags of the command line and the environment.
//!
//! Names and meanings are Mesos's; `-` may stand for `_`. The command line outweighs
//! `MEZZO_<FLAG>`, which outweighs `MESOS_<FLAG>`, which outweighs the file of `--config`. A flag of Mesos's that is not
//! implemented is refused by name, wherever it comes from.

mod refused;

use std::{net::Ipv4Addr, path::PathBuf};

use mezzo_process::flags::{FlagError, HttpFlags, Refusals, RefusedFlags, from_environment, from_file};
use refused::RefusedByAgent;

/// The flags of `mezzo agent`. What is absent has its default in [`crate::Config`].
#[derive(clap::Args, Clone, Debug, Default)]
#[command(rename_all = "snake_case")]
pub struct RawAgentFlags {
    /// The master to serve: HOST:PORT, or file:///PATH of a file that holds it
    #[arg(long, value_name = "HOST:PORT")]
    pub master: Option<String>,

    /// Address to listen on [default: 127.0.0.1]
    #[arg(long, value_name = "IP")]
    pub ip: Option<Ipv4Addr>,

    /// Port to listen on; 0 takes any free one [default: 5051]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,

    /// Address told to others, where it differs from the one listened on
    #[arg(long, alias = "advertise-ip", value_name = "IP")]
    pub advertise_ip: Option<Ipv4Addr>,

    /// Port told to others, where it differs from the one listened on
    #[arg(long, alias = "advertise-port", value_name = "PORT")]
    pub advertise_port: Option<u16>,

    /// Name told to others [default: the machine's own, or localhost on a loopback address]
    #[arg(long, value_name = "NAME")]
    pub hostname: Option<String>,

    /// Whether the default of --hostname is a name rather than the address [default: true]
    #[arg(long, alias = "hostname-lookup", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub hostname_lookup: Option<bool>,

    /// Directory for sandboxes and checkpoints [default: /var/lib/mezzo/agent]
    #[arg(long, alias = "work-dir", value_name = "DIR")]
    pub work_dir: Option<PathBuf>,

    /// Directory for what survives the agent but not a reboot [default: /run/mezzo as root, else below /tmp]
    #[arg(long, alias = "runtime-dir", value_name = "DIR")]
    pub runtime_dir: Option<PathBuf>,

    /// Everything to offer, cpus:4;mem:4096;ports:[31000-32000] or JSON; what is not named is detected
    #[arg(long, value_name = "RESOURCES")]
    pub resources: Option<String>,

    /// Role of resources that name none [default: *]
    #[arg(long, alias = "default-role", value_name = "ROLE")]
    pub default_role: Option<String>,

    /// What the agent says of itself, rack:r1;level:3
    #[arg(long, value_name = "ATTRIBUTES")]
    pub attributes: Option<String>,

    /// How containers are made: linux (namespaces and control groups; needs root) or posix [default: linux as root]
    #[arg(long, value_name = "KIND")]
    pub launcher: Option<String>,

    /// Isolators, separated by commas
    /// [default: filesystem/linux,cgroups/cpu,cgroups/mem,cgroups/pids,namespaces/pid,namespaces/ipc;
    /// with the posix launcher filesystem/posix,posix/cpu,posix/mem]
    #[arg(long, value_name = "LIST")]
    pub isolation: Option<String>,

    /// Containerizers: only mesos is there
    #[arg(long, value_name = "LIST")]
    pub containerizers: Option<String>,

    /// Whether tasks run as the user of their command or framework [default: true]
    #[arg(long, alias = "switch-user", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", overrides_with = "no_switch_user")]
    pub switch_user: Option<bool>,

    /// The same as --switch_user=false
    #[arg(long = "no-switch_user", aliases = ["no_switch_user", "no-switch-user"], hide = true, overrides_with = "switch_user")]
    pub no_switch_user: bool,

    /// Where control groups are mounted [default: /sys/fs/cgroup]
    #[arg(long, alias = "cgroups-hierarchy", value_name = "DIR")]
    pub cgroups_hierarchy: Option<PathBuf>,

    /// The agent's group at the top of each hierarchy [default: mezzo]
    #[arg(long, alias = "cgroups-root", value_name = "NAME")]
    pub cgroups_root: Option<String>,

    /// Whether cpus are a limit as well as a share [default: false]
    #[arg(long, alias = "cgroups-enable-cfs", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub cgroups_enable_cfs: Option<bool>,

    /// Most processes and threads of one container under cgroups/pids [default: 10000]
    #[arg(long, alias = "cgroups-pids-max", value_name = "COUNT")]
    pub cgroups_pids_max: Option<u64>,

    /// How long ending a container may take before the log complains [default: 1mins]
    #[arg(long, alias = "cgroups-destroy-timeout", value_name = "DURATION")]
    pub cgroups_destroy_timeout: Option<String>,

    /// What tasks start with in their environment, a JSON object [default: a plain PATH]
    #[arg(long, alias = "executor-environment-variables", value_name = "JSON")]
    pub executor_environment_variables: Option<String>,

    /// Between SIGTERM and SIGKILL when a framework or executor is shut down [default: 5secs]
    #[arg(long, alias = "executor-shutdown-grace-period", value_name = "DURATION")]
    pub executor_shutdown_grace_period: Option<String>,

    /// How long a new executor may take to subscribe before it is ended [default: 1mins]
    #[arg(long, alias = "executor-registration-timeout", value_name = "DURATION")]
    pub executor_registration_timeout: Option<String>,

    /// How long executors may take to subscribe again after a restart of the agent, at most 15secs
    /// [default: 2secs]
    #[arg(long, alias = "executor-reregistration-timeout", value_name = "DURATION")]
    pub executor_reregistration_timeout: Option<String>,

    /// How long executors are told to go on while their agent is away [default: 15mins]
    #[arg(long, alias = "recovery-timeout", value_name = "DURATION")]
    pub recovery_timeout: Option<String>,

    /// Put before relative URIs of commands
    #[arg(long, alias = "frameworks-home", value_name = "DIR")]
    pub frameworks_home: Option<PathBuf>,

    /// Give up a download that brings less than a byte a second for this long [default: 1mins]
    #[arg(long, alias = "fetcher-stall-timeout", value_name = "DURATION")]
    pub fetcher_stall_timeout: Option<String>,

    /// Where Hadoop's client is, which fetches hdfs and every other scheme [default: HADOOP_HOME, or in PATH]
    #[arg(long, alias = "hadoop-home", value_name = "DIR")]
    pub hadoop_home: Option<PathBuf>,

    /// Where files that tasks share are kept, across restarts [default: `fetch` in the work directory]
    #[arg(long, alias = "fetcher-cache-dir", value_name = "DIR")]
    pub fetcher_cache_dir: Option<PathBuf>,

    /// How much of them is kept, the least recently used going first; 0B keeps none [default: 2GB]
    #[arg(long, alias = "fetcher-cache-size", value_name = "BYTES")]
    pub fetcher_cache_size: Option<String>,

    /// How long sandboxes are kept after their tasks [default: 1weeks]
    #[arg(long, alias = "gc-delay", value_name = "DURATION")]
    pub gc_delay: Option<String>,

    /// Bound of the first wait before the master is dialled again; doubles up to 15secs [default: 1secs]
    #[arg(long, alias = "registration-backoff-factor", value_name = "DURATION")]
    pub registration_backoff_factor: Option<String>,

    /// reconnect finds running tasks again, cleanup ends them and exits [default: reconnect]
    #[arg(long, value_name = "KIND")]
    pub recover: Option<String>,

    /// Which changes of the configuration a restart allows: only equal is there
    #[arg(long, alias = "reconfiguration-policy", value_name = "POLICY")]
    pub reconfiguration_policy: Option<String>,

    /// Directory for the log file mezzo-agent.log
    #[arg(long, alias = "log-dir", value_name = "DIR")]
    pub log_dir: Option<PathBuf>,

    /// Least severe lines that are logged: DEBUG, INFO, WARNING or ERROR [default: INFO]
    #[arg(long, alias = "logging-level", value_name = "LEVEL")]
    pub logging_level: Option<String>,

    /// Log nothing to standard error
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub quiet: Option<bool>,

    /// A file of flags in TOML, work_dir = "/srv/mezzo"; words and variables outweigh it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// For tests: a file with the seconds that this process's wall clock is to be off by, read again
    /// whenever the time is needed
    #[arg(long, alias = "wall-clock-offset-file", value_name = "FILE", hide = true)]
    pub wall_clock_offset_file: Option<PathBuf>,

    /// Limits of the HTTP server.
    #[command(flatten)]
    pub http: HttpFlags,

    /// Flags of Mesos's that are refused by name.
    #[command(flatten)]
    pub refused: RefusedFlags<RefusedByAgent>,
}

impl RawAgentFlags {
    /// These flags, and those of the environment and then of the file for what is absent here.
    ///
    /// # Errors
    ///
    /// When a flag is refused, or a variable or the file has no meaning.
    pub fn with_environment(
        self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, FlagError> {
        self.refused.check("--")?;
        let flags = self.or(from_environment(RefusedByAgent::TABLE, variables)?);
        match flags.config.clone() {
            None => Ok(flags),
            Some(file) => Ok(flags.or(from_file(RefusedByAgent::TABLE, &file)?)),
        }
    }

    /// These flags, and those of `lower` for what is absent here.
    fn or(self, lower: Self) -> Self {
        macro_rules! merged {
            ($($field:ident),*) => {
                Self {
                    $($field: self.$field.or(lower.$field),)*
                    no_switch_user: self.no_switch_user || (self.switch_user.is_none() && lower.no_switch_user),
                    http: self.http.or(lower.http),
                    refused: self.refused,
                }
            };
        }
        merged!(
            master,
            ip,
            port,
            advertise_ip,
            advertise_port,
            hostname,
            hostname_lookup,
            work_dir,
            runtime_dir,
            resources,
            default_role,
            attributes,
            launcher,
            isolation,
            containerizers,
            switch_user,
            cgroups_hierarchy,
            cgroups_root,
            cgroups_enable_cfs,
            cgroups_pids_max,
            cgroups_destroy_timeout,
            executor_environment_variables,
            executor_registration_timeout,
            executor_reregistration_timeout,
            recovery_timeout,
            executor_shutdown_grace_period,
            frameworks_home,
            fetcher_stall_timeout,
            hadoop_home,
            fetcher_cache_dir,
            fetcher_cache_size,
            gc_delay,
            registration_backoff_factor,
            recover,
            reconfiguration_policy,
            log_dir,
            wall_clock_offset_file,
            logging_level,
            quiet,
            config
        )
    }
}

//! The words as typed: flags of the command line and the environment.
//!
//! Names and meanings are Mesos's; `-` may stand for `_`. The command line outweighs
//! `MEZZO_<FLAG>`, which outweighs `MESOS_<FLAG>`, which outweighs the file of `--config`. A flag of Mesos's that is not
//! implemented is refused by name, wherever it comes from.

mod refused;

use std::{net::Ipv4Addr, path::PathBuf};

use mezzo_process::flags::{FlagError, HttpFlags, Refusals, RefusedFlags, from_environment, from_file};
use refused::RefusedByMaster;

/// The flags of `mezzo master`. What is absent has its default in [`crate::Config`].
#[derive(clap::Args, Clone, Debug, Default)]
#[command(rename_all = "snake_case")]
pub struct RawMasterFlags {
    /// Address to listen on [default: 127.0.0.1]
    #[arg(long, value_name = "IP")]
    pub ip: Option<Ipv4Addr>,

    /// Port to listen on; 0 takes any free one [default: 5050]
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

    /// Directory for the registry and plugins [default: /var/lib/mezzo/master]
    #[arg(long, alias = "work-dir", value_name = "DIR")]
    pub work_dir: Option<PathBuf>,

    /// Where the registry is kept: replicated_log (the embedded store below --work_dir) or in_memory
    #[arg(long, value_name = "KIND")]
    pub registry: Option<String>,

    /// Name of the cluster, shown to people
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,

    /// A plugin that allocates (FILE.wasm) instead of the embedded one (hierarchical)
    #[arg(long, value_name = "FILE.wasm")]
    pub allocator: Option<String>,

    /// Longest time between two rounds of allocation while something could be offered [default: 1secs]
    #[arg(long, alias = "allocation-interval", value_name = "DURATION")]
    pub allocation_interval: Option<String>,

    /// Withdraw offers that are not answered for this long [default: never]
    #[arg(long, alias = "offer-timeout", value_name = "DURATION")]
    pub offer_timeout: Option<String>,

    /// How often agents are pinged, 1secs to 15mins [default: 15secs]
    #[arg(long, aliases = ["agent-ping-timeout", "slave_ping_timeout"], value_name = "DURATION")]
    pub agent_ping_timeout: Option<String>,

    /// Pings without an answer before an agent counts as unreachable [default: 5]
    #[arg(long, aliases = ["max-agent-ping-timeouts", "max_slave_ping_timeouts"], value_name = "COUNT")]
    pub max_agent_ping_timeouts: Option<u32>,

    /// How long known agents may take to come back after a start of the master [default: 10mins]
    #[arg(long, aliases = ["agent-reregister-timeout", "slave_reregister_timeout"], value_name = "DURATION")]
    pub agent_reregister_timeout: Option<String>,

    /// Whether frameworks may run tasks as root [default: true]
    #[arg(long, alias = "root-submissions", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", overrides_with = "no_root_submissions")]
    pub root_submissions: Option<bool>,

    /// The same as --root_submissions=false
    #[arg(long = "no-root_submissions", aliases = ["no_root_submissions", "no-root-submissions"], hide = true, overrides_with = "root_submissions")]
    pub no_root_submissions: bool,

    /// Ended frameworks that are remembered [default: 50]
    #[arg(long, alias = "max-completed-frameworks", value_name = "COUNT")]
    pub max_completed_frameworks: Option<usize>,

    /// Ended tasks that are remembered of each framework [default: 1000]
    #[arg(long, alias = "max-completed-tasks-per-framework", value_name = "COUNT")]
    pub max_completed_tasks_per_framework: Option<usize>,

    /// Unreachable tasks that are remembered of each framework [default: 1000]
    #[arg(long, alias = "max-unreachable-tasks-per-framework", value_name = "COUNT")]
    pub max_unreachable_tasks_per_framework: Option<usize>,

    /// Operators that may watch the event stream at once; one more, and the oldest is closed [default: 1000]
    #[arg(long, alias = "max-operator-event-stream-subscribers", value_name = "COUNT")]
    pub max_operator_event_stream_subscribers: Option<usize>,

    /// How often the registry is searched for agents to forget [default: 15mins]
    #[arg(long, alias = "registry-gc-interval", value_name = "DURATION")]
    pub registry_gc_interval: Option<String>,

    /// How long unreachable agents are remembered [default: 2weeks]
    #[arg(long, alias = "registry-max-agent-age", value_name = "DURATION")]
    pub registry_max_agent_age: Option<String>,

    /// How many unreachable agents are remembered [default: 102400]
    #[arg(long, alias = "registry-max-agent-count", value_name = "COUNT")]
    pub registry_max_agent_count: Option<usize>,

    /// Directory for the log file mezzo-master.log
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
    pub refused: RefusedFlags<RefusedByMaster>,
}

impl RawMasterFlags {
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
        let flags = self.or(from_environment(RefusedByMaster::TABLE, variables)?);
        match flags.config.clone() {
            None => Ok(flags),
            Some(file) => Ok(flags.or(from_file(RefusedByMaster::TABLE, &file)?)),
        }
    }

    /// These flags, and those of `lower` for what is absent here.
    fn or(self, lower: Self) -> Self {
        macro_rules! merged {
            ($($field:ident),*) => {
                Self {
                    $($field: self.$field.or(lower.$field),)*
                    no_root_submissions: self.no_root_submissions
                        || (self.root_submissions.is_none() && lower.no_root_submissions),
                    http: self.http.or(lower.http),
                    refused: self.refused,
                }
            };
        }
        merged!(
            ip,
            port,
            advertise_ip,
            advertise_port,
            hostname,
            hostname_lookup,
            work_dir,
            registry,
            cluster,
            allocator,
            allocation_interval,
            offer_timeout,
            agent_ping_timeout,
            max_agent_ping_timeouts,
            agent_reregister_timeout,
            root_submissions,
            max_completed_frameworks,
            max_completed_tasks_per_framework,
            max_unreachable_tasks_per_framework,
            max_operator_event_stream_subscribers,
            registry_gc_interval,
            registry_max_agent_age,
            registry_max_agent_count,
            log_dir,
            wall_clock_offset_file,
            logging_level,
            quiet,
            config
        )
    }
}

//! Flags that Mesos has and Mezzo has not, each with what to do instead.

use std::sync::LazyLock;

use mezzo_process::flags::{Refusals, Spelling};

/// What the master refuses.
pub struct RefusedByMaster;

impl Refusals for RefusedByMaster {
    const TABLE: &'static [(&'static str, &'static str)] = REFUSED;

    fn spellings() -> &'static [Spelling] {
        static ALL: LazyLock<Vec<Spelling>> = LazyLock::new(|| Spelling::all(REFUSED));
        &ALL
    }
}

/// Every flag of Mesos's master that is not implemented, and a sentence about it.
const REFUSED: &[(&str, &str)] = &[
    ("acls", SECURITY),
    ("agent_removal_rate_limit", "agents are marked unreachable one by one, without a limit on the rate yet"),
    ("allocator_agent_recovery_factor", "offers start as soon as agents are back"),
    ("allocator_recovery_timeout", "offers start as soon as agents are back"),
    ("authenticate", SECURITY),
    ("authenticate_agents", SECURITY),
    ("authenticate_frameworks", SECURITY),
    ("authenticate_http", SECURITY),
    ("authenticate_http_frameworks", SECURITY),
    ("authenticate_http_readonly", SECURITY),
    ("authenticate_http_readwrite", SECURITY),
    ("authenticate_slaves", SECURITY),
    ("authentication_v0_timeout", SECURITY),
    ("authenticators", SECURITY),
    ("authorizers", SECURITY),
    ("credentials", SECURITY),
    ("domain", "fault domains are not implemented yet"),
    ("external_log_file", "use `--log_dir`"),
    ("fair_sharing_excluded_resource_names", ALLOCATOR),
    ("filter_gpu_resources", "agents with GPUs are offered to frameworks with GPU_RESOURCES only"),
    ("firewall_rules", SECURITY),
    ("framework_sorter", ALLOCATOR),
    ("hooks", MODULES),
    ("http_authenticators", SECURITY),
    ("http_framework_authenticators", SECURITY),
    ("initialize_driver_logging", "it is a flag of scheduler drivers"),
    ("ip_discovery_command", "use `--ip`"),
    ("log_auto_initialize", "the embedded store is made when it is not there"),
    ("logbufsecs", "log lines are written at once"),
    ("master_contender", MODULES),
    ("master_detector", MODULES),
    ("max_executors_per_agent", "the port mapping isolator is not implemented yet"),
    ("max_executors_per_slave", "the port mapping isolator is not implemented yet"),
    ("memory_profiling", "memory profiling is not implemented yet"),
    ("min_allocatable_resources", "offers hold at least 0.01 cpus or 32 MB"),
    ("modules", MODULES),
    ("modules_dir", MODULES),
    ("offer_constraints_re2_max_mem", "offer constraints are not implemented yet"),
    ("offer_constraints_re2_max_program_size", "offer constraints are not implemented yet"),
    ("publish_per_framework_metrics", "metrics of single frameworks are not implemented yet"),
    ("quorum", "there is one master with an embedded store; several masters are not implemented yet"),
    ("rate_limits", "rate limits are not implemented yet"),
    ("recovery_agent_removal_limit", "there is no limit on removals after a failover yet"),
    ("recovery_slave_removal_limit", "there is no limit on removals after a failover yet"),
    ("registry_fetch_timeout", "the embedded store is read at the start, however long it takes"),
    ("registry_store_timeout", "the embedded store either writes or says why not"),
    ("registry_strict", "it has no effect in Mesos either"),
    ("require_agent_domain", "fault domains are not implemented yet"),
    ("role_sorter", ALLOCATOR),
    ("roles", "roles need not be listed"),
    ("slave_removal_rate_limit", "agents are marked unreachable one by one, without a limit on the rate yet"),
    ("user_sorter", ALLOCATOR),
    ("webui_dir", "the web pages are not implemented yet"),
    ("weights", "it is deprecated; set weights with PUT `/weights`"),
    ("whitelist", "a list of agents to offer is not implemented yet"),
    ("zk", "there is one master with an embedded store; several masters are not implemented yet"),
    (
        "zk_session_timeout",
        "there is one master with an embedded store; several masters are not implemented yet",
    ),
];

const SECURITY: &str =
    "authentication and authorization are not implemented yet, and nothing is half protected";
const ALLOCATOR: &str = "the order is the allocator plugin's: give one with `--allocator=FILE.wasm`";
const MODULES: &str = "native modules cannot be loaded: Mezzo is extended by WebAssembly plugins";

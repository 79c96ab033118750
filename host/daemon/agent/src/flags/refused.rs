//! Flags that Mesos has and Mezzo has not, each with what to do instead.

use std::sync::LazyLock;

use mezzo_process::flags::{Refusals, Spelling};

/// What the agent refuses.
pub struct RefusedByAgent;

impl Refusals for RefusedByAgent {
    const TABLE: &'static [(&'static str, &'static str)] = REFUSED;

    fn spellings() -> &'static [Spelling] {
        static ALL: LazyLock<Vec<Spelling>> = LazyLock::new(|| Spelling::all(REFUSED));
        &ALL
    }
}

/// Every flag of Mesos's agent that is not implemented, and a sentence about it.
const REFUSED: &[(&str, &str)] = &[
    ("acls", SECURITY),
    ("agent_features", "the agent says what it can do by itself"),
    ("agent_subsystems", SYSTEMD),
    ("allowed_capabilities", HARDENING),
    ("allowed_devices", HARDENING),
    ("appc_simple_discovery_uri_prefix", IMAGES),
    ("appc_store_dir", IMAGES),
    ("authenticate_http_executors", SECURITY),
    ("authenticate_http_readonly", SECURITY),
    ("authenticate_http_readwrite", SECURITY),
    ("authenticatee", SECURITY),
    ("authentication_backoff_factor", SECURITY),
    ("authentication_timeout_max", SECURITY),
    ("authentication_timeout_min", SECURITY),
    ("authorizer", SECURITY),
    ("bounding_capabilities", HARDENING),
    ("cgroups_cpu_enable_pids_and_tids_count", CGROUPS),
    ("cgroups_limit_swap", CGROUPS),
    ("cgroups_net_cls_primary_handle", CGROUPS),
    ("cgroups_net_cls_secondary_handles", CGROUPS),
    ("check_agent_port_range_only", NETWORKS),
    ("container_disk_watch_interval", DISK),
    ("container_logger", MODULES),
    ("container_ports_isolated_range", NETWORKS),
    ("container_ports_watch_interval", NETWORKS),
    ("credential", SECURITY),
    ("csi_plugin_config_dir", VOLUMES),
    ("default_container_dns", NETWORKS),
    ("default_container_info", NETWORKS),
    ("default_container_shm_size", NAMESPACES),
    ("disallow_sharing_agent_ipc_namespace", NAMESPACES),
    ("disallow_sharing_agent_pid_namespace", NAMESPACES),
    ("disk_profile_adaptor", MODULES),
    ("disk_watch_interval", DISK),
    ("docker", DOCKER),
    ("docker_config", IMAGES),
    ("docker_ignore_runtime", IMAGES),
    ("docker_kill_orphans", DOCKER),
    ("docker_mesos_image", DOCKER),
    ("docker_registry", IMAGES),
    ("docker_remove_delay", DOCKER),
    ("docker_socket", DOCKER),
    ("docker_stop_timeout", DOCKER),
    ("docker_store_dir", IMAGES),
    ("docker_volume_checkpoint_dir", VOLUMES),
    ("docker_volume_chown", VOLUMES),
    ("domain", "fault domains are not implemented yet"),
    ("domain_socket_location", EXECUTORS),
    ("effective_capabilities", HARDENING),
    ("egress_burst", PORT_MAPPING),
    ("egress_ceil_limit", PORT_MAPPING),
    ("egress_flow_classifier_parent", PORT_MAPPING),
    ("egress_rate_limit_per_container", PORT_MAPPING),
    ("egress_rate_per_cpu", PORT_MAPPING),
    ("egress_unique_flow_per_container", PORT_MAPPING),
    ("enforce_container_disk_quota", DISK),
    ("enforce_container_ports", NETWORKS),
    ("ephemeral_ports_per_container", PORT_MAPPING),
    ("eth0_name", PORT_MAPPING),
    ("executor_reregistration_retry_interval", EXECUTORS),
    ("executor_secret_key", SECURITY),
    ("external_log_file", "use `--log_dir`"),
    ("firewall_rules", SECURITY),
    ("gc_disk_headroom", DISK),
    ("gc_non_executor_container_sandboxes", EXECUTORS),
    ("hooks", MODULES),
    ("host_path_volume_force_creation", VOLUMES),
    ("http_authenticators", SECURITY),
    ("http_command_executor", EXECUTORS),
    ("http_credentials", SECURITY),
    ("http_executor_domain_sockets", EXECUTORS),
    ("http_heartbeat_interval", EXECUTORS),
    ("image_gc_config", IMAGES),
    ("image_providers", IMAGES),
    ("image_provisioner_backend", IMAGES),
    ("ingress_burst", PORT_MAPPING),
    ("ingress_ceil_limit", PORT_MAPPING),
    ("ingress_isolate_existing_containers", PORT_MAPPING),
    ("ingress_rate_limit_per_container", PORT_MAPPING),
    ("ingress_rate_per_cpu", PORT_MAPPING),
    ("initialize_driver_logging", "it is a flag of scheduler drivers"),
    ("ip6", NETWORKS),
    ("ip6_discovery_command", NETWORKS),
    ("ip_discovery_command", "use `--ip`"),
    ("jwt_secret_key", SECURITY),
    ("launcher_dir", "the helper programs are inside the one command"),
    ("lo_name", PORT_MAPPING),
    ("logbufsecs", "log lines are written at once"),
    ("master_detector", MODULES),
    ("max_completed_executors_per_framework", EXECUTORS),
    ("maximum_egress_rate_limit", PORT_MAPPING),
    ("maximum_ingress_rate_limit", PORT_MAPPING),
    ("memory_profiling", "memory profiling is not implemented yet"),
    ("minimum_egress_rate_limit", PORT_MAPPING),
    ("minimum_ingress_rate_limit", PORT_MAPPING),
    ("modules", MODULES),
    ("modules_dir", MODULES),
    ("network_cni_config_dir", NETWORKS),
    ("network_cni_metrics", NETWORKS),
    ("network_cni_plugins_dir", NETWORKS),
    ("network_cni_root_dir_persist", NETWORKS),
    ("network_enable_rate_statistics", PORT_MAPPING),
    ("network_enable_snmp_statistics", PORT_MAPPING),
    ("network_enable_socket_statistics_details", PORT_MAPPING),
    ("network_enable_socket_statistics_summary", PORT_MAPPING),
    ("network_link_speed", PORT_MAPPING),
    ("network_rate_statistics_interval", PORT_MAPPING),
    ("network_rate_statistics_window", PORT_MAPPING),
    ("nvidia_gpu_devices", HARDENING),
    ("oversubscribed_resources_interval", OVERSUBSCRIPTION),
    ("perf_duration", PERF),
    ("perf_events", PERF),
    ("perf_interval", PERF),
    ("qos_controller", MODULES),
    ("qos_correction_interval_min", OVERSUBSCRIPTION),
    ("resource_estimator", MODULES),
    ("resource_provider_config_dir", VOLUMES),
    ("revocable_cpu_low_priority", OVERSUBSCRIPTION),
    ("sandbox_directory", IMAGES),
    ("seccomp_config_dir", HARDENING),
    ("seccomp_profile_name", HARDENING),
    ("secret_resolver", MODULES),
    ("slave_subsystems", SYSTEMD),
    ("strict", "damage found at recovery is always told and never skipped silently"),
    ("systemd_enable_support", SYSTEMD),
    ("systemd_runtime_directory", SYSTEMD),
    ("volume_gid_range", VOLUMES),
    ("xfs_kill_containers", DISK),
    ("xfs_project_range", DISK),
    ("xfs_quota_headroom", DISK),
    (
        "zk_session_timeout",
        "the master is named by address; finding it through ZooKeeper is not implemented yet",
    ),
];

const SECURITY: &str =
    "authentication and authorization are not implemented yet, and nothing is half protected";
const MODULES: &str = "native modules cannot be loaded: Mezzo is extended by WebAssembly plugins";
const OVERSUBSCRIPTION: &str = "oversubscription is not implemented yet";
const IMAGES: &str = "container images are not implemented yet";
const DOCKER: &str = "the docker containerizer is not implemented yet";
const VOLUMES: &str = "volumes are not implemented yet";
const NETWORKS: &str = "containers use the host's network; other networks are not implemented yet";
const PORT_MAPPING: &str = "the port mapping isolator is not implemented yet";
const DISK: &str = "watching the disk is not implemented yet; sandboxes are kept for `--gc_delay`";
const PERF: &str = "sampling of performance counters is not implemented yet";
const HARDENING: &str = "capabilities, seccomp and devices of containers are not implemented yet";
const EXECUTORS: &str = "executors of frameworks are not implemented yet; command tasks need none";
const NAMESPACES: &str =
    "namespaces are a container's own or the host's by `--isolation`; sharing is not implemented yet";
const SYSTEMD: &str = "the agent does not move itself or its containers between units";
const CGROUPS: &str = "only shares, quota, memory and pids are set";

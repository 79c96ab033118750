//! Every number that an agent shows: Mesos's by its names, and ours under `mezzo/`.

use mezzo_model::figure::{
    Declarations,
    Kind::{Counter, Gauge},
};

/// The numbers of an agent.
pub fn declared() -> Declarations {
    let mut all = Declarations::default();
    agent(&mut all);
    containerizer(&mut all);
    providers(&mut all);
    port_mapping(&mut all);
    ours(&mut all);
    all
}

fn agent(all: &mut Declarations) {
    all.gauges(
        "slave",
        &[
            ("uptime_secs", "seconds since the agent started"),
            ("registered", "1 while the agent is registered with its master"),
            ("frameworks_active", "frameworks with tasks here"),
            ("tasks_staging", "tasks being launched"),
            ("tasks_starting", "tasks starting"),
            ("tasks_running", "tasks running"),
            ("tasks_killing", "tasks being killed"),
            ("executors_registering", "executors that are being started"),
            ("executors_running", "executors that run"),
            ("executors_terminating", "executors that are being ended"),
            ("executor_directory_max_allowed_age_secs", "how long a sandbox is kept after its end"),
        ],
    );
    all.counters(
        "slave",
        &[
            ("recovery_errors", "errors met while the agent recovered"),
            ("tasks_finished", "tasks that finished"),
            ("tasks_failed", "tasks that failed"),
            ("tasks_killed", "tasks that were killed"),
            ("tasks_lost", "tasks that were lost"),
            ("tasks_gone", "tasks that are gone"),
            ("executors_terminated", "executors that ended"),
            ("executors_preempted", "executors ended to free what was lent to them"),
            ("valid_status_updates", "right status updates"),
            ("invalid_status_updates", "wrong status updates"),
            ("valid_framework_messages", "messages of frameworks that were passed on"),
            ("invalid_framework_messages", "messages of frameworks that were dropped"),
            ("container_launch_errors", "containers that could not be launched"),
        ],
    );
    // Appears once the agent has recovered.
    all.family(
        Gauge,
        "slave/{recovery}_time_secs",
        "slave_recovery_time_secs",
        "how long the recovery took",
        &[],
    );
    all.resources("slave");
    all.gauges("gc", &[("path_removals_pending", "sandboxes that wait to be removed")]);
    all.counters(
        "gc",
        &[
            ("path_removals_succeeded", "sandboxes that were removed"),
            ("path_removals_failed", "sandboxes that could not be removed"),
        ],
    );
}

fn containerizer(all: &mut Declarations) {
    all.counters(
        "containerizer",
        &[
            ("fetcher/task_fetches_succeeded", "tasks whose files were brought"),
            ("fetcher/task_fetches_failed", "tasks whose files could not be brought"),
            ("mesos/container_destroy_errors", "containers that could not be removed"),
            ("mesos/provisioner/remove_container_errors", "root file systems that could not be removed"),
            (
                "mesos/provisioner/bind/remove_rootfs_errors",
                "bound root file systems that could not be removed",
            ),
        ],
    );
    all.gauges(
        "containerizer",
        &[
            ("fetcher/cache_size_total_bytes", "size that the cache of files may have"),
            ("fetcher/cache_size_used_bytes", "size of the cache of files"),
            ("mesos/filesystem/containers_new_rootfs", "containers with a root file system of their own"),
            ("mesos/disk/project_ids_total", "XFS project ids"),
            ("mesos/disk/project_ids_free", "free XFS project ids"),
            ("docker/image_pull_ms", "how long Docker takes to pull an image; stays 0 without Docker"),
            ("mesos/provisioner/docker_store/image_pull_ms", "how long an image takes to be pulled"),
        ],
    );
    all.gauges(
        "volume_gid_manager",
        &[
            ("volume_gids_total", "group ids for shared volumes"),
            ("volume_gids_free", "free group ids for shared volumes"),
        ],
    );
}

fn providers(all: &mut Declarations) {
    all.gauges("resource_provider_manager", &[("subscribed", "subscribed resource providers")]);
    all.counters(
        "resource_provider_manager/events",
        &[
            ("subscribe", "subscriptions of resource providers"),
            ("disconnect", "resource providers that left"),
        ],
    );
    let rows = [
        ("operations/{type}/pending", Gauge, "resource_provider_operations_pending", "operations under way"),
        (
            "operations/{type}/finished",
            Counter,
            "resource_provider_operations_finished",
            "operations that finished",
        ),
        (
            "operations/{type}/failed",
            Counter,
            "resource_provider_operations_failed",
            "operations that failed",
        ),
        (
            "operations/{type}/dropped",
            Counter,
            "resource_provider_operations_dropped",
            "operations that were dropped",
        ),
        (
            "csi_plugin/container_terminations",
            Counter,
            "csi_plugin_terminations",
            "ends of the plugin's container",
        ),
        ("csi_plugin/rpcs_pending", Gauge, "csi_plugin_rpcs_pending", "calls of the plugin under way"),
        (
            "csi_plugin/rpcs_finished",
            Counter,
            "csi_plugin_rpcs_finished",
            "calls of the plugin that finished",
        ),
        ("csi_plugin/rpcs_failed", Counter, "csi_plugin_rpcs_failed", "calls of the plugin that failed"),
        (
            "csi_plugin/rpcs_cancelled",
            Counter,
            "csi_plugin_rpcs_cancelled",
            "calls of the plugin that were given up",
        ),
    ];
    for (rest, kind, family, help) in rows {
        all.family(kind, format!("resource_providers/{{provider}}/{rest}"), family, help, &[]);
    }
}

/// What the port mapping isolator would count, which Mezzo does not have: 0.
fn port_mapping(all: &mut Declarations) {
    for (end, of) in [("per_cpu_egress_rate_limit", "egress"), ("per_cpu_ingress_rate_limit", "ingress")] {
        let help = format!("limit of the {of} of each CPU; stays 0");
        all.one(Gauge, format!("port_mapping/{end}"), help);
    }
    let filters =
        ["eth0_ip", "eth0_egress", "lo_ip", "veth_ip", "veth_icmp", "veth_arp", "eth0_icmp", "eth0_arp"];
    for filter in filters {
        for what in ["errors", "already_exist"] {
            let help = format!("filters `{filter}` that could not be added: {what}; stays 0");
            all.one(Counter, format!("port_mapping/adding_{filter}_filters_{what}"), help);
        }
    }
    // One name is misspelt in Mesos, and clients know it so.
    for filter in ["eth0_ip", "eth0_egress", "lo_ip", "veth_ip", "eth0_icmp", "eth0_arp"] {
        for what in ["errors", "do_not_exist"] {
            let is_misspelt = (filter, what) == ("eth0_egress", "do_not_exist");
            let removing = if is_misspelt { "removinging" } else { "removing" };
            let help = format!("filters `{filter}` that could not be removed: {what}; stays 0");
            all.one(Counter, format!("port_mapping/{removing}_{filter}_filters_{what}"), help);
        }
    }
    for filter in ["eth0_icmp", "eth0_arp"] {
        for what in ["errors", "already_exist", "do_not_exist"] {
            let help = format!("filters `{filter}` that could not be changed: {what}; stays 0");
            all.one(Counter, format!("port_mapping/updating_{filter}_filters_{what}"), help);
        }
    }
    let help = "filters of containers that could not be changed; stays 0";
    all.one(Counter, "port_mapping/updating_container_ip_filters_errors", help);
}

fn ours(all: &mut Declarations) {
    all.counters(
        "mezzo/agent",
        &[
            ("tasks_accepted", "tasks that were taken"),
            ("tasks_refused", "tasks that were not taken"),
            ("updates_sent", "status updates sent, repetitions included"),
            ("checkpoints_failed", "checkpoints that could not be written"),
        ],
    );
    all.gauges(
        "mezzo/agent",
        &[
            ("inbox_liveness", "messages that wait"),
            ("inbox_calls", "calls of executors that wait"),
            ("inbox_reads", "reads that wait"),
            ("link_queued_bytes", "bytes that wait to be sent to the master"),
        ],
    );
    all.timers(
        "mezzo/agent",
        &[
            ("turn_ms", "how long the agent's core takes for a turn"),
            ("checkpoint_ms", "how long checkpoints take"),
        ],
    );
}

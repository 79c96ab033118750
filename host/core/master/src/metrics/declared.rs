//! Every number that a master shows: Mesos's by its names, and ours under `mezzo/`.

use mezzo_model::figure::{
    Declarations,
    Kind::{Counter, Gauge},
};

/// What is done with resources, as numbers name it: every operation but the launches.
pub(crate) const OPERATIONS: &[&str] = &[
    "create",
    "create_disk",
    "destroy",
    "destroy_disk",
    "grow_volume",
    "reserve",
    "shrink_volume",
    "unreserve",
];

/// The numbers of a master.
pub fn declared() -> Declarations {
    let mut all = Declarations::default();
    cluster(&mut all);
    tasks(&mut all);
    messages(&mut all);
    operations(&mut all);
    frameworks(&mut all);
    registrar(&mut all);
    allocator(&mut all);
    ours(&mut all);
    all
}

fn cluster(all: &mut Declarations) {
    all.gauges(
        "master",
        &[
            ("uptime_secs", "seconds since the master started"),
            ("elected", "1 on the leading master, 0 on others"),
            ("slaves_connected", "agents that are connected"),
            ("slaves_disconnected", "agents that are not connected"),
            ("slaves_active", "agents whose resources are offered"),
            ("slaves_inactive", "agents whose resources are not offered"),
            ("slaves_unreachable", "agents marked unreachable"),
            ("frameworks_connected", "frameworks that are connected"),
            ("frameworks_disconnected", "frameworks that are not connected"),
            ("frameworks_active", "frameworks that are offered resources"),
            ("frameworks_inactive", "frameworks that are not offered resources"),
            ("outstanding_offers", "offers that were not answered yet"),
            ("operator_event_stream_subscribers", "open streams of events for operators"),
            ("event_queue_messages", "messages of agents that wait"),
            ("event_queue_dispatches", "calls of schedulers that wait"),
            ("event_queue_http_requests", "reads that wait"),
        ],
    );
    all.counters(
        "master",
        &[
            ("slave_registrations", "agents that registered"),
            ("slave_reregistrations", "agents that registered again"),
            ("slave_removals", "agents that were removed"),
            ("slave_removals/reason_unhealthy", "agents removed since they answered no ping"),
            ("slave_removals/reason_unregistered", "agents removed at their own wish"),
            ("slave_removals/reason_registered", "agents removed since a new one came from the same place"),
            ("slave_shutdowns_scheduled", "an older count of removals; stays 0"),
            ("slave_shutdowns_completed", "an older count of removals; stays 0"),
            ("slave_shutdowns_canceled", "an older count of removals; stays 0"),
            ("slave_unreachable_scheduled", "times that an agent was about to be marked unreachable"),
            ("slave_unreachable_completed", "times that an agent was marked unreachable"),
            ("slave_unreachable_canceled", "times that an agent came back before it was marked unreachable"),
            ("recovery_slave_removals", "agents that did not come back after the master's restart"),
            ("http_cache_hits", "reads that were answered together with others"),
        ],
    );
    all.resources("master");
}

fn tasks(all: &mut Declarations) {
    all.gauges(
        "master",
        &[
            ("tasks_staging", "tasks being launched"),
            ("tasks_starting", "tasks starting"),
            ("tasks_running", "tasks running"),
            ("tasks_killing", "tasks being killed"),
            ("tasks_unreachable", "tasks on agents that cannot be reached"),
        ],
    );
    all.counters(
        "master",
        &[
            ("tasks_finished", "tasks that finished"),
            ("tasks_failed", "tasks that failed"),
            ("tasks_killed", "tasks that were killed"),
            ("tasks_error", "tasks whose description was wrong"),
            ("tasks_lost", "tasks that were lost"),
            ("tasks_dropped", "tasks that never ran since their launch was dropped"),
            ("tasks_gone", "tasks that are gone"),
            ("tasks_gone_by_operator", "tasks on agents that an operator marked gone"),
        ],
    );
    let help = "ends of tasks by state, source and reason";
    all.family(Counter, "master/{state}/{source}/{reason}", "master_task_ends", help, &[]);
}

fn messages(all: &mut Declarations) {
    all.counters(
        "master",
        &[
            ("dropped_messages", "messages that were dropped"),
            ("messages_authenticate", "wishes to authenticate"),
            ("messages_deactivate_framework", "frameworks that want no more offers, over the older API"),
            ("messages_decline_offers", "declines"),
            ("messages_executor_to_framework", "messages of executors to frameworks"),
            ("messages_exited_executor", "news of executors that ended"),
            ("messages_framework_to_executor", "messages of frameworks to executors"),
            ("messages_kill_task", "kills of tasks"),
            ("messages_launch_tasks", "accepts"),
            ("messages_operation_status_update", "updates of operations"),
            ("messages_operation_status_update_acknowledgement", "acknowledgements of updates of operations"),
            ("messages_reconcile_operations", "reconciliations of operations"),
            ("messages_reconcile_tasks", "reconciliations of tasks"),
            ("messages_register_framework", "frameworks that subscribed"),
            ("messages_register_slave", "agents that want to register"),
            ("messages_reregister_framework", "frameworks that subscribed again"),
            ("messages_reregister_slave", "agents that want to register again"),
            ("messages_resource_request", "requests for resources"),
            ("messages_revive_offers", "revives"),
            ("messages_status_update", "status updates of tasks"),
            ("messages_status_update_acknowledgement", "acknowledgements of status updates"),
            ("messages_suppress_offers", "suppresses"),
            ("messages_unregister_framework", "frameworks that were torn down"),
            ("messages_unregister_slave", "agents that take their leave"),
            ("messages_update_slave", "changes of an agent's resources"),
            ("valid_executor_to_framework_messages", "messages of executors that were passed on"),
            ("valid_framework_to_executor_messages", "messages of frameworks that were passed on"),
            ("valid_operation_status_update_acknowledgements", "right acknowledgements of operations"),
            ("valid_operation_status_updates", "right updates of operations"),
            ("valid_status_update_acknowledgements", "right acknowledgements of status updates"),
            ("valid_status_updates", "right status updates"),
            ("invalid_executor_to_framework_messages", "messages of executors that were dropped"),
            ("invalid_framework_to_executor_messages", "messages of frameworks that were dropped"),
            ("invalid_operation_status_update_acknowledgements", "wrong acknowledgements of operations"),
            ("invalid_operation_status_updates", "wrong updates of operations"),
            ("invalid_status_update_acknowledgements", "wrong acknowledgements of status updates"),
            ("invalid_status_updates", "wrong status updates"),
        ],
    );
    let help = "messages of the frameworks of a principal";
    let key = "frameworks/{principal}/messages_received";
    all.family(Counter, key, "master_principal_messages_received", help, &[]);
    let help = "messages of the frameworks of a principal that were handled";
    let key = "frameworks/{principal}/messages_processed";
    all.family(Counter, key, "master_principal_messages_processed", help, &[]);
}

fn operations(all: &mut Declarations) {
    const STATES: [(&str, mezzo_model::figure::Kind, &str, &str); 9] = [
        ("total", Counter, "operations ever begun", "master_operations_by_type_begun"),
        ("pending", Gauge, "operations under way", "master_operations_by_type_pending"),
        ("recovering", Gauge, "operations being recovered", "master_operations_by_type_recovering"),
        ("unreachable", Gauge, "operations on unreachable agents", "master_operations_by_type_unreachable"),
        ("finished", Counter, "operations that finished", "master_operations_by_type_finished"),
        ("failed", Counter, "operations that failed", "master_operations_by_type_failed"),
        ("error", Counter, "operations that were wrong", "master_operations_by_type_error"),
        ("dropped", Counter, "operations that were dropped", "master_operations_by_type_dropped"),
        (
            "gone_by_operator",
            Counter,
            "operations gone with their agent",
            "master_operations_by_type_gone_by_operator",
        ),
    ];
    for (state, kind, help, family) in STATES {
        match kind {
            Counter => all.counters("master/operations", &[(state, help)]),
            _ => all.gauges("master/operations", &[(state, help)]),
        }
        let help = format!("{help}, by type");
        all.family(kind, format!("master/operations/{{type}}/{state}"), family, help, OPERATIONS);
    }
}

fn frameworks(all: &mut Declarations) {
    let rows = [
        ("subscribed", Gauge, "master_framework_subscribed", "1 while the framework is subscribed"),
        ("calls", Counter, "master_framework_calls", "calls of the framework"),
        ("calls/{type}", Counter, "master_framework_calls_by_type", "calls of the framework by type"),
        ("events", Counter, "master_framework_events", "events sent to the framework"),
        ("events/{type}", Counter, "master_framework_events_by_type", "events sent to the framework by type"),
        ("offers/sent", Counter, "master_framework_offers_sent", "offers sent to the framework"),
        (
            "offers/accepted",
            Counter,
            "master_framework_offers_accepted",
            "offers that the framework accepted",
        ),
        (
            "offers/declined",
            Counter,
            "master_framework_offers_declined",
            "offers that the framework declined",
        ),
        ("offers/rescinded", Counter, "master_framework_offers_rescinded", "offers that were taken back"),
        ("operations", Counter, "master_framework_operations", "operations that the framework asked for"),
        (
            "operations/{type}",
            Counter,
            "master_framework_operations_by_type",
            "operations that the framework asked for by type",
        ),
        (
            "tasks/active/{state}",
            Gauge,
            "master_framework_tasks_active",
            "live tasks of the framework by state",
        ),
        (
            "tasks/terminal/{state}",
            Counter,
            "master_framework_tasks_ended",
            "ended tasks of the framework by state",
        ),
        (
            "roles/{role}/suppressed",
            Gauge,
            "master_framework_role_suppressed",
            "1 while the role wants no offers",
        ),
    ];
    for (rest, kind, family, help) in rows {
        let key = format!("master/frameworks/{{framework_name}}/{{framework_id}}/{rest}");
        all.family(kind, key, family, help, &[]);
    }
}

fn registrar(all: &mut Declarations) {
    all.gauges(
        "registrar",
        &[
            ("queued_operations", "changes of the registry that wait to be written"),
            ("registry_size_bytes", "size of the registry"),
            ("log/recovered", "1 once the registry was read"),
            ("log/ensemble_size", "replicas of the registry"),
            ("state_fetch_ms", "how long the registry took to be read"),
        ],
    );
    all.timers("registrar", &[("state_store_ms", "how long changes of the registry take to be durable")]);
    all.gauges("log_storage", &[("diff_ms", "stays 0: the registry is kept without differences")]);
}

fn allocator(all: &mut Declarations) {
    all.gauges(
        "allocator",
        &[("event_queue_dispatches", "questions that wait for the allocator, by an older name")],
    );
    all.gauges("allocator/mesos", &[("event_queue_dispatches", "questions that wait for the allocator")]);
    all.counters("allocator/mesos", &[("allocation_runs", "rounds of allocation")]);
    all.timers(
        "allocator/mesos",
        &[
            ("allocation_run_ms", "how long a round of allocation takes"),
            ("allocation_run_latency_ms", "how long a round of allocation waits before it begins"),
        ],
    );
    let resources = &["cpus", "disk", "mem"];
    let rows = [
        ("resources/{resource}/total", "allocator_resources", "resources there are to allocate"),
        (
            "resources/{resource}/offered_or_allocated",
            "allocator_resources_held",
            "resources offered or allocated",
        ),
    ];
    for (rest, family, help) in rows {
        all.family(Gauge, format!("allocator/mesos/{rest}"), family, help, resources);
    }
    let rows = [
        (
            "quota/roles/{role}/resources/{resource}/guarantee",
            "allocator_quota_guarantee",
            "guarantee of a role",
        ),
        ("quota/roles/{role}/resources/{resource}/limit", "allocator_quota_limit", "limit of a role"),
        (
            "quota/roles/{role}/resources/{resource}/consumed",
            "allocator_quota_consumed",
            "quota a role consumes",
        ),
        (
            "quota/roles/{role}/resources/{resource}/offered_or_allocated",
            "allocator_quota_held",
            "resources offered or allocated to a role with quota",
        ),
        (
            "offer_filters/roles/{role}/active",
            "allocator_offer_filters",
            "filters of refused offers of a role",
        ),
        ("roles/{role}/shares/dominant", "allocator_dominant_share", "dominant share of a role, 0 to 1"),
    ];
    for (rest, family, help) in rows {
        all.family(Gauge, format!("allocator/mesos/{rest}"), family, help, &[]);
    }
}

fn ours(all: &mut Declarations) {
    all.counters(
        "mezzo/plugins/allocator",
        &[
            ("rounds", "rounds that the allocator was asked for"),
            ("rows_dropped", "grants that met nothing any more"),
            ("rows_faulty", "grants that could never have been right"),
            ("traps", "times that the allocator trapped"),
            ("deadlines", "times that the allocator was too late"),
            ("memory", "times that the allocator wanted too much memory"),
            ("other_failures", "times that the allocator failed otherwise"),
            ("starts", "times that an allocator was started"),
            ("fallbacks", "times that the embedded allocator stood in"),
            ("cpu_us", "time of the allocator on its CPU"),
        ],
    );
    all.gauges(
        "mezzo/master",
        &[
            ("inbox/liveness", "messages of agents that wait"),
            ("inbox/calls", "calls of schedulers that wait"),
            ("inbox/reads", "reads that wait"),
            ("streams", "open streams of events"),
            ("links", "links to agents"),
            ("requests_waiting", "requests that wait for their answer"),
        ],
    );
    all.counters(
        "mezzo",
        &[("plugins/incidents", "times that a plugin did wrong"), ("tasks_refused", "tasks not launched")],
    );
    all.counters(
        "mezzo/master",
        &[
            ("turns", "turns of the master's core"),
            ("render_shared", "views that were written once for several readers"),
        ],
    );
    all.timers(
        "mezzo/master",
        &[
            ("turn_ms", "how long the master's core takes for a turn"),
            ("render_ms", "how long views take to be written"),
        ],
    );
}

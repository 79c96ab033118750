//! The master's paths.

use crate::route::{
    Methods::{Any, Only},
    Route, routes,
};

/// What a path means that only the master has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Scheduler,
    Operator,
    /// Ours: ends any framework's task.
    TasksKill,
    /// Ours: which plugins fill the slots.
    Plugins,
    State,
    StateSummary,
    Slaves,
    Frameworks,
    Tasks,
    Roles,
    Quota,
    QuotaOfRole,
    Weights,
    MaintenanceSchedule,
    MaintenanceStatus,
    Registry,
    Teardown,
    Reserve,
    Unreserve,
    CreateVolumes,
    DestroyVolumes,
    Redirect,
    /// Mesos has it; refused by name until it works.
    Later,
}

/// The paths that only the master has; those of both daemons are in `process`.
pub(crate) const TABLE: &[Route<Endpoint>] = routes![Endpoint:
    "/api/v1" Daemon Only(&["POST"]), Operator, "calls of operators, in JSON or protobuf";
    "/api/v1/scheduler" Daemon Only(&["POST"]), Scheduler, "calls of schedulers, and the stream of their events";
    "/api/v1/tasks/kill" Daemon Only(&["POST"]), TasksKill, "ends the task that a scheduler's KILL names";
    "/api/v1/plugins" Tree Any, Plugins, "which plugins fill the slots; /history, and POST to /check, /swap, /rollback and /release";
    "/redirect" Daemon Any, Redirect, "leads to the leading master";
    "/state" Daemon Any, State, "what the master knows: agents, frameworks and tasks";

    "/create-volumes" Daemon Only(&["POST"]), CreateVolumes, "makes persistent volumes of what is reserved";
    "/destroy-volumes" Daemon Only(&["POST"]), DestroyVolumes, "removes persistent volumes and their data";
    "/frameworks" Daemon Any, Frameworks, "the frameworks, or the one of `framework_id`";
    "/machine/down" Daemon Only(&["POST"]), Later;
    "/machine/up" Daemon Only(&["POST"]), Later;
    "/maintenance/schedule" Daemon Only(&["GET", "POST"]), MaintenanceSchedule, "when which machines will be maintained";
    "/maintenance/status" Daemon Only(&["GET"]), MaintenanceStatus, "which machines are being drained or are down";
    "/quota" Daemon Only(&["GET", "POST", "DELETE"]), Quota, "what is guaranteed to roles, and how much they may have";
    "/quota" Branch Only(&["DELETE"]), QuotaOfRole;
    "/reserve" Daemon Only(&["POST"]), Reserve, "reserves resources of an agent to a role";
    "/roles" Daemon Any, Roles, "the roles, with what they hold";
    "/slaves" Daemon Any, Slaves, "the agents, or the one of `slave_id`";
    "/state-summary" Daemon Any, StateSummary, "agents and frameworks with counts of their tasks";
    "/tasks" Daemon Any, Tasks, "tasks, `limit` of them from `offset` on";
    "/teardown" Daemon Only(&["POST"]), Teardown, "ends the framework that the form names";
    "/unreserve" Daemon Only(&["POST"]), Unreserve, "takes reservations back";
    "/weights" Daemon Only(&["GET", "PUT"]), Weights, "the weights of roles";
    "/profiler/start" Process Any, Later;
    "/profiler/stop" Process Any, Later;
    "/registrar(1)/registry" Process Any, Registry, "what the master keeps of the cluster";
    "/allocator/offer_constraints_debug" Process Any, Later;
];

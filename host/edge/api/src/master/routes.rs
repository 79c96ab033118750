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
    State,
    StateSummary,
    Slaves,
    Frameworks,
    Tasks,
    Roles,
    Quota,
    Weights,
    MaintenanceSchedule,
    MaintenanceStatus,
    Registry,
    Teardown,
    Redirect,
    /// Mesos has it; refused by name until it works.
    Later,
}

/// The paths that only the master has; those of both daemons are in `process`.
pub(crate) const TABLE: &[Route<Endpoint>] = routes![Endpoint:
    "/api/v1" Daemon Only(&["POST"]), Operator, "calls of operators, in JSON or protobuf";
    "/api/v1/scheduler" Daemon Only(&["POST"]), Scheduler, "calls of schedulers, and the stream of their events";
    "/api/v1/tasks/kill" Daemon Only(&["POST"]), TasksKill, "ends the task that a scheduler's KILL names";
    "/redirect" Daemon Any, Redirect, "leads to the leading master";
    "/state" Daemon Any, State, "what the master knows: agents, frameworks and tasks";

    "/create-volumes" Daemon Only(&["POST"]), Later;
    "/destroy-volumes" Daemon Only(&["POST"]), Later;
    "/frameworks" Daemon Any, Frameworks;
    "/machine/down" Daemon Only(&["POST"]), Later;
    "/machine/up" Daemon Only(&["POST"]), Later;
    "/maintenance/schedule" Daemon Only(&["GET", "POST"]), MaintenanceSchedule;
    "/maintenance/status" Daemon Only(&["GET"]), MaintenanceStatus;
    "/quota" Daemon Only(&["GET", "POST", "DELETE"]), Quota;
    "/reserve" Daemon Only(&["POST"]), Later;
    "/roles" Daemon Any, Roles;
    "/slaves" Daemon Any, Slaves;
    "/state-summary" Daemon Any, StateSummary;
    "/tasks" Daemon Any, Tasks;
    "/teardown" Daemon Only(&["POST"]), Teardown;
    "/unreserve" Daemon Only(&["POST"]), Later;
    "/weights" Daemon Only(&["GET", "PUT"]), Weights;
    "/profiler/start" Process Any, Later;
    "/profiler/stop" Process Any, Later;
    "/registrar(1)/registry" Process Any, Registry;
    "/allocator/offer_constraints_debug" Process Any, Later;
];

//! The master's paths.

use crate::route::{
    Methods::{Any, Only},
    Place::{Daemon, Process},
    Route,
};

/// What a path of the master means.
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
    Metrics,
    Health,
    Version,
    Redirect,
    FilesBrowse,
    FilesRead,
    FilesDownload,
    /// Mesos has it; refused by name until it works.
    Later,
}

macro_rules! routes {
    ($($path:literal $place:ident $methods:expr, $endpoint:ident;)*) => {
        &[$(Route { path: $path, place: $place, methods: $methods, endpoint: Endpoint::$endpoint }),*]
    };
}

/// Every path of Mesos's master.
pub(crate) const TABLE: &[Route<Endpoint>] = routes![
    "/api/v1" Daemon Only(&["POST"]), Operator;
    "/api/v1/scheduler" Daemon Only(&["POST"]), Scheduler;
    "/api/v1/tasks/kill" Daemon Only(&["POST"]), TasksKill;
    "/health" Daemon Any, Health;
    "/redirect" Daemon Any, Redirect;
    "/state" Daemon Any, State;
    "/metrics/snapshot" Process Any, Metrics;
    "/version" Process Any, Version;
    "/files/browse" Process Any, FilesBrowse;
    "/files/read" Process Any, FilesRead;
    "/files/download" Process Any, FilesDownload;

    "/create-volumes" Daemon Only(&["POST"]), Later;
    "/destroy-volumes" Daemon Only(&["POST"]), Later;
    "/flags" Daemon Any, Later;
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
    "/files/debug" Process Only(&["GET"]), Later;
    "/help" Process Any, Later;
    "/logging/toggle" Process Any, Later;
    "/profiler/start" Process Any, Later;
    "/profiler/stop" Process Any, Later;
    "/registrar(1)/registry" Process Any, Registry;
    "/allocator/offer_constraints_debug" Process Any, Later;
    "/system/stats.json" Process Any, Later;
    "/__processes__" Process Any, Later;
];

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
    "/frameworks" Daemon Any, Later;
    "/machine/down" Daemon Only(&["POST"]), Later;
    "/machine/up" Daemon Only(&["POST"]), Later;
    "/maintenance/schedule" Daemon Only(&["GET", "POST"]), Later;
    "/maintenance/status" Daemon Only(&["GET"]), Later;
    "/quota" Daemon Only(&["GET", "POST", "DELETE"]), Later;
    "/reserve" Daemon Only(&["POST"]), Later;
    "/roles" Daemon Any, Later;
    "/slaves" Daemon Any, Later;
    "/state-summary" Daemon Any, Later;
    "/tasks" Daemon Any, Later;
    "/teardown" Daemon Only(&["POST"]), Later;
    "/unreserve" Daemon Only(&["POST"]), Later;
    "/weights" Daemon Only(&["GET", "PUT"]), Later;
    "/files/debug" Process Only(&["GET"]), Later;
    "/help" Process Any, Later;
    "/logging/toggle" Process Any, Later;
    "/profiler/start" Process Any, Later;
    "/profiler/stop" Process Any, Later;
    "/registrar(1)/registry" Process Any, Later;
    "/allocator/offer_constraints_debug" Process Any, Later;
    "/system/stats.json" Process Any, Later;
    "/__processes__" Process Any, Later;
];

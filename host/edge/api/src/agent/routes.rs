//! The agent's paths.

use crate::route::{
    Methods::{Any, Only},
    Place::{Daemon, Process},
    Route,
};

/// What a path of the agent means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Operator,
    Executor,
    State,
    Metrics,
    Health,
    Version,
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

/// Every path of Mesos's agent.
pub(crate) const TABLE: &[Route<Endpoint>] = routes![
    "/api/v1" Daemon Only(&["POST"]), Operator;
    "/api/v1/executor" Daemon Only(&["POST"]), Executor;
    "/health" Daemon Any, Health;
    "/state" Daemon Any, State;
    "/metrics/snapshot" Process Any, Metrics;
    "/version" Process Any, Version;
    "/files/browse" Process Any, FilesBrowse;
    "/files/read" Process Any, FilesRead;
    "/files/download" Process Any, FilesDownload;

    "/api/v1/resource_provider" Daemon Only(&["POST"]), Later;
    "/containers" Daemon Any, Later;
    "/containerizer/debug" Daemon Any, Later;
    "/flags" Daemon Any, Later;
    "/monitor/statistics" Daemon Any, Later;
    "/files/debug" Process Only(&["GET"]), Later;
    "/help" Process Any, Later;
    "/logging/toggle" Process Any, Later;
    "/profiler/start" Process Any, Later;
    "/profiler/stop" Process Any, Later;
    "/system/stats.json" Process Any, Later;
    "/__processes__" Process Any, Later;
];

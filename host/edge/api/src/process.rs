//! What a daemon says of itself, whichever it is: the part of the API that master and agent share.
//!
//! [`endpoint`] answers the older paths, [`call`] the calls of `/api/v1`. What they need of the
//! daemon is an [`Own`]; what they say stands in [`Process`].

mod calls;
mod help;
mod logging;
mod metrics;
mod processes;
mod routes;

use std::future::Future;

use bytes::Bytes;
use mezzo_http::{HeaderValue, Method, Request, Response, StatusCode};
use mezzo_model::calls::{Encoding, Refusal};
use mezzo_proto::mesos::v1::agent::{Response as Message, response};
use mezzo_telemetry::{Metrics, System};
use serde_json::{Value, json};

use crate::{
    Build, answer, build,
    files::{self, Files},
    query::Query,
    route::{self, Route, Topic},
};
pub(crate) use calls::{Call, Calls};
use routes::TABLE;

/// What is fixed when a daemon starts.
pub struct Process {
    /// Which build it is.
    pub build: Build,
    /// The flags in force, by name.
    pub flags: Vec<(String, String)>,
    /// The daemon's own numbers; the core's are asked for.
    pub metrics: Metrics,
}

/// Numbers by Mesos's names, as a core shows them.
pub type Figures = Vec<(String, f64)>;

/// A daemon, as far as this part of the API needs it.
pub(crate) trait Own: Files {
    /// The name before its paths.
    const ID: &'static str;

    /// What it serves beside [`TABLE`]: the path, where, and what it is for.
    fn topics() -> impl Iterator<Item = Topic>;

    fn process(&self) -> &Process;

    /// The core's numbers. May take its time.
    fn figures(&self) -> impl Future<Output = Result<Figures, Refusal>> + Send;

    /// Which virtual paths lead where: an object of JSON.
    fn attached_paths(&self) -> impl Future<Output = Result<Bytes, Refusal>> + Send;

    /// What waits for the core, oldest first, at most a few of them.
    fn waiting(&self) -> Vec<&'static str>;
}

/// The paths that both daemons serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Health,
    Version,
    Flags,
    MetricsSnapshot,
    /// Ours: the same numbers in the text format of Prometheus.
    Prometheus,
    LoggingToggle,
    FilesBrowse,
    FilesRead,
    FilesDownload,
    FilesDebug,
    Help,
    SystemStats,
    Processes,
}

/// What a path means.
pub(crate) enum Found<'table, E> {
    /// Something that only this daemon has.
    Own(&'table E),
    /// Something that both have.
    Shared(Endpoint),
}

/// Looks a request's path up among those of both daemons and those of this one.
///
/// # Errors
///
/// 404 and 405, as responses.
pub(crate) fn route<'table, O: Own, E>(
    own: &'table [Route<E>],
    request: &Request,
) -> Result<Found<'table, E>, Box<Response>> {
    let (path, method) = (request.uri.path(), &request.method);
    tracing::debug!(%method, path, peer = %request.peer, "a request");
    if let Some(endpoint) = route::find(TABLE, O::ID, path, method)? {
        return Ok(Found::Shared(*endpoint));
    }
    let found = route::find(own, O::ID, path, method)?;
    found.map(Found::Own).ok_or_else(|| Box::new(answer::not_found()))
}

/// Answers one of the older paths.
pub(crate) async fn endpoint(own: &impl Own, endpoint: Endpoint, request: &Request) -> Response {
    let query = &Query::parse(request.uri.query());
    match endpoint {
        Endpoint::Health => Response::empty(StatusCode::OK),
        Endpoint::Version => answer::legacy_json(build::to_json(&own.process().build).to_string(), query),
        Endpoint::Flags => answer::legacy_json(flags(own.process()).to_string(), query),
        Endpoint::MetricsSnapshot => metrics::snapshot(own, query).await,
        Endpoint::Prometheus => metrics::prometheus(own).await,
        Endpoint::LoggingToggle => logging::toggle(query),
        Endpoint::FilesBrowse => files::browse(own, query).await,
        Endpoint::FilesRead => files::read(own, query).await,
        Endpoint::FilesDownload => files::download(own, request, query).await,
        Endpoint::FilesDebug => match own.attached_paths().await {
            Ok(paths) => answer::legacy_json(paths, query),
            Err(refusal) => answer::refused(refusal),
        },
        Endpoint::Help => help::page(own, request, query),
        Endpoint::SystemStats => answer::legacy_json(system_stats().to_string(), query),
        Endpoint::Processes => answer::legacy_json(processes::list(own).to_string(), query),
    }
}

/// Answers a call of `/api/v1` that both daemons have.
pub(crate) async fn call(own: &impl Own, call: Call, encoding: Encoding) -> Response {
    let response = match call {
        Call::GetHealth => Message {
            r#type: Some(response::Type::GetHealth.into()),
            get_health: Some(response::GetHealth { healthy: true }),
            ..Message::default()
        },
        Call::GetVersion => Message {
            r#type: Some(response::Type::GetVersion.into()),
            get_version: Some(response::GetVersion { version_info: build::to_wire(&own.process().build) }),
            ..Message::default()
        },
        Call::GetFlags => calls::flags(own.process()),
        Call::GetMetrics { timeout } => match metrics::numbers(own, timeout).await {
            Ok(numbers) => calls::metrics(numbers),
            Err(refusal) => return answer::refused(refusal),
        },
        Call::GetLoggingLevel => calls::logging_level(logging::level()),
        Call::SetLoggingLevel { level, duration } => return logging::set(level, duration),
        Call::ListFiles { path } => match files::list(own, &path).await {
            Ok(file_infos) => calls::files(file_infos),
            Err(why) => return why.into_response(),
        },
        Call::ReadFile { path, offset, length } => {
            match files::read_bytes(own, &path, offset, length).await {
                Ok(piece) => calls::piece(piece),
                Err(why) => return why.into_response(),
            }
        }
    };
    answer::message(&response, encoding)
}

/// `/flags`
fn flags(process: &Process) -> Value {
    let flags = process.flags.iter().map(|(name, value)| (name.clone(), json!(value)));
    json!({ "flags": flags.collect::<serde_json::Map<_, _>>() })
}

/// `/system/stats.json`, its keys in the order of the alphabet.
fn system_stats() -> Value {
    let system = System::now();
    let [one, five, fifteen] = system.load;
    json!({
        "avg_load_15min": fifteen,
        "avg_load_1min": one,
        "avg_load_5min": five,
        "cpus_total": system.cpus_total,
        "mem_free_bytes": system.memory_free_bytes,
        "mem_total_bytes": system.memory_total_bytes,
    })
}

/// Whether the client is a browser: it would rather have HTML.
fn wants_html(request: &Request) -> bool {
    let accept = request.header(&mezzo_http::header::ACCEPT).unwrap_or("");
    request.method == Method::GET && accept.contains("text/html")
}

/// A page of text or HTML.
fn page(media_type: &'static str, body: String) -> Response {
    Response::new(StatusCode::OK, HeaderValue::from_static(media_type), body)
}

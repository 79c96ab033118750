//! The master's API.

mod operations;
mod operator;
mod plugins;
mod reads;
mod roles;
mod routes;
mod scheduler;
mod teardown;

use std::{future::Future, sync::Arc};

use bytes::Bytes;
use mezzo_http::{Body, CloseReason, EventSender, Request, Response, Service};
use mezzo_model::{
    RequestId, StreamId,
    calls::{Answer, Encoding, MasterRead, Principal, Refusal, RolesRequest, SchedulerRequest},
};

use crate::{
    Attached, Reading, answer,
    files::Files,
    process::{self, Figures, Found, Own, Process},
    query::Query,
    route::{self, Topic},
};
pub use plugins::{PluginChange, PluginUpload};
use routes::Endpoint;

/// What the API needs of the master behind it.
///
/// Every method may wait: for room in the inbox, then for the core's answer. A refusal with
/// [`mezzo_model::calls::Status::Unavailable`] becomes 503 with `Retry-After`.
pub trait MasterBackend: Send + Sync + 'static {
    /// A number for the next request; never the same twice.
    fn next_request(&self) -> RequestId;

    /// A number for the next stream; never the same twice.
    fn next_stream(&self) -> StreamId;

    /// Who leads the cluster.
    fn leader(&self) -> Leader;

    /// How far a client of an event stream may be behind, in bytes.
    fn stream_bytes_max(&self) -> usize;

    /// Carries out a call that opens no stream.
    fn call(&self, call: SchedulerRequest) -> impl Future<Output = Answer> + Send;

    /// Sets something for roles.
    fn set_roles(&self, call: RolesRequest) -> impl Future<Output = Answer> + Send;

    /// Carries out a SUBSCRIBE. Events go to `events`, which the backend keeps until the
    /// stream is to end; after an `Err` it has dropped it.
    fn subscribe(
        &self,
        call: SchedulerRequest,
        events: EventSender,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// A stream's client is gone, or was given up. Called once for each stream.
    fn stream_closed(&self, stream: StreamId, reason: CloseReason);

    /// Subscribes an operator to events: a body that begins with a snapshot and does not end.
    fn watch(
        self: &Arc<Self>,
        principal: Principal,
        encoding: Encoding,
    ) -> impl Future<Output = Result<Body, Refusal>> + Send;

    /// Renders a view of the cluster's state; the legacy ones are JSON whatever `encoding` says.
    /// Never asked for [`MasterRead::Metrics`].
    fn read(
        &self,
        principal: Principal,
        read: MasterRead,
        encoding: Encoding,
    ) -> impl Future<Output = Result<Reading, Refusal>> + Send;

    /// The core's numbers, by Mesos's names.
    fn figures(&self) -> impl Future<Output = Result<Figures, Refusal>> + Send;

    /// Tries a plugin and says what was found out, as JSON; nothing is changed.
    fn check_plugin(&self, upload: PluginUpload) -> impl Future<Output = Result<Bytes, Refusal>> + Send {
        let _ = upload;
        std::future::ready(Err(Refusal::not_implemented("There are no plugins here.")))
    }

    /// Tries a plugin and has it serve; says what was found out, as JSON, once it is on its way.
    fn swap_plugin(
        &self,
        principal: Principal,
        upload: PluginUpload,
    ) -> impl Future<Output = Result<Bytes, Refusal>> + Send {
        let _ = (principal, upload);
        std::future::ready(Err(Refusal::not_implemented("There are no plugins here.")))
    }

    /// Changes who serves in another way.
    fn change_plugin(
        &self,
        principal: Principal,
        change: PluginChange,
    ) -> impl Future<Output = Answer> + Send {
        let _ = (principal, change);
        std::future::ready(Answer::Refused(Refusal::not_implemented("There are no plugins here.")))
    }

    /// What waits for the core, oldest first, at most a few of them.
    fn waiting(&self) -> Vec<&'static str>;

    /// Which paths of the files API lead where.
    fn attached_paths(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Where a path of the files API leads, if anywhere.
    fn attached(&self, path: &str) -> impl Future<Output = Result<Option<Attached>, Refusal>> + Send {
        let _ = path;
        std::future::ready(Ok(None))
    }
}

/// Who leads the cluster, as seen from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leader {
    /// This master, at this `host:port`.
    Here(String),
    /// Another, at this `host:port`.
    There(String),
    /// Nobody that is known.
    Unknown,
    /// This master, once it has read its registry.
    Recovering(String),
}

/// The master's whole API, as a service of the HTTP server.
pub struct MasterApi<B> {
    backend: Arc<B>,
    process: Process,
}

impl<B: MasterBackend> MasterApi<B> {
    /// The API in front of `backend`.
    pub fn new(backend: Arc<B>, process: Process) -> Self {
        Self { backend, process }
    }

    async fn endpoint(&self, endpoint: &Endpoint, request: &Request) -> Result<Response, Box<Response>> {
        let query = Query::parse(request.uri.query());
        if let Some(answer) = reads::answer(self, *endpoint, request, &query).await? {
            return Ok(answer);
        }
        Ok(match endpoint {
            Endpoint::Scheduler => {
                self.check_leading(request)?;
                scheduler::handle(&self.backend, request).await?
            }
            Endpoint::TasksKill => {
                self.check_leading(request)?;
                scheduler::kill_by_operator(&self.backend, request).await?
            }
            Endpoint::Plugins => plugins::handle(self, request, &query).await?,
            Endpoint::Operator => operator::handle(self, request).await?,
            Endpoint::QuotaOfRole => {
                self.check_leading(request)?;
                roles::delete_quota(self, request).await
            }
            Endpoint::Teardown => {
                self.check_leading(request)?;
                teardown::of_form(&*self.backend, request).await
            }
            Endpoint::Reserve | Endpoint::Unreserve | Endpoint::CreateVolumes | Endpoint::DestroyVolumes => {
                self.check_leading(request)?;
                operations::of_form(&*self.backend, *endpoint, request).await
            }
            Endpoint::Redirect => match self.backend.leader() {
                Leader::Here(address) | Leader::There(address) | Leader::Recovering(address) => {
                    answer::redirect(&format!("//{address}"))
                }
                Leader::Unknown => no_leader(),
            },
            // The others are reads, which were answered above.
            _ => answer::not_implemented(&format!("The endpoint '{}'", request.uri.path())),
        })
    }

    /// Sends a request about the cluster to the one master that knows it.
    fn check_leading(&self, request: &Request) -> Result<(), Box<Response>> {
        match self.backend.leader() {
            Leader::Here(_) => Ok(()),
            Leader::There(address) => {
                let path = request.uri.path_and_query().map_or("/", |path| path.as_str());
                Err(Box::new(answer::redirect(&format!("//{address}{path}"))))
            }
            Leader::Unknown => Err(Box::new(no_leader())),
            Leader::Recovering(_) => {
                Err(Box::new(answer::refused(Refusal::unavailable("Master has not finished recovery"))))
            }
        }
    }
}

impl<B: MasterBackend> Service for MasterApi<B> {
    async fn call(&self, request: Request) -> Response {
        let outcome = match process::route::<Self, _>(routes::TABLE, &request) {
            Ok(Found::Own(endpoint)) => self.endpoint(endpoint, &request).await,
            Ok(Found::Shared(endpoint)) => Ok(process::endpoint(self, endpoint, &request).await),
            Err(refusal) => Err(refusal),
        };
        outcome.unwrap_or_else(|refusal| *refusal)
    }
}

impl<B: MasterBackend> Own for MasterApi<B> {
    const ID: &'static str = "master";

    fn topics() -> impl Iterator<Item = Topic> {
        route::topics(routes::TABLE)
    }

    fn process(&self) -> &Process {
        &self.process
    }

    async fn figures(&self) -> Result<Figures, Refusal> {
        self.backend.figures().await
    }

    async fn attached_paths(&self) -> Result<Bytes, Refusal> {
        Ok(answer::object(self.backend.attached_paths()))
    }

    fn waiting(&self) -> Vec<&'static str> {
        self.backend.waiting()
    }
}

impl<B: MasterBackend> Files for MasterApi<B> {
    async fn attached(&self, path: &str) -> Result<Option<Attached>, Refusal> {
        self.backend.attached(path).await
    }
}

fn no_leader() -> Response {
    answer::refused(Refusal::unavailable("No leader elected"))
}

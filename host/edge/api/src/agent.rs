//! The agent's API.

mod executor;
mod operator;
mod routes;

use std::{future::Future, sync::Arc};

use bytes::Bytes;
use mezzo_http::{CloseReason, EventSender, Request, Response, Service};
use mezzo_model::{
    RequestId, StreamId,
    calls::{AgentRead, Answer, Encoding, ExecutorRequest, Principal, Refusal},
};

use crate::{
    Attached, answer,
    files::Files,
    process::{self, Figures, Found, Own, Process},
    query::Query,
    route::{self, Topic},
};
use routes::Endpoint;

/// What the API needs of the agent behind it. Every method may wait for room in the inbox.
pub trait AgentBackend: Send + Sync + 'static {
    /// A number for the next request; never the same twice.
    fn next_request(&self) -> RequestId;

    /// A number for the next stream; never the same twice.
    fn next_stream(&self) -> StreamId;

    /// How far an executor may be behind its events, in bytes.
    fn stream_bytes_max(&self) -> usize;

    /// Carries out a call of an executor that opens no stream.
    fn executor_call(&self, call: ExecutorRequest) -> impl Future<Output = Answer> + Send;

    /// Carries out an executor's SUBSCRIBE. Events go to `events`, which the backend keeps until
    /// the stream is to end; after an `Err` it has dropped it.
    fn executor_subscribe(
        &self,
        call: ExecutorRequest,
        events: EventSender,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// A stream's client is gone, or was given up. Called once for each stream.
    fn stream_closed(&self, stream: StreamId, reason: CloseReason);

    /// Renders a view of the agent's state; the legacy ones are JSON whatever `encoding` says.
    /// Never asked for [`AgentRead::ResolvePath`] and [`AgentRead::Metrics`].
    fn read(
        &self,
        principal: Principal,
        read: AgentRead,
        encoding: Encoding,
    ) -> impl Future<Output = Result<Bytes, Refusal>> + Send;

    /// The core's numbers, by Mesos's names.
    fn figures(&self) -> impl Future<Output = Result<Figures, Refusal>> + Send;

    /// Where a path of the files API leads, if anywhere.
    fn attached(&self, path: &str) -> impl Future<Output = Result<Option<Attached>, Refusal>> + Send;

    /// What waits for the core, oldest first, at most a few of them.
    fn waiting(&self) -> Vec<&'static str>;
}

/// The agent's whole API, as a service of the HTTP server.
pub struct AgentApi<B> {
    backend: Arc<B>,
    process: Process,
}

impl<B: AgentBackend> AgentApi<B> {
    /// The API in front of `backend`.
    pub fn new(backend: Arc<B>, process: Process) -> Self {
        Self { backend, process }
    }

    async fn endpoint(&self, endpoint: &Endpoint, request: &Request) -> Result<Response, Box<Response>> {
        let query = Query::parse(request.uri.query());
        Ok(match endpoint {
            Endpoint::Operator => operator::handle(self, request).await?,
            Endpoint::Executor => executor::handle(&self.backend, request).await?,
            Endpoint::State => self.legacy(AgentRead::State, &query).await,
            Endpoint::Containers => {
                let wanted = query.get("container_id").map(str::to_owned);
                self.legacy(AgentRead::Containers(wanted), &query).await
            }
            Endpoint::MonitorStatistics => self.legacy(AgentRead::MonitorStatistics, &query).await,
            Endpoint::Later => answer::not_implemented(&format!("The endpoint '{}'", request.uri.path())),
        })
    }

    async fn legacy(&self, read: AgentRead, query: &Query) -> Response {
        match self.backend.read(Principal::ANONYMOUS, read, Encoding::Json).await {
            Ok(body) => answer::legacy_json(body, query),
            Err(refusal) => answer::refused(refusal),
        }
    }
}

impl<B: AgentBackend> Service for AgentApi<B> {
    async fn call(&self, request: Request) -> Response {
        let outcome = match process::route::<Self, _>(routes::TABLE, &request) {
            Ok(Found::Own(endpoint)) => self.endpoint(endpoint, &request).await,
            Ok(Found::Shared(endpoint)) => Ok(process::endpoint(self, endpoint, &request).await),
            Err(refusal) => Err(refusal),
        };
        outcome.unwrap_or_else(|refusal| *refusal)
    }
}

impl<B: AgentBackend> Own for AgentApi<B> {
    const ID: &'static str = "slave(1)";

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
        self.backend.read(Principal::ANONYMOUS, AgentRead::AttachedPaths, Encoding::Json).await
    }

    fn waiting(&self) -> Vec<&'static str> {
        self.backend.waiting()
    }
}

impl<B: AgentBackend> Files for AgentApi<B> {
    async fn attached(&self, path: &str) -> Result<Option<Attached>, Refusal> {
        self.backend.attached(path).await
    }
}

//! The agent's API.

mod executor;
mod operator;
mod routes;

use std::{future::Future, sync::Arc};

use bytes::Bytes;
use mezzo_http::{CloseReason, EventSender, Request, Response, Service, StatusCode};
use mezzo_model::{
    RequestId, StreamId,
    calls::{AgentRead, Answer, Encoding, ExecutorRequest, Principal, Refusal},
};

use crate::{
    Attached, Build, answer,
    files::{self, Files},
    query::Query,
    route,
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
    /// Never asked for [`AgentRead::ResolvePath`].
    fn read(
        &self,
        principal: Principal,
        read: AgentRead,
        encoding: Encoding,
    ) -> impl Future<Output = Result<Bytes, Refusal>> + Send;

    /// Where a path of the files API leads, if anywhere.
    fn attached(&self, path: &str) -> impl Future<Output = Result<Option<Attached>, Refusal>> + Send;
}

/// The agent's whole API, as a service of the HTTP server.
pub struct AgentApi<B> {
    backend: Arc<B>,
    build: Build,
}

impl<B: AgentBackend> AgentApi<B> {
    /// The API in front of `backend`.
    pub fn new(backend: Arc<B>, build: Build) -> Self {
        Self { backend, build }
    }

    async fn endpoint(&self, endpoint: &Endpoint, request: &Request) -> Result<Response, Box<Response>> {
        let query = Query::parse(request.uri.query());
        Ok(match endpoint {
            Endpoint::Operator => operator::handle(self, request).await?,
            Endpoint::Executor => executor::handle(&self.backend, request).await?,
            Endpoint::State => self.legacy(AgentRead::State, &query).await,
            Endpoint::Metrics => self.legacy(AgentRead::Metrics, &query).await,
            Endpoint::Health => Response::empty(StatusCode::OK),
            Endpoint::Version => answer::legacy_json(self.build.to_json().to_string(), &query),
            Endpoint::FilesBrowse => files::browse(self, &query).await,
            Endpoint::FilesRead => files::read(self, &query).await,
            Endpoint::FilesDownload => files::download(self, &query).await,
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
        let outcome = match route::find(routes::TABLE, "slave(1)", request.uri.path(), &request.method) {
            Ok(endpoint) => self.endpoint(endpoint, &request).await,
            Err(refusal) => Err(refusal),
        };
        outcome.unwrap_or_else(|refusal| *refusal)
    }
}

impl<B: AgentBackend> Files for AgentApi<B> {
    async fn attached(&self, path: &str) -> Result<Option<Attached>, Refusal> {
        self.backend.attached(path).await
    }
}

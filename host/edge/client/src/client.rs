//! Calls and their answers.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use mezzo_model::calls::Encoding;
use mezzo_proto::{
    Name, decode,
    json::{from_json, to_json},
    mesos::v1::{self, agent, master, scheduler},
};

use crate::{
    ClientError, Config, Events, Subscription,
    address::Address,
    error::{Peer, Unreadable},
    http::{Ask, Http},
};

/// The header that ties a scheduler's calls to its event stream.
pub(crate) const STREAM_ID: HeaderName = HeaderName::from_static("mesos-stream-id");

/// Talks to one master or one agent.
#[derive(Clone, Debug)]
pub struct Client {
    http: Http,
    encoding: Encoding,
}

impl Client {
    /// A client of the server at `address` (`host:port`). Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// When the text cannot be an address.
    pub fn new(address: &str) -> Result<Self, ClientError> {
        Self::with_config(address, Config::default())
    }

    /// The same with other limits.
    ///
    /// # Errors
    ///
    /// When the text cannot be an address.
    pub fn with_config(address: &str, config: Config) -> Result<Self, ClientError> {
        Ok(Self { http: Http::new(Address::parse(address)?, config), encoding: Encoding::Protobuf })
    }

    /// Writes calls and asks for answers in this encoding; protobuf unless told otherwise.
    #[must_use]
    pub fn speaking(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Where the server is.
    pub fn address(&self) -> String {
        self.http.address.to_string()
    }

    /// The version that a master says it has.
    ///
    /// # Errors
    ///
    /// As [`Client::master_call`].
    pub async fn version(&self) -> Result<String, ClientError> {
        let about = self.get_json_of(Peer::Master, "/version").await?;
        let version = about.get("version").and_then(|version| version.as_str()).map(str::to_owned);
        version
            .ok_or_else(|| self.unreadable(Peer::Master, &Unreadable::Other("`/version` names no version")))
    }

    /// How many agents are registered and connected.
    ///
    /// # Errors
    ///
    /// As [`Client::master_call`].
    pub async fn agents_active(&self) -> Result<usize, ClientError> {
        let call = master::Call { r#type: Some(master::call::Type::GetAgents.into()), ..Default::default() };
        let agents = self.master_call(&call).await?.get_agents.unwrap_or_default().agents;
        Ok(agents.iter().filter(|agent| agent.active).count())
    }

    /// An operator's call to a master. The answer is empty for calls that have none.
    ///
    /// # Errors
    ///
    /// When no master answers, or it refuses.
    pub async fn master_call(&self, call: &master::Call) -> Result<master::Response, ClientError> {
        self.call(Peer::Master, "/api/v1", call).await
    }

    /// An operator's call to an agent. The answer is empty for calls that have none.
    ///
    /// # Errors
    ///
    /// When no agent answers, or it refuses.
    pub async fn agent_call(&self, call: &agent::Call) -> Result<agent::Response, ClientError> {
        self.call(Peer::Agent, "/api/v1", call).await
    }

    /// Up to `length` bytes of a file of an agent's, by its virtual path; none past its end.
    ///
    /// # Errors
    ///
    /// When no agent answers, or there is no such file.
    pub async fn read_file(&self, path: &str, offset: u64, length: u64) -> Result<Bytes, ClientError> {
        let call = agent::Call {
            r#type: Some(agent::call::Type::ReadFile.into()),
            read_file: Some(agent::call::ReadFile { path: path.to_owned(), offset, length: Some(length) }),
            ..Default::default()
        };
        let answer = self.agent_call(&call).await?.read_file;
        let missing = || self.unreadable(Peer::Agent, &Unreadable::Other("there is no `read_file` in it"));
        answer.map(|file| file.data.into()).ok_or_else(missing)
    }

    /// What lies in a directory of an agent's, by its virtual path.
    ///
    /// # Errors
    ///
    /// When no agent answers, or there is no such directory.
    pub async fn list_files(&self, path: &str) -> Result<Vec<v1::FileInfo>, ClientError> {
        let call = agent::Call {
            r#type: Some(agent::call::Type::ListFiles.into()),
            list_files: Some(agent::call::ListFiles { path: path.to_owned() }),
            ..Default::default()
        };
        Ok(self.agent_call(&call).await?.list_files.unwrap_or_default().file_infos)
    }

    /// Subscribes a framework; with `framework.id` set, again. The first event is SUBSCRIBED.
    ///
    /// # Errors
    ///
    /// When no master answers, or it refuses.
    pub async fn subscribe(&self, framework: v1::FrameworkInfo) -> Result<Subscription, ClientError> {
        self.subscribe_with(&scheduler::Call {
            framework_id: framework.id.clone(),
            r#type: Some(scheduler::call::Type::Subscribe.into()),
            subscribe: Some(scheduler::call::Subscribe { framework_info: framework, ..Default::default() }),
            ..Default::default()
        })
        .await
    }

    /// Subscribes with a call made by hand.
    ///
    /// # Errors
    ///
    /// When no master answers, or it refuses.
    pub async fn subscribe_with(&self, call: &scheduler::Call) -> Result<Subscription, ClientError> {
        let ask = self.ask("/api/v1/scheduler", call, Vec::new());
        let (address, response) = self.http.stream(Peer::Master, ask).await?;
        let stream_id = response.headers().get(STREAM_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
        let Some(stream_id) = stream_id else {
            return Err(self.unreadable(Peer::Master, &Unreadable::Other("it has no `Mesos-Stream-Id`")));
        };
        let events = Events::new(response, address.to_string(), &self.http.config);
        Ok(Subscription::new(stream_id, events))
    }

    /// A scheduler's call over the subscription with this stream id.
    ///
    /// # Errors
    ///
    /// When no master answers, or it refuses.
    pub async fn scheduler_call(&self, stream_id: &str, call: &scheduler::Call) -> Result<(), ClientError> {
        let Ok(value) = HeaderValue::from_str(stream_id) else {
            return Err(self.unreadable(Peer::Master, &Unreadable::Other("the stream id fits no header")));
        };
        let ask = self.ask("/api/v1/scheduler", call, vec![(STREAM_ID, value)]);
        self.http.whole(Peer::Master, ask).await.map(|_| ())
    }

    /// Ends a task on behalf of a person rather than its scheduler: a KILL as a scheduler would
    /// send it, to a path of our own, which asks for no stream id.
    ///
    /// # Errors
    ///
    /// When no master answers, or it refuses.
    pub async fn kill_task(&self, framework: &str, task: &str) -> Result<(), ClientError> {
        let call = scheduler::Call {
            framework_id: Some(v1::FrameworkId { value: framework.to_owned() }),
            r#type: Some(scheduler::call::Type::Kill.into()),
            kill: Some(scheduler::call::Kill {
                task_id: v1::TaskId { value: task.to_owned() },
                agent_id: None,
                kill_policy: None,
            }),
            ..Default::default()
        };
        self.http.whole(Peer::Master, self.ask("/api/v1/tasks/kill", &call, Vec::new())).await.map(|_| ())
    }

    /// The operator's event stream of a master. The first event is SUBSCRIBED.
    ///
    /// # Errors
    ///
    /// When no master answers, or it refuses.
    pub async fn master_events(&self) -> Result<Events<master::Event>, ClientError> {
        let call = master::Call { r#type: Some(master::call::Type::Subscribe.into()), ..Default::default() };
        let (address, response) =
            self.http.stream(Peer::Master, self.ask("/api/v1", &call, Vec::new())).await?;
        Ok(Events::new(response, address.to_string(), &self.http.config))
    }

    /// What a GET of one of the older endpoints answers, `/state` for example.
    ///
    /// # Errors
    ///
    /// When nobody answers, or refuses, or the answer is no JSON.
    pub async fn get_json(&self, path: &str) -> Result<serde_json::Value, ClientError> {
        self.get_json_of(Peer::Server, path).await
    }

    /// The body of a GET, as it came.
    ///
    /// # Errors
    ///
    /// When nobody answers, or refuses.
    pub async fn get(&self, path: &str) -> Result<Bytes, ClientError> {
        self.get_of(Peer::Server, path).await
    }

    /// Posts bytes, which may take a while to be looked at, and gives the body of the answer.
    ///
    /// # Errors
    ///
    /// When no master answers, or it refuses.
    pub async fn post(
        &self,
        path: &str,
        media_type: &'static str,
        body: impl Into<Bytes>,
    ) -> Result<Bytes, ClientError> {
        let headers = vec![(header::CONTENT_TYPE, HeaderValue::from_static(media_type))];
        let ask = Ask { method: Method::POST, path: path.to_owned(), headers, body: body.into() };
        self.http.whole(Peer::Master, ask).await.map(|(_, body)| body)
    }

    async fn get_json_of(&self, peer: Peer, path: &str) -> Result<serde_json::Value, ClientError> {
        let bytes = self.get_of(peer, path).await?;
        serde_json::from_slice(&bytes).map_err(|error| ClientError::Answer {
            peer,
            address: self.address(),
            why: format!("`{path}` is no JSON: {error}"),
        })
    }

    async fn get_of(&self, peer: Peer, path: &str) -> Result<Bytes, ClientError> {
        let ask = Ask { method: Method::GET, path: path.to_owned(), headers: Vec::new(), body: Bytes::new() };
        self.http.whole(peer, ask).await.map(|(_, body)| body)
    }

    async fn call<C: Name, A: Name + Default>(
        &self,
        peer: Peer,
        path: &str,
        call: &C,
    ) -> Result<A, ClientError> {
        let (headers, body) = self.http.whole(peer, self.ask(path, call, Vec::new())).await?;
        if body.is_empty() {
            return Ok(A::default());
        }
        read(encoding_of(&headers), &body).map_err(|why| self.unreadable(peer, &why))
    }

    fn ask<C: Name>(&self, path: &str, call: &C, mut headers: Vec<(HeaderName, HeaderValue)>) -> Ask {
        let media_type = HeaderValue::from_static(self.encoding.media_type());
        headers.extend([(header::CONTENT_TYPE, media_type.clone()), (header::ACCEPT, media_type)]);
        let body = match self.encoding {
            Encoding::Json => to_json(call),
            Encoding::Protobuf => call.encode_to_vec(),
        };
        Ask { method: Method::POST, path: path.to_owned(), headers, body: body.into() }
    }

    fn unreadable(&self, peer: Peer, why: &Unreadable) -> ClientError {
        ClientError::Answer { peer, address: self.address(), why: why.to_string() }
    }
}

/// How an answer is written; JSON where it does not say.
pub(crate) fn encoding_of(headers: &HeaderMap) -> Encoding {
    match headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes) {
        Some(b"application/x-protobuf") => Encoding::Protobuf,
        _ => Encoding::Json,
    }
}

pub(crate) fn read<M: Name + Default>(encoding: Encoding, bytes: &[u8]) -> Result<M, Unreadable> {
    match encoding {
        Encoding::Json => Ok(from_json(bytes)?),
        Encoding::Protobuf => Ok(decode(bytes)?),
    }
}

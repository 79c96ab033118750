//! Requests in, responses out, and backends that remember.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use mezzo_api::{
    AgentApi, AgentBackend, Attached, Build, CloseReason, EventSender, Figures, Leader, MasterApi,
    MasterBackend, Process, Reading,
};
use mezzo_http::{Body, HeaderName, HeaderValue, Method, Request, Response, Service};
use mezzo_model::{
    RequestId, StreamId,
    calls::{
        AgentRead, Answer, Encoding, ExecutorRequest, MasterRead, Principal, Refusal, RolesRequest,
        SchedulerRequest,
    },
};
use mezzo_telemetry::Metrics;

pub struct Mock {
    pub leader: Leader,
    pub answer: Answer,
    pub attached: Option<Attached>,
    pub calls: Mutex<Vec<SchedulerRequest>>,
    pub executor_calls: Mutex<Vec<ExecutorRequest>>,
    pub roles_calls: Mutex<Vec<RolesRequest>>,
    pub streams: Mutex<Vec<EventSender>>,
    pub next: AtomicU64,
}

impl Default for Mock {
    fn default() -> Self {
        Self {
            leader: Leader::Here("localhost:5050".into()),
            answer: Answer::Accepted,
            attached: None,
            calls: Mutex::default(),
            executor_calls: Mutex::default(),
            roles_calls: Mutex::default(),
            streams: Mutex::default(),
            next: AtomicU64::new(1),
        }
    }
}

impl Mock {
    /// Keeps a stream open, unless everything is refused.
    fn keep(&self, events: EventSender) -> Result<(), Refusal> {
        self.streams.lock().expect("ok").push(events);
        match &self.answer {
            Answer::Refused(refusal) => Err(refusal.clone()),
            Answer::Ok | Answer::Accepted => Ok(()),
        }
    }
}

impl MasterBackend for Mock {
    fn next_request(&self) -> RequestId {
        RequestId(self.next.fetch_add(1, Ordering::Relaxed))
    }

    fn next_stream(&self) -> StreamId {
        StreamId(self.next.fetch_add(1, Ordering::Relaxed))
    }

    fn leader(&self) -> Leader {
        self.leader.clone()
    }

    fn stream_bytes_max(&self) -> usize {
        1 << 20
    }

    async fn call(&self, call: SchedulerRequest) -> Answer {
        self.calls.lock().expect("ok").push(call);
        self.answer.clone()
    }

    async fn set_roles(&self, call: RolesRequest) -> Answer {
        self.roles_calls.lock().expect("ok").push(call);
        self.answer.clone()
    }

    async fn subscribe(&self, call: SchedulerRequest, events: EventSender) -> Result<(), Refusal> {
        self.calls.lock().expect("ok").push(call);
        self.keep(events)
    }

    async fn figures(&self) -> Result<Figures, Refusal> {
        Ok(figures())
    }

    fn waiting(&self) -> Vec<&'static str> {
        vec!["call"]
    }

    fn stream_closed(&self, _: StreamId, _: CloseReason) {}

    async fn watch(self: &Arc<Self>, _: Principal, encoding: Encoding) -> Result<Body, Refusal> {
        Ok(Body::Full(format!("watch {encoding:?}").into()))
    }

    async fn read(&self, _: Principal, read: MasterRead, encoding: Encoding) -> Result<Reading, Refusal> {
        let text = format!("{read:?} {encoding:?}");
        // `/state` comes in pieces, everything else at once.
        Ok(match read {
            MasterRead::State => {
                let (one, other) = text.split_at(3);
                let pieces = [one, other].map(|piece| Ok(Bytes::copy_from_slice(piece.as_bytes())));
                Reading::Pieces(Box::pin(futures_util::stream::iter(pieces)))
            }
            _ => Reading::Whole(text.into()),
        })
    }
}

/// What both cores show.
fn figures() -> Figures {
    vec![("master/elected".into(), 1.0)]
}

impl AgentBackend for Mock {
    fn next_request(&self) -> RequestId {
        MasterBackend::next_request(self)
    }

    fn next_stream(&self) -> StreamId {
        MasterBackend::next_stream(self)
    }

    fn stream_bytes_max(&self) -> usize {
        1 << 20
    }

    async fn executor_call(&self, call: ExecutorRequest) -> Answer {
        self.executor_calls.lock().expect("ok").push(call);
        self.answer.clone()
    }

    async fn executor_subscribe(&self, call: ExecutorRequest, events: EventSender) -> Result<(), Refusal> {
        self.executor_calls.lock().expect("ok").push(call);
        self.keep(events)
    }

    fn stream_closed(&self, _: StreamId, _: CloseReason) {}

    async fn figures(&self) -> Result<Figures, Refusal> {
        Ok(figures())
    }

    fn waiting(&self) -> Vec<&'static str> {
        vec!["read"]
    }

    async fn read(&self, _: Principal, read: AgentRead, encoding: Encoding) -> Result<Bytes, Refusal> {
        Ok(format!("{read:?} {encoding:?}").into())
    }

    async fn attached(&self, path: &str) -> Result<Option<Attached>, Refusal> {
        let below = path.strip_prefix("/sandbox");
        Ok(self
            .attached
            .clone()
            .zip(below)
            .map(|(attached, rest)| Attached { rest: rest.to_owned(), ..attached }))
    }
}

pub fn master(mock: &Arc<Mock>) -> MasterApi<Mock> {
    MasterApi::new(Arc::clone(mock), process())
}

pub fn agent(mock: &Arc<Mock>) -> AgentApi<Mock> {
    AgentApi::new(Arc::clone(mock), process())
}

fn process() -> Process {
    let build = Build {
        version: "1.11.0".into(),
        date: "D".into(),
        time: 1.0,
        user: "U".into(),
        git_sha: None,
        git_branch: None,
        git_tag: Some("T".into()),
    };
    let metrics = Metrics::default();
    metrics.counter("own").add(1);
    Process { build, flags: vec![("port".into(), "5050".into())], metrics }
}

/// A request as a client writes it.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Request {
    let headers = headers.iter().map(|(name, value)| {
        (name.parse::<HeaderName>().expect("a name"), value.parse::<HeaderValue>().expect("a value"))
    });
    Request {
        method: method.parse::<Method>().expect("a method"),
        uri: path.parse().expect("a path"),
        headers: headers.collect(),
        body: body.into(),
        peer: "127.0.0.1:1".parse().expect("an address"),
    }
}

/// What came back, flattened.
#[derive(Debug, PartialEq)]
pub struct Seen {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(this, _)| this == name).map(|(_, value)| value.as_str())
    }
}

pub async fn seen(service: &impl Service, request: Request) -> Seen {
    let response: Response = service.call(request).await;
    let headers = response.headers.iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned())).collect();
    let body = match response.body {
        Body::Full(bytes) => bytes.to_vec(),
        Body::Events(_) | Body::Feed(_) => b"<events>".to_vec(),
        Body::Other { bytes, .. } => {
            use http_body_util::BodyExt;
            bytes.collect().await.expect("a whole body").to_bytes().to_vec()
        }
    };
    Seen { status: response.status.as_u16(), headers, body }
}

pub const JSON: (&str, &str) = ("Content-Type", "application/json");

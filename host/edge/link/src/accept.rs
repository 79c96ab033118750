//! The master's side: taking links off its port.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use mezzo_proto::mezzo::link::v1::{from_agent, from_master};
use tokio::sync::mpsc;

use crate::{Config, Link, link::join, outgoing::Shared};

/// An error of a body that is still being sent.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A link as the master holds it.
type MasterLink = Link<from_master::Body, from_agent::Body>;

/// The answer to send on.
type Answer = Response<UnsyncBoxBody<Bytes, BoxError>>;

/// Turns requests of [`crate::PATH`] into links and hands them on.
#[derive(Clone, Debug)]
pub struct Acceptor {
    config: Config,
    links: mpsc::Sender<MasterLink>,
}

impl Acceptor {
    /// An acceptor, and where its links come out. At most `waiting_max` wait to be taken;
    /// further agents are told to come back.
    pub fn new(config: Config, waiting_max: usize) -> (Self, mpsc::Receiver<MasterLink>) {
        let (links, opened) = mpsc::channel(waiting_max.max(1));
        (Self { config, links }, opened)
    }

    /// Answers one request: with the link's own stream, or with a refusal.
    pub async fn handle(&self, request: Request<Incoming>) -> Answer {
        let Ok(room) = self.links.try_reserve() else {
            return refusal(
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many agents dial at once: come back later.",
            );
        };
        match accept(request, &self.config) {
            Ok((answer, link)) => {
                room.send(link);
                answer
            }
            Err(refusal) => *refusal,
        }
    }
}

/// Makes a link of a request; the answer has to be sent for the link to live. An error is
/// the refusal to send instead, when the request is no POST over HTTP/2.
fn accept(request: Request<Incoming>, config: &Config) -> Result<(Answer, MasterLink), Box<Answer>> {
    if request.method() != Method::POST {
        let text = format!("Expecting one of {{ 'POST' }}, but received '{}'.", request.method());
        return Err(Box::new(refusal(StatusCode::METHOD_NOT_ALLOWED, text)));
    }
    if request.version() != Version::HTTP_2 {
        let text = "A link between agent and master needs HTTP/2.";
        return Err(Box::new(refusal(StatusCode::HTTP_VERSION_NOT_SUPPORTED, text)));
    }
    let (shared, outgoing) = Shared::new();
    let link = join(shared, request.into_body(), config, None);
    let mut answer = Response::new(outgoing.map_err(BoxError::from).boxed_unsync());
    let media_type = header::HeaderValue::from_static("application/x-protobuf");
    answer.headers_mut().insert(header::CONTENT_TYPE, media_type);
    Ok((answer, link))
}

fn refusal(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(text.into()).map_err(|never| match never {}).boxed_unsync());
    *answer.status_mut() = status;
    let media_type = header::HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, media_type);
    answer
}

//! The agent's side: reaching a master.

use std::{io, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::{body::Incoming, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mezzo_proto::mezzo::link::v1::{from_agent, from_master};
use tokio::{net::TcpStream, time::timeout};

use crate::{
    Config, Link, PATH,
    link::join,
    outgoing::{Outgoing, Shared},
};

/// What may be on its way without the reader's leave, for the stream and for the connection.
const WINDOW_BYTES: u32 = 1 << 20;

/// How much of a refusal's text is kept.
const REFUSAL_BYTES_MAX: usize = 2048;

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// Nobody answers at the address.
    #[error("cannot connect to the master at `{address}`")]
    Connect {
        /// The address, as it was given.
        address: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It takes too long.
    #[error("the master at `{address}` did not answer within {} s", waited.as_secs_f32())]
    Timeout {
        /// The address.
        address: String,
        /// How long was waited.
        waited: Duration,
    },
    /// Somebody answers, but not in HTTP/2.
    #[error("the server at `{address}` does not speak HTTP/2")]
    Handshake {
        /// The address.
        address: String,
        /// What went wrong.
        #[source]
        source: hyper::Error,
    },
    /// Another master leads.
    #[error("the master at `{address}` does not lead; `{leader}` does")]
    Elsewhere {
        /// The address.
        address: String,
        /// Host and port of the leader.
        leader: String,
    },
    /// The server does not take the link.
    #[error("the server at `{address}` refused the link with {status}: {text}")]
    Refused {
        /// The address.
        address: String,
        /// The status.
        status: StatusCode,
        /// What it said.
        text: String,
    },
}

/// Connects to the master at `address` (`host:port`) and opens the control stream.
///
/// # Errors
///
/// When nobody takes the link; nothing is left open then.
pub async fn dial(
    address: &str,
    config: &Config,
) -> Result<Link<from_agent::Body, from_master::Body>, DialError> {
    let waited = config.connect_timeout;
    let late = |_| DialError::Timeout { address: address.to_owned(), waited };
    let socket = timeout(waited, TcpStream::connect(address)).await.map_err(late)?;
    let socket = socket.map_err(|source| DialError::Connect { address: address.to_owned(), source })?;
    let (shared, outgoing) = Shared::new();
    timeout(waited, open(socket, address, config, outgoing)).await.map_err(late)?.map(|(body, connection)| {
        let connection = connection.into_handle();
        join(shared, body, config, Some(connection))
    })
}

async fn open(
    socket: TcpStream,
    address: &str,
    config: &Config,
    outgoing: Outgoing,
) -> Result<(Incoming, Driven), DialError> {
    let broken = |source| DialError::Handshake { address: address.to_owned(), source };
    let _ = socket.set_nodelay(true);
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(WINDOW_BYTES).initial_connection_window_size(WINDOW_BYTES);
    builder.max_send_buf_size(usize::try_from(WINDOW_BYTES).unwrap_or(config.queue_bytes_max));
    let (mut requests, connection) = builder.handshake(TokioIo::new(socket)).await.map_err(broken)?;
    let connection = Driven(Some(
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a link's connection broke");
            }
        })
        .abort_handle(),
    ));
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://{address}{PATH}"))
        .header(header::CONTENT_TYPE, "application/x-protobuf")
        .body(outgoing)
        .map_err(|error| DialError::Connect {
            address: address.to_owned(),
            source: io::Error::new(io::ErrorKind::InvalidInput, error),
        })?;
    let response = requests.send_request(request).await.map_err(broken)?;
    let status = response.status();
    if status == StatusCode::OK {
        return Ok((response.into_body(), connection));
    }
    let leader =
        response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()).and_then(authority);
    if let (true, Some(leader)) = (status.is_redirection(), leader) {
        return Err(DialError::Elsewhere { address: address.to_owned(), leader });
    }
    let text = text_of(response.into_body()).await;
    Err(DialError::Refused { address: address.to_owned(), status, text })
}

/// Ends the connection's task unless it is handed on: a dial may be cancelled at any point.
struct Driven(Option<tokio::task::AbortHandle>);

impl Driven {
    fn into_handle(mut self) -> tokio::task::AbortHandle {
        self.0.take().expect("taken once, here")
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.abort();
        }
    }
}

/// Host and port of a `Location`, with or without a scheme.
fn authority(location: &str) -> Option<String> {
    let rest = location.split_once("//")?.1;
    let authority = rest.split(['/', '?']).next()?;
    (!authority.is_empty()).then(|| authority.to_owned())
}

async fn text_of(body: Incoming) -> String {
    let bytes =
        Limited::new(body, REFUSAL_BYTES_MAX).collect().await.map_or_else(|_| Bytes::new(), |b| b.to_bytes());
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

//! One connection, from its first bytes to its end.

use std::{convert::Infallible, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::{
    body::Incoming,
    service::{HttpService, service_fn},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{Notify, watch},
};

use crate::{
    Body, BoxError, Config, Request, Response, Service,
    guests::{Guest, Seat},
    gzip,
    io::Guarded,
    refusals,
    room::{Room, Taken},
    server::stopping,
};

/// What a client that speaks HTTP/2 at once says first.
const H2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long a client may take for a refusal's few bytes.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Answers below this are not counted: a connection has one at a time.
const SMALL_ANSWER: usize = 64 << 10;

type Wire = http::Response<UnsyncBoxBody<Bytes, BoxError>>;

/// Runs a connection of either version; `None` when its client was given up.
macro_rules! drive {
    ($connection:expr, $stop:ident, $ends:ident) => {{
        let mut stop = $stop;
        tokio::select! {
            outcome = $connection.as_mut() => Some(outcome),
            () = $ends.disconnect.notified() => None,
            () = async { tokio::select! {
                () = stopping(&mut stop) => {}
                () = $ends.guest.asked_to_leave() => {}
            }} => {
                $connection.as_mut().graceful_shutdown();
                tokio::select! {
                    outcome = $connection.as_mut() => Some(outcome),
                    () = $ends.disconnect.notified() => None,
                    () = $ends.guest.overstays() => None,
                }
            }
        }
    }};
}

/// What every connection of a server shares.
pub(crate) struct Shared<S> {
    pub(crate) config: Arc<Config>,
    pub(crate) service: Arc<S>,
    /// For the bodies of all requests together.
    pub(crate) room: Room,
    /// For all answers that wait for their readers.
    pub(crate) answers: Room,
}

/// What ends a connection before its client does.
#[derive(Clone)]
struct Ends {
    /// Its stream's client is too slow.
    disconnect: Arc<Notify>,
    /// Somebody else needs the room.
    guest: Arc<Guest>,
}

/// Serves `socket` until it ends, or `stop` is set and what was under way is answered.
pub(crate) async fn serve<S, T>(
    mut socket: T,
    peer: SocketAddr,
    shared: Arc<Shared<S>>,
    seat: Seat,
    stop: watch::Receiver<bool>,
) where
    S: Service,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let config = Arc::clone(&shared.config);
    let opening = tokio::time::timeout(config.head_timeout, opening_bytes(&mut socket));
    let mut waiting = stop.clone();
    let prefix = tokio::select! {
        prefix = opening => prefix,
        () = stopping(&mut waiting) => return,
        () = seat.0.asked_to_leave() => return,
    };
    let Ok(Ok(prefix)) = prefix else { return };
    let ends = Ends { disconnect: Arc::new(Notify::new()), guest: Arc::clone(&seat.0) };
    let is_h2 = prefix.starts_with(H2_PREFACE);
    let io = TokioIo::new(Guarded::new(socket, prefix, Arc::clone(&config)));
    let service = {
        let ends = ends.clone();
        service_fn(move |request| {
            let (shared, ends) = (Arc::clone(&shared), ends.clone());
            async move { Ok::<_, Infallible>(answer(request, peer, shared, ends).await) }
        })
    };
    // Boxed, so that a connection takes the room of its own version and not of the larger one.
    match is_h2 {
        true => Box::pin(serve_h2(io, service, &config, ends, stop)).await,
        false => Box::pin(serve_h1(io, service, &config, ends, stop)).await,
    }
}

async fn serve_h2<T, H>(
    io: TokioIo<Guarded<T>>,
    service: H,
    config: &Config,
    ends: Ends,
    stop: watch::Receiver<bool>,
) where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: HttpService<Incoming, ResBody = UnsyncBoxBody<Bytes, BoxError>, Error = Infallible>,
    H::Future: Send + 'static,
{
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .max_header_list_size(u32::try_from(config.head_bytes_max).unwrap_or(u32::MAX))
        .max_concurrent_streams(config.streams_per_connection_max)
        .keep_alive_interval(std::time::Duration::from_secs(30))
        .keep_alive_timeout(std::time::Duration::from_secs(20));
    let mut connection = std::pin::pin!(builder.serve_connection(io, service));
    if let Some(Err(error)) = drive!(connection, stop, ends) {
        tracing::debug!(%error, "a connection broke");
    }
}

async fn serve_h1<T, H>(
    io: TokioIo<Guarded<T>>,
    service: H,
    config: &Config,
    ends: Ends,
    stop: watch::Receiver<bool>,
) where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: HttpService<Incoming, ResBody = UnsyncBoxBody<Bytes, BoxError>, Error = Infallible> + Unpin,
{
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .title_case_headers(true)
        .max_headers(config.head_fields_max)
        .max_header_size(config.head_bytes_max)
        // Bounds what waits in front of a client that does not read, too.
        .max_buf_size(config.head_bytes_max.max(64 << 10))
        .header_read_timeout(config.head_timeout);
    let mut connection = builder.serve_connection(io, service);
    let outcome = {
        let mut connection = Pin::new(&mut connection);
        drive!(connection, stop, ends)
    };
    let Some(Err(error)) = outcome else { return };
    tracing::debug!(%error, "a connection broke");
    let parts = connection.into_parts();
    let mut socket = parts.io.into_inner();
    // An idle connection just ends; one who has begun to speak is told.
    if error.is_timeout() && !parts.read_buf.is_empty() {
        let refusal = refusals::head_too_late(config);
        let _ = tokio::time::timeout(LAST_WORDS, socket.write_all(&refusal)).await;
    }
    if error.is_timeout() || error.is_parse() {
        refusals::linger(&mut socket).await;
    }
}

/// Reads until it is clear whether these are the first bytes of HTTP/2.
async fn opening_bytes(socket: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Bytes> {
    let mut bytes = BytesMut::with_capacity(1024);
    loop {
        if socket.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let compared = bytes.len().min(H2_PREFACE.len());
        if compared == H2_PREFACE.len() || bytes[..compared] != H2_PREFACE[..compared] {
            return Ok(bytes.freeze());
        }
    }
}

async fn answer<S: Service>(
    request: http::Request<Incoming>,
    peer: SocketAddr,
    shared: Arc<Shared<S>>,
    ends: Ends,
) -> Wire {
    let busy = ends.guest.busy();
    let version = request.version();
    let (head, body) = request.into_parts();
    let response = if target_length(&head.uri) > shared.config.uri_bytes_max {
        refusals::target_too_long(&shared.config)
    } else if shared.service.takes_stream(&head) {
        shared.service.call_stream(http::Request::from_parts(head, body), peer).await
    } else {
        let takes_gzip = head
            .headers
            .get(header::ACCEPT_ENCODING)
            .and_then(|value| value.to_str().ok())
            .is_some_and(gzip::is_accepted);
        let response =
            match Request::collect(http::Request::from_parts(head, body), peer, &shared.config, &shared.room)
                .await
            {
                Ok((request, taken)) => {
                    let response = shared.service.call(request).await;
                    drop(taken);
                    response
                }
                Err(refusal) => refusal,
            };
        if takes_gzip { compressed(response, shared.config.gzip_bytes_min).await } else { response }
    };
    match &response.body {
        Body::Events(events) => events.disconnect_by(ends.disconnect),
        Body::Feed(feed) => feed.disconnect_by(ends.disconnect),
        Body::Full(_) | Body::Other { .. } => {}
    }
    match taken_by(&response, &shared) {
        Ok(taken) => response.into_wire(version, (busy, taken)),
        Err(refusal) => refusal.into_wire(version, busy),
    }
}

fn target_length(uri: &http::Uri) -> usize {
    uri.path_and_query().map_or(0, |target| target.as_str().len())
}

/// Takes room for an answer until it has left. One that is larger than all the room there is may
/// still go alone.
fn taken_by<S>(response: &Response, shared: &Shared<S>) -> Result<Option<Taken>, Response> {
    let Body::Full(body) = &response.body else { return Ok(None) };
    if body.len() < SMALL_ANSWER {
        return Ok(None);
    }
    let mut taken = shared.answers.nothing();
    match taken.more(body.len().min(shared.config.answers_bytes_max)) {
        Ok(()) => Ok(Some(taken)),
        Err(_) => Err(refusals::no_room_for_answer(&shared.config)),
    }
}

async fn compressed(mut response: Response, bytes_min: usize) -> Response {
    const GZIP: (http::HeaderName, HeaderValue) =
        (header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    if response.headers.iter().any(|(name, _)| name == header::CONTENT_ENCODING) {
        return response;
    }
    let plain = match response.body {
        Body::Full(plain) if plain.len() >= bytes_min => plain,
        Body::Other { length: None, bytes } => {
            let packed = UnsyncBoxBody::new(gzip::Packed::new(bytes));
            response.body = Body::Other { length: None, bytes: packed };
            return response.with(GZIP.0, GZIP.1);
        }
        other => {
            response.body = other;
            return response;
        }
    };
    let packed = match plain.len() {
        0..65_536 => gzip::deflate(&plain),
        _ => match tokio::task::spawn_blocking(move || gzip::deflate(&plain)).await {
            Ok(packed) => packed,
            Err(_) => {
                return Response::text(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "The answer could not be compressed.",
                );
            }
        },
    };
    response.body = Body::Full(packed);
    response.with(GZIP.0, GZIP.1)
}

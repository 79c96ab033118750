//! One connection, from its first bytes to its end.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    sync::{Notify, watch},
};

use crate::{
    Body, BoxError, Config, Request, Response, Service, gzip, io::Guarded, room::Room, server::stopping,
};

/// What a client that speaks HTTP/2 at once says first.
const H2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

type Wire = http::Response<UnsyncBoxBody<Bytes, BoxError>>;

/// Runs a connection of either version; `None` when its client was given up.
macro_rules! drive {
    ($connection:ident, $stop:ident, $disconnect:ident) => {{
        let mut connection = $connection;
        let mut stop = $stop;
        tokio::select! {
            outcome = connection.as_mut() => Some(outcome),
            () = $disconnect.notified() => None,
            () = stopping(&mut stop) => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    outcome = connection.as_mut() => Some(outcome),
                    () = $disconnect.notified() => None,
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
}

/// Serves `socket` until it ends, or `stop` is set and what was under way is answered.
pub(crate) async fn serve<S, T>(
    mut socket: T,
    peer: SocketAddr,
    shared: Arc<Shared<S>>,
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
    };
    let Ok(Ok(prefix)) = prefix else { return };
    let is_h2 = prefix.starts_with(H2_PREFACE);
    let io = TokioIo::new(Guarded::new(socket, prefix, config.stall_timeout));
    let disconnect = Arc::new(Notify::new());
    let service = {
        let disconnect = Arc::clone(&disconnect);
        service_fn(move |request| {
            let shared = Arc::clone(&shared);
            let disconnect = Arc::clone(&disconnect);
            async move { Ok::<_, Infallible>(answer(request, peer, shared, disconnect).await) }
        })
    };
    let outcome = match is_h2 {
        true => {
            let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            builder
                .timer(TokioTimer::new())
                .auto_date_header(false)
                .max_header_list_size(u32::try_from(config.head_bytes_max).unwrap_or(u32::MAX))
                .max_concurrent_streams(config.streams_per_connection_max)
                .keep_alive_interval(std::time::Duration::from_secs(30))
                .keep_alive_timeout(std::time::Duration::from_secs(20));
            let connection = std::pin::pin!(builder.serve_connection(io, service));
            drive!(connection, stop, disconnect)
        }
        false => {
            let mut builder = hyper::server::conn::http1::Builder::new();
            builder
                .timer(TokioTimer::new())
                .auto_date_header(false)
                .title_case_headers(true)
                .max_headers(config.head_fields_max)
                .max_header_size(config.head_bytes_max)
                .header_read_timeout(config.head_timeout);
            let connection = std::pin::pin!(builder.serve_connection(io, service));
            drive!(connection, stop, disconnect)
        }
    };
    if let Some(Err(error)) = outcome {
        tracing::debug!(%peer, %error, "a connection broke");
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
    disconnect: Arc<Notify>,
) -> Wire {
    let version = request.version();
    let (head, body) = request.into_parts();
    let response = if shared.service.takes_stream(&head) {
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
    if let Body::Events(events) = &response.body {
        events.disconnect_by(disconnect);
    }
    response.into_wire(version)
}

async fn compressed(mut response: Response, bytes_min: usize) -> Response {
    let Body::Full(plain) = &response.body else { return response };
    if plain.len() < bytes_min || response.headers.iter().any(|(name, _)| name == header::CONTENT_ENCODING) {
        return response;
    }
    let plain = plain.clone();
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
    response.with(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))
}

//! Serves the pieces to whoever fetches them: `GET /DIGEST/piece-NNNN.txt`.

use std::{convert::Infallible, net::IpAddr};

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::text::Text;

/// The name of a piece, on the server and in the sandbox.
pub fn file_name(index: usize) -> String {
    format!("piece-{index:04}.txt")
}

/// The path of a piece. The digest keeps a late task of another run from taking the wrong text.
pub fn path(text: &Text, index: usize) -> String {
    format!("/{}/{}", text.digest(), file_name(index))
}

/// Listens at `ip`, at `port` if that is free, and serves `text` as long as the program runs.
/// Returns the port.
pub async fn start(ip: IpAddr, port: Option<u16>, text: Text) -> Result<u16> {
    let listener = match TcpListener::bind((ip, port.unwrap_or(0))).await {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind((ip, 0)).await.with_context(|| format!("cannot listen at {ip}"))?,
    };
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        loop {
            // A connection that is gone before it was taken is no reason to stop.
            let Ok((stream, _)) = listener.accept().await else { continue };
            let text = text.clone();
            let answer = service_fn(move |request| {
                let answer = answer(&text, &request);
                async move { Ok::<_, Infallible>(answer) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    Ok(port)
}

fn answer(text: &Text, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let index = (0..text.pieces()).find(|index| path(text, *index) == request.uri().path());
    match index.and_then(|index| text.piece(index)) {
        Some(piece) => Response::new(Full::new(piece)),
        None => {
            let mut response = Response::new(Full::new(Bytes::from_static(b"no such piece\n")));
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    }
}

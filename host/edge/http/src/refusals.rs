//! Answers to what never becomes a request: each names the limit that was met.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::{Config, Response, response::date};

/// How long, and for how many bytes, a client is listened to that has been refused: closing at
/// once would reset the connection, and the refusal with it.
const LINGER: (Duration, usize) = (Duration::from_secs(2), 1 << 20);

/// What to say of a head that hyper refuses. `None` where it is no refusal of hyper's, which have
/// no `Date`.
pub(crate) fn instead_of(written: &[u8], config: &Config) -> Option<Bytes> {
    let is_bare = written.starts_with(b"HTTP/1.")
        && written.get(8..10) == Some(b" 4")
        && written.ends_with(b"\r\n\r\n")
        && !written.windows(8).any(|window| window == b"\r\nDate: ");
    if !is_bare {
        return None;
    }
    let status = StatusCode::from_bytes(written.get(9..12)?).ok()?;
    let text = match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE | StatusCode::URI_TOO_LONG => head_too_large(config),
        _ => "This is not a request of HTTP/1.1: its head, the way its body is framed, or both cannot be \
              read."
            .to_owned(),
    };
    Some(whole(status, &text))
}

/// The head did not come in time.
pub(crate) fn head_too_late(config: &Config) -> Bytes {
    let text = format!(
        "The head of a request must arrive within {} s (--http_request_timeout).",
        config.head_timeout.as_secs_f64()
    );
    whole(StatusCode::REQUEST_TIMEOUT, &text)
}

/// There are as many connections as may be, and none of them is idle.
pub(crate) fn no_seat(connections_max: usize) -> Bytes {
    let text = format!(
        "All {connections_max} connections (--max_http_connections, or the limit on open files) are in use; \
         ask again later."
    );
    whole(StatusCode::SERVICE_UNAVAILABLE, &text)
}

/// The target of a request is too long.
pub(crate) fn target_too_long(config: &Config) -> Response {
    let text = format!("The target of a request may hold at most {} bytes.", config.uri_bytes_max);
    Response::text(StatusCode::URI_TOO_LONG, text)
}

/// As many answers wait for their readers as memory was set aside for.
pub(crate) fn no_room_for_answer(config: &Config) -> Response {
    let text = format!(
        "The answers that wait for their readers hold {} bytes together, which is the limit; ask again later.",
        config.answers_bytes_max
    );
    Response::text(StatusCode::SERVICE_UNAVAILABLE, text)
        .with_first(header::RETRY_AFTER, HeaderValue::from_static("1"))
}

/// Reads on for a while, so that the client gets to read what it was told.
pub(crate) async fn linger(socket: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let listen = async {
        let _ = socket.shutdown().await;
        let mut piece = vec![0; 16 << 10];
        let mut left = LINGER.1;
        while left > 0 {
            match socket.read(&mut piece).await {
                Ok(0) | Err(_) => return,
                Ok(count) => left = left.saturating_sub(count),
            }
        }
    };
    let _ = tokio::time::timeout(LINGER.0, listen).await;
}

/// Reads and forgets the rest of a body that nobody wants, while its refusal is on the way: a
/// client that is still sending would else meet a broken connection and not the refusal.
pub(crate) fn drain(mut body: Incoming, limit: Duration) {
    let forget = async move { while body.frame().await.is_some_and(|frame| frame.is_ok()) {} };
    tokio::spawn(tokio::time::timeout(limit, forget));
}

fn head_too_large(config: &Config) -> String {
    format!(
        "The head of a request may hold at most {} bytes in {} fields.",
        config.head_bytes_max, config.head_fields_max
    )
}

/// A whole answer, as it goes over the wire, and the last one on its connection.
fn whole(status: StatusCode, text: &str) -> Bytes {
    let retry = if status == StatusCode::SERVICE_UNAVAILABLE { "Retry-After: 1\r\n" } else { "" };
    format!(
        "HTTP/1.1 {status}\r\nDate: {}\r\n{retry}Content-Type: text/plain; charset=utf-8\r\nContent-Length: \
         {}\r\nConnection: close\r\n\r\n{text}",
        date(),
        text.len()
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bare_refusals_are_given_words() {
        let config = Config::default();
        let bare =
            b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        let told = instead_of(bare, &config).expect("hyper's own");
        assert!(told.starts_with(b"HTTP/1.1 431 Request Header Fields Too Large\r\nDate: "), "{told:?}");
        assert!(told.ends_with(b"at most 65536 bytes in 100 fields."), "{told:?}");
        for other in [
            &b"HTTP/1.1 404 Not Found\r\nDate: now\r\nContent-Length: 0\r\n\r\n"[..],
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"records\r\n\r\n",
            b"",
        ] {
            assert_eq!(instead_of(other, &config), None, "{other:?}");
        }
    }
}

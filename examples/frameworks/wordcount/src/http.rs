//! One HTTP request on one connection: all that a scheduler needs.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{ACCEPT, CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// The most that is read of an answer: an agent's state with all its past tasks.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// A POST with a JSON body and these extra headers. Returns once the head of the answer is there.
pub async fn post(
    address: &str,
    path: &str,
    body: &Value,
    headers: &[(&str, &str)],
) -> Result<Response<Incoming>> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(HOST, address)
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT, "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(address, request.body(Full::new(Bytes::from(body.to_string())))?).await
}

/// A GET of something in JSON.
pub async fn get_json(address: &str, path: &str) -> Result<Value> {
    let request = Request::builder().uri(path).header(HOST, address).body(Full::default())?;
    let response = send(address, request).await?;
    let status = response.status();
    let body = text(response).await?;
    if status != StatusCode::OK {
        bail!("{address} answered {status} to {path}: {body}");
    }
    serde_json::from_str(&body)
        .with_context(|| format!("{address} answered {path} with something else than JSON"))
}

/// The whole body of an answer.
pub async fn text(response: Response<Incoming>) -> Result<String> {
    let body =
        timeout(ANSWER_TIMEOUT, Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect()).await?;
    let body = body.map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?;
    Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned())
}

async fn send(address: &str, request: Request<Full<Bytes>>) -> Result<Response<Incoming>> {
    let connected = timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await;
    let stream = connected
        .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
        .with_context(|| format!("cannot connect to {address}"))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // It ends by itself: when the answer was read, or when whoever reads it lets go.
    tokio::spawn(connection);
    let answer = timeout(ANSWER_TIMEOUT, sender.send_request(request)).await;
    answer.with_context(|| format!("{address} did not answer"))?.with_context(|| format!("{address} hung up"))
}

/// Writes `text` so that it can stand as a value in a query.
pub fn in_query(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn query_values_are_escaped() {
        assert_eq!(super::in_query("/a b&c=\u{e9}"), "/a%20b%26c%3D%C3%A9");
    }
}

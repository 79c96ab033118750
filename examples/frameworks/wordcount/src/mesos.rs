//! The wire of the v1 scheduler API, in JSON: one stream of events down, single calls up.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use http_body_util::BodyExt;
use hyper::{StatusCode, body::Incoming, header::LOCATION};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::http;

const PATH: &str = "/api/v1/scheduler";
/// Five heartbeats at the interval that masters use; replaced by what SUBSCRIBED says.
const SILENCE_MAX: Duration = Duration::from_secs(75);
/// No event is larger: an offer for each of some thousand agents.
const RECORD_BYTES_MAX: usize = 64 << 20;

/// A subscription: where calls go, and what comes back.
pub struct Subscription {
    master: String,
    stream_id: String,
    body: Incoming,
    records: Records,
    silence_max: Duration,
}

/// What an attempt to subscribe led to.
pub enum Subscribed {
    Yes(Box<Subscription>),
    /// Another master leads.
    Elsewhere(String),
}

/// Opens the stream for `framework_info`; the master answers with SUBSCRIBED as its first event.
pub async fn subscribe(master: &str, framework_info: &Value) -> Result<Subscribed> {
    let mut call = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": framework_info}});
    if let Some(id) = framework_info.get("id") {
        call["framework_id"] = id.clone();
    }
    let response = http::post(master, PATH, &call, &[]).await?;
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    match response.status() {
        StatusCode::OK => {
            let stream_id = header("Mesos-Stream-Id").context("the master gave no Mesos-Stream-Id")?;
            Ok(Subscribed::Yes(Box::new(Subscription {
                master: master.to_owned(),
                stream_id,
                body: response.into_body(),
                records: Records::default(),
                silence_max: SILENCE_MAX,
            })))
        }
        StatusCode::TEMPORARY_REDIRECT => {
            let location = header(LOCATION.as_str()).context("the master sent us away, but not where to")?;
            Ok(Subscribed::Elsewhere(host_and_port(&location).context("the master sent us to no address")?))
        }
        status => bail!("{master} answered {status}: {}", http::text(response).await?),
    }
}

/// `//HOST:PORT/…`, with a scheme or without.
fn host_and_port(location: &str) -> Option<String> {
    let (_, rest) = location.split_once("//")?;
    rest.split('/').next().filter(|address| !address.is_empty()).map(str::to_owned)
}

impl Subscription {
    /// The next event. An error means that this subscription is over.
    pub async fn next(&mut self) -> Result<Value> {
        loop {
            if let Some(event) = self.records.next()? {
                if let Some(seconds) = event["subscribed"]["heartbeat_interval_seconds"].as_f64() {
                    self.silence_max = Duration::from_secs_f64((5.0 * seconds).clamp(1.0, 3600.0));
                }
                return Ok(event);
            }
            let frame =
                timeout(self.silence_max, self.body.frame()).await.context("the master fell silent")?;
            let frame = frame.context("the master ended the stream")?.context("the stream broke")?;
            if let Ok(data) = frame.into_data() {
                self.records.push(&data);
            }
        }
    }

    /// Sends a call of this subscription. Anything but 202 is an error.
    pub async fn call(&self, framework_id: &str, kind: &str, body: Value) -> Result<()> {
        let mut call = json!({"framework_id": {"value": framework_id}, "type": kind});
        if !body.is_null() {
            call[kind.to_ascii_lowercase()] = body;
        }
        let headers = [("Mesos-Stream-Id", self.stream_id.as_str())];
        let response = http::post(&self.master, PATH, &call, &headers).await?;
        let status = response.status();
        ensure!(
            status == StatusCode::ACCEPTED,
            "{kind}: {} answered {status}: {}",
            self.master,
            http::text(response).await?
        );
        Ok(())
    }
}

/// RecordIO: the length in decimal, a newline, then as many bytes. Bytes may arrive in any portions.
#[derive(Default)]
struct Records {
    bytes: Vec<u8>,
}

impl Records {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    fn next(&mut self) -> Result<Option<Value>> {
        let Some(newline) = self.bytes.iter().position(|byte| *byte == b'\n') else {
            ensure!(self.bytes.len() <= 20, "the stream is not RecordIO");
            return Ok(None);
        };
        let length: usize =
            std::str::from_utf8(&self.bytes[..newline])?.parse().context("a record without a length")?;
        ensure!(length <= RECORD_BYTES_MAX, "a record of {length} bytes");
        let end = newline + 1 + length;
        if self.bytes.len() < end {
            return Ok(None);
        }
        let event = serde_json::from_slice(&self.bytes[newline + 1..end])?;
        self.bytes.drain(..end);
        Ok(Some(event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_out_however_they_are_split() {
        let stream = b"20\n{\"type\":\"HEARTBEAT\"}2\n{}9\n null";
        for step in 1..stream.len() {
            let (mut records, mut seen) = (Records::default(), Vec::new());
            for portion in stream.chunks(step) {
                records.push(portion);
                while let Some(event) = records.next().unwrap() {
                    seen.push(event);
                }
            }
            assert_eq!(seen, [json!({"type": "HEARTBEAT"}), json!({})]);
        }
    }

    #[test]
    fn what_is_no_record_is_an_error() {
        for bytes in [&b"x\n{}"[..], b"-1\n", b"2\nno", b"99999999999\n", b"<html><head><title>no</title>"] {
            let mut records = Records::default();
            records.push(bytes);
            assert!(records.next().is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn redirects_have_no_scheme_or_one() {
        assert_eq!(host_and_port("//a:5050").as_deref(), Some("a:5050"));
        assert_eq!(host_and_port("http://a:5050/api/v1").as_deref(), Some("a:5050"));
        assert_eq!(host_and_port("/here"), None);
    }
}

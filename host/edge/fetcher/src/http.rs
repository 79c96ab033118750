//! Downloading over http and https.
//!
//! A server that fails is asked again ([`crate::Retry`]): for the part that is missing where it has
//! said which version of the file it gave, else for all of it.

use std::{error::Error, io, sync::OnceLock};

use futures_util::StreamExt;
use reqwest::{
    Client, RequestBuilder, Response, StatusCode, Url,
    header::{ACCEPT_RANGES, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, IF_RANGE, LAST_MODIFIED, RANGE},
    redirect,
};
use tokio::{
    fs::File,
    io::{AsyncSeekExt, AsyncWriteExt},
    time::{sleep, timeout, timeout_at},
};

use crate::{Cause, FetchRequest, Limits, pace::Pace};

/// A chain longer than this is taken for a loop.
const REDIRECTS_MAX: usize = 10;

/// Where a download goes, and who hears of it.
pub(crate) struct Download<'a, Heard, Note> {
    pub url: &'a Url,
    /// What the file is called, for messages.
    pub name: &'a str,
    pub file: &'a mut File,
    pub request: &'a FetchRequest,
    /// Hears of bytes so far and in all.
    pub heard: Heard,
    /// Hears why the server is asked again.
    pub note: Note,
}

/// A file that came whole.
pub(crate) struct Received {
    pub bytes: u64,
    pub version: Version,
}

/// Which version of a file a server gave, in its own words.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Version {
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

impl Version {
    fn of(headers: &HeaderMap) -> Version {
        let text = |name: HeaderName| Some(headers.get(name)?.to_str().ok()?.to_owned());
        Version { etag: text(ETAG), last_modified: text(LAST_MODIFIED) }
    }

    /// What says surely that two parts are of the same file: a weak tag does not (RFC 9110, 13.1.5).
    fn strong(&self) -> Option<&str> {
        let etag = self.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
        etag.or(self.last_modified.as_deref().filter(|_| self.etag.is_none()))
    }
}

impl<Heard: Fn(u64, Option<u64>), Note: Fn(&str)> Download<'_, Heard, Note> {
    /// Brings the file.
    pub async fn run(mut self) -> Result<Received, Cause> {
        let retry = self.request.retry;
        let mut got = Received { bytes: 0, version: Version::default() };
        let mut attempt = 1;
        let mut pause = retry.pause;
        loop {
            let cause = match self.attempt(&mut got).await {
                Ok(()) => return Ok(got),
                Err(cause) => cause,
            };
            if attempt >= retry.attempts_max || !is_worth_another_try(&cause) {
                return Err(cause);
            }
            attempt += 1;
            let again = format!("trying again, {attempt} of {}", retry.attempts_max);
            (self.note)(&format!("`{}`: {}: {again}", self.name, crate::error::in_one_line(&cause)));
            sleep(pause).await;
            pause *= 2;
        }
    }

    /// Asks once for what is missing.
    async fn attempt(&mut self, got: &mut Received) -> Result<(), Cause> {
        let limits = self.request.limits;
        let response = send(self.ask(got)?, self.request, got.bytes).await?;
        if !is_the_rest(&response, got.bytes) {
            if response.status() != StatusCode::OK {
                return Err(Cause::Status { status: response.status() });
            }
            self.start_over(got).await?;
        }
        if response.content_length().is_some_and(|length| got.bytes + length > limits.bytes_max) {
            return Err(Cause::TooLarge { limit: limits.bytes_max });
        }
        got.version = match response.headers().get(ACCEPT_RANGES).is_some_and(|value| value == "none") {
            true => Version::default(),
            false => Version::of(response.headers()),
        };
        self.receive(response, got).await
    }

    fn ask(&self, got: &Received) -> Result<RequestBuilder, Cause> {
        let plain = client()?.get(self.url.clone());
        Ok(match got.version.strong() {
            Some(version) if got.bytes > 0 => {
                plain.header(RANGE, format!("bytes={}-", got.bytes)).header(IF_RANGE, version)
            }
            _ => plain,
        })
    }

    async fn start_over(&mut self, got: &mut Received) -> Result<(), Cause> {
        got.bytes = 0;
        let emptied = async {
            self.file.set_len(0).await?;
            self.file.rewind().await
        };
        emptied.await.map(drop).map_err(|source| self.not_written(source))
    }

    async fn receive(&mut self, response: Response, got: &mut Received) -> Result<(), Cause> {
        let Limits { bytes_max, .. } = self.request.limits;
        let stall_timeout = self.request.stall_timeout;
        let expected = response.content_length().map(|length| got.bytes + length);
        let mut pace = Pace::new(stall_timeout);
        let mut body = response.bytes_stream();
        loop {
            let chunk = match timeout_at(pace.deadline, body.next()).await {
                Ok(None) => break,
                Ok(Some(Ok(chunk))) => chunk,
                Ok(Some(Err(source))) => {
                    // What is still on its way to the disk counts for the next attempt.
                    self.file.flush().await.map_err(|source| self.not_written(source))?;
                    let source = source.without_url();
                    return Err(Cause::BrokenOff { received: got.bytes, expected, source });
                }
                Err(_) if pace.next_window() => continue,
                Err(_) => return Err(Cause::Stalled { received: got.bytes, limit: stall_timeout }),
            };
            got.bytes += chunk.len() as u64;
            pace.bytes += chunk.len() as u64;
            if got.bytes > bytes_max {
                return Err(Cause::TooLarge { limit: bytes_max });
            }
            self.file.write_all(&chunk).await.map_err(|source| self.not_written(source))?;
            (self.heard)(got.bytes, expected);
        }
        self.file.flush().await.map_err(|source| self.not_written(source))
    }

    fn not_written(&self, source: io::Error) -> Cause {
        Cause::Write { target: self.name.to_owned(), source }
    }
}

/// How large the file at `url` is, as its server says without sending it.
pub(crate) async fn size(url: &Url, request: &FetchRequest) -> Result<(u64, Version), Cause> {
    let response = send(client()?.head(url.clone()), request, 0).await?;
    if response.status() != StatusCode::OK {
        return Err(Cause::Status { status: response.status() });
    }
    let length = response.headers().get(reqwest::header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
    match length {
        0 => Err(Cause::NoLength),
        length => Ok((length, Version::of(response.headers()))),
    }
}

async fn send(asked: RequestBuilder, request: &FetchRequest, received: u64) -> Result<Response, Cause> {
    match timeout(request.stall_timeout, asked.send()).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(source)) => Err(Cause::Request { source: source.without_url() }),
        Err(_) => Err(Cause::Stalled { received, limit: request.stall_timeout }),
    }
}

/// Whether `response` goes on where `received` bytes end.
fn is_the_rest(response: &Response, received: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    received > 0
        && response.status() == StatusCode::PARTIAL_CONTENT
        && range.is_some_and(|range| range.starts_with(&format!("bytes {received}-")))
}

/// Whether the same may go well a moment later.
fn is_worth_another_try(cause: &Cause) -> bool {
    match cause {
        Cause::BrokenOff { .. } => true,
        Cause::Request { source } => !source.is_redirect() && !source.is_builder() && !is_about_trust(source),
        Cause::Status { status } => matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504),
        _ => false,
    }
}

/// A certificate that is not trusted now will not be in a second.
fn is_about_trust(error: &(dyn Error + 'static)) -> bool {
    // An I/O error passes over what it holds when it is asked for its source.
    let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    error.is::<rustls::Error>()
        || held.is_some_and(|held| is_about_trust(held))
        || error.source().is_some_and(is_about_trust)
}

/// The one client: it keeps no connections, so it belongs to no runtime, and the certificates of
/// the host are read once.
fn client() -> Result<&'static Client, Cause> {
    static CLIENT: OnceLock<Client> = OnceLock::new();

    if let Some(client) = CLIENT.get() {
        return Ok(client);
    }
    // Somebody else in the process may have installed one already: that one serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let plain = || {
        Client::builder()
            .user_agent(concat!("mezzo/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::limited(REDIRECTS_MAX))
            .pool_max_idle_per_host(0)
    };
    // A host without certificates can still fetch over http; https then fails by name.
    let client = plain()
        .build()
        .or_else(|_| plain().tls_certs_only([]).build())
        .map_err(|source| Cause::Request { source })?;
    Ok(CLIENT.get_or_init(|| client))
}

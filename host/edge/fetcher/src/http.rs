//! Downloading over http and https.

use std::{io, sync::OnceLock, time::Duration};

use futures_util::StreamExt;
use reqwest::{Client, Response, StatusCode, Url, redirect};
use tokio::{
    fs::File,
    io::AsyncWriteExt,
    time::{Instant, timeout, timeout_at},
};

use crate::{
    Cause, Limits,
    sandbox::{Inside, Sandbox},
};

/// A chain longer than this is taken for a loop.
const REDIRECTS_MAX: usize = 10;

/// Downloads `url` to `target` and returns its size. `received` hears of bytes so far and in all.
pub(crate) async fn download(
    url: Url,
    sandbox: &Sandbox,
    target: &Inside,
    stall_timeout: Duration,
    limits: Limits,
    received: impl Fn(u64, Option<u64>),
) -> Result<u64, Cause> {
    let sent = client()?.get(url).send();
    let response = match timeout(stall_timeout, sent).await {
        Ok(Ok(response)) => response,
        Ok(Err(source)) => return Err(Cause::Request { source: source.without_url() }),
        Err(_) => return Err(Cause::Stalled { received: 0, limit: stall_timeout }),
    };
    if response.status() != StatusCode::OK {
        return Err(Cause::Status { status: response.status().to_string() });
    }
    if response.content_length().is_some_and(|length| length > limits.bytes_max) {
        return Err(Cause::TooLarge { limit: limits.bytes_max });
    }

    let file = sandbox.create(target).map_err(|source| Cause::write(target, source))?;
    let mut file = File::from_std(file);
    let done = receive(response, &mut file, target, stall_timeout, limits, received).await;
    if done.is_err() {
        sandbox.discard(target);
    }
    done
}

async fn receive(
    response: Response,
    file: &mut File,
    target: &Inside,
    stall_timeout: Duration,
    limits: Limits,
    heard: impl Fn(u64, Option<u64>),
) -> Result<u64, Cause> {
    let expected = response.content_length();
    let not_written = |source: io::Error| Cause::write(target, source);
    let mut pace = Pace::new(stall_timeout);
    let mut received = 0;
    let mut body = response.bytes_stream();
    loop {
        let chunk = match timeout_at(pace.deadline, body.next()).await {
            Ok(None) => break,
            Ok(Some(Ok(chunk))) => chunk,
            Ok(Some(Err(source))) => {
                return Err(Cause::BrokenOff { received, expected, source: source.without_url() });
            }
            Err(_) if pace.next_window() => continue,
            Err(_) => return Err(Cause::Stalled { received, limit: stall_timeout }),
        };
        received += chunk.len() as u64;
        pace.bytes += chunk.len() as u64;
        if received > limits.bytes_max {
            return Err(Cause::TooLarge { limit: limits.bytes_max });
        }
        file.write_all(&chunk).await.map_err(not_written)?;
        heard(received, expected);
    }
    file.flush().await.map_err(not_written)?;
    Ok(received)
}

/// Tells a slow sender from one that stalls, over one window after the other.
struct Pace {
    window: Duration,
    deadline: Instant,
    bytes: u64,
}

impl Pace {
    fn new(window: Duration) -> Pace {
        Pace { window, deadline: Instant::now() + window, bytes: 0 }
    }

    /// At the end of a window: begins the next one, unless less than one byte a second came.
    fn next_window(&mut self) -> bool {
        if self.bytes == 0 || (self.bytes as f64) < self.window.as_secs_f64() {
            return false;
        }
        *self = Pace::new(self.window);
        true
    }
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

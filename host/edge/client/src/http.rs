//! Requests and answers: redirects, time-outs, limits.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header, uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::timeout;

use crate::{ClientError, Config, address::Address, error::Peer};

/// A chain of redirects longer than this is a circle.
const REDIRECTS_MAX: usize = 5;

/// How much of a refusal's text is shown.
const REFUSAL_BYTES_MAX: usize = 4096;

/// One request, without its address.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
}

/// Connections to one address, and to those it sends us to.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    pub(crate) address: Address,
    pub(crate) config: Config,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Http {
    pub(crate) fn new(address: Address, config: Config) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(config.connect_timeout));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(10))
            .build(connector);
        Self { address, config, client }
    }

    /// Sends, follows redirects, collects the answer.
    pub(crate) async fn whole(&self, peer: Peer, ask: Ask) -> Result<(HeaderMap, Bytes), ClientError> {
        let waited = self.config.answer_timeout;
        let address = self.address.to_string();
        let answer = timeout(waited, async {
            let (address, response) = self.head(peer, ask).await?;
            let (head, body) = response.into_parts();
            Ok((head.headers, self.collect(peer, &address, body).await?))
        });
        answer.await.map_err(|_| ClientError::Timeout { peer, address, waited })?
    }

    /// Sends, follows redirects, and gives the answer whose body still comes.
    pub(crate) async fn stream(
        &self,
        peer: Peer,
        ask: Ask,
    ) -> Result<(Address, Response<Incoming>), ClientError> {
        let waited = self.config.answer_timeout;
        let late = |_| ClientError::Timeout { peer, address: self.address.to_string(), waited };
        timeout(waited, self.head(peer, ask)).await.map_err(late)?
    }

    async fn head(&self, peer: Peer, mut ask: Ask) -> Result<(Address, Response<Incoming>), ClientError> {
        let mut address = self.address.clone();
        for _ in 0..=REDIRECTS_MAX {
            let response = self.send(peer, &address, &ask).await?;
            let status = response.status();
            if status.is_success() {
                return Ok((address, response));
            }
            if status != StatusCode::TEMPORARY_REDIRECT && status != StatusCode::PERMANENT_REDIRECT {
                return Err(refusal(peer, &address, response).await);
            }
            let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            let Some((next, path)) = location.and_then(Address::of_location) else {
                let why = format!("{status} without a usable Location");
                return Err(ClientError::Answer { peer, address: address.to_string(), why });
            };
            ask.path = path.unwrap_or(ask.path);
            address = next;
        }
        Err(ClientError::Redirects { address: address.to_string() })
    }

    async fn send(
        &self,
        peer: Peer,
        address: &Address,
        ask: &Ask,
    ) -> Result<Response<Incoming>, ClientError> {
        let uri = Uri::builder()
            .scheme(uri::Scheme::HTTP)
            .authority(address.authority())
            .path_and_query(&*ask.path);
        let answer = |why: String| ClientError::Answer { peer, address: address.to_string(), why };
        let uri = uri
            .build()
            .map_err(|error| answer(format!("no request for `{}` can be made: {error}", ask.path)))?;
        let mut request = Request::new(Full::new(ask.body.clone()));
        *request.method_mut() = ask.method.clone();
        *request.uri_mut() = uri;
        request.headers_mut().extend(ask.headers.iter().cloned());
        self.client.request(request).await.map_err(|error| {
            let address = address.to_string();
            match error.is_connect() {
                true => ClientError::Unreachable { peer, address, source: error.into() },
                false => ClientError::Lost { peer, address, source: error.into() },
            }
        })
    }

    async fn collect(&self, peer: Peer, address: &Address, body: Incoming) -> Result<Bytes, ClientError> {
        let limit = self.config.answer_bytes_max;
        match Limited::new(body, limit).collect().await {
            Ok(whole) => Ok(whole.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(ClientError::TooLarge { peer, address: address.to_string(), limit })
            }
            Err(source) => Err(ClientError::Lost { peer, address: address.to_string(), source }),
        }
    }
}

async fn refusal(peer: Peer, address: &Address, response: Response<Incoming>) -> ClientError {
    let status = response.status();
    let body = Limited::new(response.into_body(), REFUSAL_BYTES_MAX).collect().await;
    let text = match body {
        Ok(body) => String::from_utf8_lossy(&body.to_bytes()).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    let text = if text.is_empty() { "no reason was given".to_owned() } else { text };
    ClientError::Refused { peer, address: address.to_string(), status, text }
}

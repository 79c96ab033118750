//! The one port: the API, and the agents' links beside it.

use std::{net::SocketAddr, sync::Arc};

use mezzo_api::MasterApi;
use mezzo_http::{Body, Incoming, Request, Response, Service};
use mezzo_link::Acceptor;

use crate::backend::Backend;

/// What the server serves.
pub(crate) struct Front {
    pub(crate) api: MasterApi<Backend>,
    pub(crate) links: Acceptor,
}

impl Service for Front {
    async fn call(&self, request: Request) -> Response {
        self.api.call(request).await
    }

    fn takes_stream(&self, head: &http::request::Parts) -> bool {
        head.uri.path() == mezzo_link::PATH
    }

    async fn call_stream(&self, request: http::Request<Incoming>, peer: SocketAddr) -> Response {
        tracing::debug!(%peer, "an agent dials");
        let (head, body) = self.links.handle(request).await.into_parts();
        let headers = head.headers.into_iter().filter_map(|(name, value)| Some((name?, value))).collect();
        Response { status: head.status, headers, body: Body::Other { length: None, bytes: body } }
    }
}

/// Everything that the server keeps alive.
pub(crate) fn service(api: MasterApi<Backend>, links: Acceptor) -> Arc<Front> {
    Arc::new(Front { api, links })
}

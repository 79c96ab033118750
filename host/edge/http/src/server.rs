//! The accept loop, its bounds and its end.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use http::request::Parts;
use hyper::body::Incoming;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::{JoinHandle, JoinSet},
};

use crate::{
    Config, Request, Response,
    connection::{self, Shared},
    guests::Guests,
    refusals,
    room::Room,
};

/// Idle connections that are asked to leave at once when there is no room for a new one.
const ROOM_AT_ONCE: usize = 64;

/// Clients that are told at once that there is no room.
const REFUSALS_MAX: usize = 64;

/// What a server is for: turns requests into answers.
pub trait Service: Send + Sync + 'static {
    /// Answers a whole request.
    fn call(&self, request: Request) -> impl Future<Output = Response> + Send;

    /// Whether a request's body is to be read as it comes, by [`Service::call_stream`].
    fn takes_stream(&self, head: &Parts) -> bool {
        let _ = head;
        false
    }

    /// Answers a request whose body is still coming. Its limits are the service's own.
    fn call_stream(
        &self,
        request: http::Request<Incoming>,
        peer: SocketAddr,
    ) -> impl Future<Output = Response> + Send {
        let _ = (request, peer);
        std::future::ready(Response::empty(http::StatusCode::NOT_FOUND))
    }
}

/// Why no server could be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct ServeError {
    /// The address that was asked for.
    pub address: SocketAddr,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// A server before it is bound.
pub struct Server {
    config: Config,
}

/// A server that has its address and does not answer yet: connections wait in the backlog.
pub struct Bound {
    config: Config,
    listener: TcpListener,
    address: SocketAddr,
}

/// A server that answers.
pub struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// A server with these limits.
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// Takes the address; port 0 takes any free one.
    ///
    /// # Errors
    ///
    /// When the address is in use or not this machine's.
    pub async fn bind(self, address: SocketAddr) -> Result<Bound, ServeError> {
        let failed = |source| ServeError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Bound { config: self.config, listener, address })
    }
}

impl Bound {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts to answer.
    pub fn serve<S: Service>(self, service: Arc<S>) -> Running {
        let (stop, stopping) = watch::channel(false);
        let room = Room::new(self.config.bodies_bytes_max);
        let answers = Room::new(self.config.answers_bytes_max);
        let shared = Arc::new(Shared { config: Arc::new(self.config), service, room, answers });
        let accepting = tokio::spawn(accept(self.listener, shared, stopping));
        Running { address: self.address, stop, accepting }
    }
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, lets what is under way end within the drain time-out, and
    /// closes the rest. Event streams end when their senders are dropped.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.accepting.await;
    }
}

async fn accept<S: Service>(listener: TcpListener, shared: Arc<Shared<S>>, mut stop: watch::Receiver<bool>) {
    let guests = Guests::new();
    let refusers = Arc::new(Semaphore::new(REFUSALS_MAX));
    let max = shared.config.connections_max;
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopping(&mut stop) => break,
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Mostly EMFILE: the connection stays in the backlog, so make room and try again soon.
                tracing::warn!(%error, "cannot accept a connection");
                guests.make_room(ROOM_AT_ONCE);
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        if guests.staying() >= max && guests.make_room(ROOM_AT_ONCE.min(max)) == 0 {
            refuse(socket, &refusers, max);
            continue;
        }
        let _ = socket.set_nodelay(true);
        let shared = Arc::clone(&shared);
        let stop = stop.clone();
        let seat = guests.enter();
        connections.spawn(connection::serve(socket, peer, shared, seat, stop));
    }
    drop(listener);
    let drain = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(shared.config.drain_timeout, drain).await.is_err() {
        tracing::debug!(left = connections.len(), "closing connections that did not end in time");
        connections.shutdown().await;
    }
}

/// Waits until the server is told to stop, or is dropped.
pub(crate) async fn stopping(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|is_stopping| *is_stopping).await;
}

/// Tells a client that there is no room. Only so many are told at once; the others just see the end.
fn refuse(mut socket: TcpStream, refusers: &Arc<Semaphore>, connections_max: usize) {
    let Ok(permit) = Arc::clone(refusers).try_acquire_owned() else { return };
    tokio::spawn(async move {
        if socket.write_all(&refusals::no_seat(connections_max)).await.is_ok() {
            refusals::linger(&mut socket).await;
        }
        drop(permit);
    });
}

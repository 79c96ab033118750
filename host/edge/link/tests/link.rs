//! Both sides of a link over a real connection on the loopback interface.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mezzo_link::{Acceptor, BoxError, Config, DialError, Link, PATH, dial};
use mezzo_proto::mezzo::link::v1::{Goodbye, Ping, Pong, Shutdown, from_agent, from_master};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::mpsc,
    time::timeout,
};

type MasterLink = Link<from_master::Body, from_agent::Body>;
type AgentLink = Link<from_agent::Body, from_master::Body>;

fn config() -> Config {
    Config {
        message_bytes_max: 1 << 20,
        queue_bytes_max: 4 << 20,
        connect_timeout: Duration::from_secs(5),
        close_timeout: Duration::from_millis(300),
    }
}

/// A server of both versions, as a master's is.
async fn serve(config: Config) -> (SocketAddr, mpsc::Receiver<MasterLink>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("bound");
    let (acceptor, links) = Acceptor::new(config, 8);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            let service = service_fn(move |request: http::Request<Incoming>| {
                let acceptor = acceptor.clone();
                async move {
                    assert_eq!(request.uri().path(), PATH);
                    Ok::<_, Infallible>(acceptor.handle(request).await)
                }
            });
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            tokio::spawn(async move { builder.serve_connection(TokioIo::new(socket), service).await });
        }
    });
    (address, links)
}

async fn both_with(config: Config) -> (AgentLink, MasterLink) {
    let (address, mut links) = serve(config.clone()).await;
    let agent = dial(&address.to_string(), &config).await.expect("a master is there");
    (agent, links.recv().await.expect("accepted"))
}

async fn both() -> (AgentLink, MasterLink) {
    both_with(config()).await
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(10), what).await.expect("nothing may hang")
}

fn ping(nonce: u64) -> from_agent::Body {
    from_agent::Body::Ping(Ping { nonce })
}

fn pong(nonce: u64) -> from_master::Body {
    from_master::Body::Pong(Pong { nonce })
}

#[tokio::test]
async fn both_directions_keep_their_order() {
    let (mut agent, mut master) = both().await;
    for nonce in 0..1000 {
        agent.sender.send(ping(nonce)).expect("open");
        master.sender.send(pong(nonce)).expect("open");
    }
    for nonce in 0..1000 {
        assert_eq!(soon(master.receiver.recv()).await, Some(ping(nonce)));
        assert_eq!(soon(agent.receiver.recv()).await, Some(pong(nonce)));
    }
    assert_eq!((agent.sender.queued_bytes(), master.sender.queued_bytes()), (0, 0));
}

/// A whole state of many tasks is larger than any window of the connection.
#[tokio::test]
async fn large_messages_pass() {
    let (agent, mut master) = both_with(Config::default()).await;
    let reason = "x".repeat(20 << 20);
    agent.sender.send(from_agent::Body::Goodbye(Goodbye { reason: reason.clone() })).expect("fits");
    let Some(from_agent::Body::Goodbye(goodbye)) = soon(master.receiver.recv()).await else {
        panic!("a goodbye")
    };
    assert!(goodbye.reason == reason);
}

/// `Shutdown` is the last thing a master says before it closes; it must arrive.
#[tokio::test]
async fn what_was_sent_before_closing_arrives() {
    let (mut agent, mut master) = both().await;
    master.sender.send(from_master::Body::Shutdown(Shutdown { reason: "void".into() })).expect("open");
    master.sender.close("the agent was refused");
    assert!(master.sender.send(pong(1)).expect_err("closed").why.contains("refused"));
    let master = tokio::spawn(async move {
        assert_eq!(soon(master.receiver.recv()).await, None);
        master.receiver.why()
    });
    assert!(matches!(soon(agent.receiver.recv()).await, Some(from_master::Body::Shutdown(_))));
    assert_eq!(soon(agent.receiver.recv()).await, None);
    assert_eq!(agent.receiver.why(), "the other side closed the link");
    assert!(agent.sender.send(ping(1)).is_err());
    drop(agent);
    assert_eq!(master.await.expect("no panic"), "the agent was refused");
}

#[tokio::test]
async fn the_agents_close_is_seen_by_the_master() {
    let (mut agent, mut master) = both().await;
    agent.sender.send(from_agent::Body::Goodbye(Goodbye { reason: "leaving".into() })).expect("open");
    agent.sender.close("done");
    let agent = tokio::spawn(async move { soon(agent.receiver.recv()).await });
    assert!(matches!(soon(master.receiver.recv()).await, Some(from_agent::Body::Goodbye(_))));
    assert_eq!(soon(master.receiver.recv()).await, None);
    assert_eq!(agent.await.expect("no panic"), None);
}

#[tokio::test]
async fn a_side_that_vanishes_is_noticed() {
    let (agent, mut master) = both().await;
    drop(agent);
    assert_eq!(soon(master.receiver.recv()).await, None);
    assert!(master.receiver.why().contains("lost"), "{}", master.receiver.why());
    assert!(master.sender.send(pong(1)).is_err());

    let (mut agent, master) = both().await;
    drop(master);
    assert_eq!(soon(agent.receiver.recv()).await, None);
    assert!(agent.sender.send(ping(1)).is_err());
}

/// The peer's machine is gone: nothing comes, nothing is taken, nobody says so. The core's
/// pings find out and close the link; that must not wait for the peer.
#[tokio::test]
async fn half_open_links_end_in_time() {
    let (agent, mut master) = both().await;
    master.sender.close("5 pings were not answered");
    let begun = std::time::Instant::now();
    assert_eq!(soon(master.receiver.recv()).await, None);
    assert!(begun.elapsed() >= config().close_timeout);
    assert_eq!(master.receiver.why(), "5 pings were not answered");
    drop(agent);
}

#[tokio::test]
async fn oversized_messages_are_refused_by_both() {
    let (mut agent, mut master) = both().await;
    let huge = || from_agent::Body::Goodbye(Goodbye { reason: "x".repeat(2 << 20) });
    let closed = agent.sender.send(huge()).expect_err("too long");
    assert!(closed.why.contains("longer than the 1048576 allowed"), "{closed}");
    assert_eq!(soon(agent.receiver.recv()).await, None);
    assert_eq!(soon(master.receiver.recv()).await, None);

    // An agent whose limit is larger than the master's.
    let (address, mut links) = serve(config()).await;
    let lax = Config { message_bytes_max: 64 << 20, ..config() };
    let mut agent = dial(&address.to_string(), &lax).await.expect("reached");
    let mut master = links.recv().await.expect("accepted");
    agent.sender.send(huge()).expect("allowed here");
    assert_eq!(soon(master.receiver.recv()).await, None);
    assert!(master.receiver.why().contains("longer than the 1048576 allowed"), "{}", master.receiver.why());
    drop(master);
    assert_eq!(soon(agent.receiver.recv()).await, None);
}

/// An agent that does not read must not fill the master's memory.
#[tokio::test]
async fn a_reader_that_falls_behind_is_cut_off() {
    let (_agent, mut master) = both().await;
    let much = || from_master::Body::Shutdown(Shutdown { reason: "x".repeat(1 << 19) });
    let closed = (0..100).find_map(|_| master.sender.send(much()).err()).expect("the bound is 4 MiB");
    assert!(closed.why.contains("more than the 4194304 allowed"), "{closed}");
    assert_eq!(soon(master.receiver.recv()).await, None);
}

#[tokio::test]
async fn dialling_nobody_names_the_address() {
    // Its port is taken, and nobody listens there.
    let deaf = TcpSocket::new_v4().expect("a socket");
    deaf.bind("127.0.0.1:0".parse().expect("an address")).expect("loopback");
    let free = deaf.local_addr().expect("bound");
    let error = dial(&free.to_string(), &config()).await.expect_err("nobody listens");
    assert_eq!(error.to_string(), format!("cannot connect to the master at `{free}`"));

    let silent = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = silent.local_addr().expect("bound").to_string();
    let hasty = Config { connect_timeout: Duration::from_millis(200), ..config() };
    assert!(matches!(dial(&address, &hasty).await, Err(DialError::Timeout { .. })));
    assert!(matches!(dial("no port", &hasty).await, Err(DialError::Connect { .. })));
}

/// Answers every request alike.
async fn answering(status: StatusCode, location: Option<&'static str>, text: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("bound").to_string();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = service_fn(move |_: http::Request<Incoming>| async move {
                let body: UnsyncBoxBody<Bytes, BoxError> =
                    Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync();
                let mut answer = Response::builder().status(status);
                if let Some(location) = location {
                    answer = answer.header("Location", location);
                }
                answer.body(body)
            });
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            tokio::spawn(async move { builder.serve_connection(TokioIo::new(socket), service).await });
        }
    });
    address
}

#[tokio::test]
async fn a_master_that_does_not_lead_names_the_one_that_does() {
    let address = answering(StatusCode::TEMPORARY_REDIRECT, Some("//10.0.0.1:5050"), "").await;
    let Err(DialError::Elsewhere { leader, .. }) = dial(&address, &config()).await else {
        panic!("a redirect")
    };
    assert_eq!(leader, "10.0.0.1:5050");

    let address = answering(StatusCode::NOT_FOUND, None, "404 Not Found.").await;
    let error = dial(&address, &config()).await.expect_err("no such path");
    assert_eq!(
        error.to_string(),
        format!("the server at `{address}` refused the link with 404 Not Found: 404 Not Found.")
    );
}

#[tokio::test]
async fn a_request_that_is_no_link_is_refused() {
    let (address, _links) = serve(config()).await;
    for (method, expected) in [("GET", "HTTP/1.1 405"), ("POST", "HTTP/1.1 505")] {
        let mut socket = TcpStream::connect(address).await.expect("loopback");
        let request =
            format!("{method} {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        soon(socket.read_to_string(&mut answer)).await.expect("an answer");
        assert!(answer.starts_with(expected), "{answer}");
    }
}

#[tokio::test]
async fn agents_beyond_the_waiting_room_are_told_to_come_back() {
    let (address, _links) = serve(config()).await;
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(dial(&address.to_string(), &config()).await.expect("there is room"));
    }
    let error = dial(&address.to_string(), &config()).await.expect_err("no room");
    assert!(matches!(error, DialError::Refused { status: StatusCode::SERVICE_UNAVAILABLE, .. }), "{error}");
}

//! What a client sees on the socket.

mod limits;
mod protocol;

use std::{
    io::{Read, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use mezzo_http::{
    Body, CloseReason, Config, EventSender, HeaderName, HeaderValue, Request, Response, Running, Server,
    Service, StatusCode, event_stream,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[derive(Default)]
struct Echo {
    streams: Mutex<Vec<EventSender>>,
    closed: Arc<Mutex<Vec<CloseReason>>>,
}

impl Service for Echo {
    async fn call(&self, request: Request) -> Response {
        let json = HeaderValue::from_static("application/json");
        match request.uri.path() {
            "/echo" => Response::new(StatusCode::OK, json, request.body),
            "/huge" => Response::new(StatusCode::OK, json, vec![b'x'; 60 << 20]),
            "/large" => Response::new(StatusCode::OK, json, "x".repeat(5000)),
            "/pieces" => {
                let pieces = (0..PIECES).map(|number| Ok(Frame::data(piece(number).into())));
                let bytes = StreamBody::new(futures_util::stream::iter(pieces)).boxed_unsync();
                let body = Body::Other { length: None, bytes };
                Response { status: StatusCode::OK, headers: Vec::new(), body }
            }
            "/stream" => {
                let closed = Arc::clone(&self.closed);
                let (sender, body) =
                    event_stream(1 << 20, move |reason| closed.lock().expect("ok").push(reason));
                sender.send(Bytes::from_static(b"5\nfirst")).expect("room");
                sender.send(Bytes::from_static(b"6\nsecond")).expect("room");
                self.streams.lock().expect("ok").push(sender);
                let id = HeaderName::from_static("mesos-stream-id");
                Response { status: StatusCode::OK, headers: Vec::new(), body }
                    .with(id, HeaderValue::from_static("abc"))
                    .with(mezzo_http::header::CONTENT_TYPE, json)
            }
            _ => Response::text(StatusCode::NOT_FOUND, "404 Not Found."),
        }
    }
}

const PIECES: usize = 100;

/// Different ones, none of which shrinks to nothing.
fn piece(number: usize) -> String {
    (0..2_000).map(|line| format!("{}\n", (number * 7_919 + line) * 104_729)).collect()
}

async fn server(config: Config) -> (Running, Arc<Echo>) {
    let service = Arc::new(Echo::default());
    let address = "127.0.0.1:0".parse().expect("an address");
    let bound = Server::new(config).bind(address).await.expect("a free port");
    (bound.serve(Arc::clone(&service)), service)
}

async fn connect(server: &Running) -> TcpStream {
    TcpStream::connect(server.address()).await.expect("it listens")
}

/// Sends `request` and reads until the server closes.
async fn ask(server: &Running, request: &[u8]) -> String {
    let mut socket = connect(server).await;
    socket.write_all(request).await.expect("sends");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.expect("reads");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads until `end` has come.
async fn read_until(socket: &mut TcpStream, end: &str) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(end.as_bytes()) {
        let mut piece = [0; 4096];
        let n = tokio::time::timeout(Duration::from_secs(5), socket.read(&mut piece)).await.expect("in time");
        let n = n.expect("reads");
        assert!(n > 0, "closed after {:?}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&piece[..n]);
    }
    String::from_utf8(answer).expect("text")
}

fn names(answer: &str) -> Vec<&str> {
    let head = answer.split("\r\n\r\n").next().expect("a head");
    head.lines().skip(1).map(|line| line.split(':').next().expect("a name")).collect()
}

/// Clients in the field compare these names with their case.
#[tokio::test]
async fn fields_stand_in_the_order_of_mesos() {
    let (server, _) = server(Config::default()).await;
    let mut socket = connect(&server).await;
    socket.write_all(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi").await.expect("sends");
    let answer = read_until(&mut socket, "hi").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(names(&answer), ["Date", "Content-Type", "Content-Length"]);
}

#[tokio::test]
async fn one_record_is_one_chunk_and_connection_close_does_not_end_the_stream() {
    let (server, echo) = server(Config::default()).await;
    let mut socket = connect(&server).await;
    socket.write_all(b"POST /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.expect("sends");
    let answer = read_until(&mut socket, "second\r\n").await;
    assert!(answer.ends_with("\r\n\r\n7\r\n5\nfirst\r\n8\r\n6\nsecond\r\n"), "{answer}");
    assert_eq!(names(&answer)[..4], ["Date", "Transfer-Encoding", "Mesos-Stream-Id", "Content-Type"]);

    tokio::time::sleep(Duration::from_millis(50)).await;
    echo.streams.lock().expect("ok")[0].send(Bytes::from_static(b"4\nlate")).expect("still open");
    assert_eq!(read_until(&mut socket, "late\r\n").await, "6\r\n4\nlate\r\n");

    echo.streams.lock().expect("ok").clear();
    assert_eq!(read_until(&mut socket, "0\r\n\r\n").await, "0\r\n\r\n");
}

/// A scheduler that leaves must be noticed without an event to send it.
#[tokio::test]
async fn a_client_that_leaves_is_noticed_at_once() {
    let (server, echo) = server(Config::default()).await;
    let mut socket = connect(&server).await;
    socket.write_all(b"POST /stream HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sends");
    read_until(&mut socket, "second\r\n").await;
    drop(socket);
    for _ in 0..200 {
        if !echo.closed.lock().expect("ok").is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(*echo.closed.lock().expect("ok"), [CloseReason::Gone]);
}

/// A client that does not read is not polled either: its connection must be ended from outside.
#[tokio::test]
async fn a_reader_that_sleeps_is_disconnected() {
    let (server, echo) = server(Config::default()).await;
    let mut socket = connect(&server).await;
    socket.write_all(b"POST /stream HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sends");
    read_until(&mut socket, "second\r\n").await;
    let record = Bytes::from(vec![b'x'; 64 << 10]);
    let sender = echo.streams.lock().expect("ok").remove(0);
    let mut sent = 0;
    while sender.send(record.clone()).is_ok() {
        sent += record.len();
        assert!(sent < 256 << 20, "the bound never held");
        tokio::task::yield_now().await;
    }
    assert!(matches!(echo.closed.lock().expect("ok")[..], [CloseReason::TooSlow { .. }]));
    // The socket ends although nothing of what is left was read before.
    let mut rest = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(5), socket.read_to_end(&mut rest)).await;
    assert!(end.is_ok(), "the connection is still open");
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_and_names_it() {
    let (server, _) = server(Config { body_bytes_max: 1000, ..Config::default() }).await;
    let told = format!(
        "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1001\r\n\r\n{}",
        "x".repeat(1001)
    );
    let answer = ask(&server, told.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 Payload Too Large\r\n"), "{answer}");
    assert!(answer.contains("at most 1000 bytes"), "{answer}");

    let chunk = format!("3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1001));
    let chunked = format!("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
    let mut socket = connect(&server).await;
    socket.write_all(chunked.as_bytes()).await.expect("sends");
    assert!(read_until(&mut socket, "body).").await.starts_with("HTTP/1.1 413"));
}

/// Twenty thousand connections with 64 MB each would be more than any machine has.
#[tokio::test]
async fn bodies_share_one_room() {
    let (server, _) = server(Config { bodies_bytes_max: 4096, ..Config::default() }).await;
    let mut first = connect(&server).await;
    let head = "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4000\r\n\r\n";
    first.write_all(format!("{head}{}", "x".repeat(3000)).as_bytes()).await.expect("sends");
    tokio::time::sleep(Duration::from_millis(50)).await;
    let second = ask(&server, format!("{head}{}", "x".repeat(4000)).as_bytes()).await;
    assert!(second.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{second}");
    assert!(second.contains("Retry-After: 1\r\n"), "{second}");
    first.write_all("x".repeat(1000).as_bytes()).await.expect("sends");
    assert!(read_until(&mut first, "xx").await.starts_with("HTTP/1.1 200"));
    drop(first);
    let third = ask(&server, format!("{head}{}", "x".repeat(4000)).as_bytes()).await;
    assert!(third.starts_with("HTTP/1.1 200"), "{third}");
}

fn packed(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain).expect("a vector");
    encoder.finish().expect("a vector")
}

async fn post_gzip(server: &Running, body: &[u8]) -> String {
    let head = format!(
        "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    ask(server, &[head.as_bytes(), body].concat()).await
}

#[tokio::test]
async fn gzip_bodies_are_taken_and_bombs_are_not() {
    let (server, _) = server(Config { body_bytes_max: 1000, ..Config::default() }).await;
    assert!(post_gzip(&server, &packed(b"hello")).await.ends_with("\r\n\r\nhello"));
    assert!(post_gzip(&server, &packed(&[0; 100_000])).await.starts_with("HTTP/1.1 413"));
    let answer = post_gzip(&server, b"nonsense").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("Failed to decompress"), "{answer}");
}

#[tokio::test]
async fn an_unknown_content_encoding_is_415() {
    let (server, _) = server(Config::default()).await;
    let request = b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx";
    let answer = ask(&server, request).await;
    assert!(answer.starts_with("HTTP/1.1 415"), "{answer}");
    assert!(
        answer.ends_with("Expecting 'Content-Encoding' of gzip or identity, but received 'br'"),
        "{answer}"
    );
}

/// Sends `request` and unpacks what is answered.
async fn ask_packed(server: &Running, request: &[u8]) -> String {
    let mut socket = connect(server).await;
    socket.write_all(request).await.expect("sends");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.expect("reads");
    let at = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    assert!(String::from_utf8_lossy(&answer[..at]).contains("Content-Encoding: gzip"));
    let mut plain = String::new();
    flate2::read::GzDecoder::new(&answer[at..]).read_to_string(&mut plain).expect("gzip");
    plain
}

#[tokio::test]
async fn only_long_answers_are_compressed() {
    let (server, _) = server(Config::default()).await;
    let get = |path: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept-Encoding: gzip\r\n\r\n")
    };
    assert_eq!(ask_packed(&server, get("/large").as_bytes()).await, "x".repeat(5000));
    assert!(!ask(&server, get("/none").as_bytes()).await.contains("gzip"));
}

/// Whole states come in pieces, and are what is worth compressing.
#[tokio::test]
async fn answers_in_pieces_are_compressed_as_they_come() {
    let (server, _) = server(Config::default()).await;
    // Of version 1.0, so that the body has no frames of its own.
    let plain = ask_packed(&server, b"GET /pieces HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n").await;
    let pieces: String = (0..PIECES).map(piece).collect();
    assert!(plain == pieces, "{} bytes of {}", plain.len(), pieces.len());
    assert!(!ask(&server, b"GET /pieces HTTP/1.0\r\n\r\n").await.contains("gzip"));
}

#[tokio::test]
async fn head_has_the_fields_and_no_body() {
    let (server, _) = server(Config::default()).await;
    let answer = ask(&server, b"HEAD /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.contains("Content-Length: 5000"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

/// The link between agents and their master is HTTP/2 on the same port.
#[tokio::test]
async fn http2_by_prior_knowledge_is_served_on_the_same_port() {
    use http_body_util::Full;
    let (server, _) = server(Config::default()).await;
    let io = hyper_util::rt::TokioIo::new(connect(&server).await);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(hyper_util::rt::TokioExecutor::new(), io).await.expect("h2");
    tokio::spawn(connection);
    let uri = format!("http://{}/echo", server.address());
    let request =
        http::Request::post(uri).body(Full::new(Bytes::from_static(b"over h2"))).expect("a request");
    let response = sender.send_request(request).await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.into_body().collect().await.expect("a body").to_bytes(), "over h2");
}

#[tokio::test]
async fn stopping_ends_idle_connections_and_finished_streams() {
    let (server, echo) = server(Config::default()).await;
    let address = server.address();
    let mut idle = connect(&server).await;
    idle.write_all(b"GET /none HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sends");
    read_until(&mut idle, "404 Not Found.").await;
    let mut streaming = connect(&server).await;
    streaming.write_all(b"POST /stream HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sends");
    read_until(&mut streaming, "second\r\n").await;
    echo.streams.lock().expect("ok").clear();
    tokio::time::timeout(Duration::from_secs(3), server.stop()).await.expect("stops in time");
    assert!(TcpStream::connect(address).await.is_err());
    assert_eq!(idle.read(&mut [0; 10]).await.expect("an end"), 0);
    let _ = Body::Full(Bytes::new());
}

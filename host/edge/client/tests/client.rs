//! The client against servers on the loopback interface that say what a test wants.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mezzo_client::{Client, ClientError, Config};
use mezzo_model::calls::Encoding;
use mezzo_proto::{
    Message, decode,
    json::{from_json, to_json},
    mesos::v1::{self, agent, master, scheduler},
    recordio,
};
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::mpsc,
    time::timeout,
};

type Body = UnsyncBoxBody<Bytes, std::io::Error>;
type Seen = Request<Bytes>;

fn full(body: impl Into<Bytes>) -> Body {
    Full::new(body.into()).map_err(|never| match never {}).boxed_unsync()
}

fn answer(status: u16, media_type: &str, body: impl Into<Bytes>) -> Response<Body> {
    let answer = Response::builder().status(status).header("Content-Type", media_type);
    answer.body(full(body)).expect("a good answer")
}

/// Serves every request with `script`.
async fn serve(script: impl Fn(Seen) -> Response<Body> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("bound").to_string();
    let script = Arc::new(script);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let script = Arc::clone(&script);
            let service = service_fn(move |request: Request<Incoming>| {
                let script = Arc::clone(&script);
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await.expect("whole").to_bytes();
                    Ok::<_, Infallible>(script(Request::from_parts(head, body)))
                }
            });
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            tokio::spawn(async move { builder.serve_connection(TokioIo::new(socket), service).await });
        }
    });
    address
}

fn client(address: &str) -> Client {
    let config = Config { answer_timeout: Duration::from_millis(500), ..Config::default() };
    Client::with_config(address, config).expect("an address")
}

/// A socket that has its port and does not listen: whoever connects is refused.
fn nobody() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("loopback");
    let address = socket.local_addr().expect("bound");
    (socket, address)
}

fn header<'seen>(request: &'seen Seen, name: &str) -> &'seen str {
    request.headers().get(name).map_or("", |value| value.to_str().expect("text"))
}

fn agents(active: &[bool]) -> master::Response {
    let agent = |active: &bool| master::response::get_agents::Agent { active: *active, ..Default::default() };
    master::Response {
        r#type: Some(master::response::Type::GetAgents.into()),
        get_agents: Some(master::response::GetAgents {
            agents: active.iter().map(agent).collect(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[tokio::test]
async fn calls_are_made_in_either_encoding() {
    let address = serve(|request| {
        assert_eq!((request.method(), request.uri().path()), (&Method::POST, "/api/v1"));
        let media_type = header(&request, "Content-Type").to_owned();
        assert_eq!(header(&request, "Accept"), media_type);
        let (call, body): (master::Call, Vec<u8>) = match media_type.as_str() {
            "application/json" => {
                (from_json(request.body()).expect("a call"), to_json(&agents(&[true, false, true])))
            }
            "application/x-protobuf" => {
                (decode(request.body()).expect("a call"), agents(&[true]).encode_to_vec())
            }
            other => panic!("{other}"),
        };
        assert_eq!(call.r#type(), master::call::Type::GetAgents);
        answer(200, &media_type, body)
    })
    .await;
    assert_eq!(client(&address).agents_active().await.expect("answered"), 1);
    assert_eq!(client(&address).speaking(Encoding::Json).agents_active().await.expect("answered"), 2);
}

#[tokio::test]
async fn nobody_at_the_address_is_told_with_the_way_out() {
    let (_held, address) = nobody();
    let error = client(&address.to_string()).version().await.expect_err("nobody listens");
    let expected =
        format!("no master answers at {address}: start one with `mezzo dev`, or name another with --master");
    assert_eq!(error.to_string(), expected);
    let error = client(&address.to_string()).read_file("/x", 0, 1).await.expect_err("nobody listens");
    assert_eq!(
        error.to_string(),
        format!("no agent answers at {address}; `mezzo agent list` shows where agents are")
    );
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = silent.local_addr().expect("bound").to_string();
    let error = client(&address).version().await.expect_err("silent");
    assert_eq!(error.to_string(), format!("the master at {address} did not answer within 0.5 s"));
}

#[tokio::test]
async fn refusals_carry_the_servers_words() {
    let address = serve(|_| answer(400, "text/plain", "Framework cannot be found")).await;
    let error = client(&address).kill_task("f", "t").await.expect_err("refused");
    assert_eq!(error.status(), Some(StatusCode::BAD_REQUEST));
    assert_eq!(
        error.to_string(),
        format!("the master at {address} refused with 400 Bad Request: Framework cannot be found")
    );
}

/// A standby master names the leader without a scheme; the call must arrive there whole.
#[tokio::test]
async fn a_redirect_is_followed_with_the_body() {
    for with_path in [true, false] {
        let leader = serve(|request| {
            let call: master::Call = decode(request.body()).expect("the body came along");
            assert_eq!((call.r#type(), request.uri().path()), (master::call::Type::GetAgents, "/api/v1"));
            answer(200, "application/x-protobuf", agents(&[true]).encode_to_vec())
        })
        .await;
        let location = format!("//{leader}{}", if with_path { "/api/v1" } else { "" });
        let standby = serve(move |_| {
            let mut answer = answer(307, "text/plain", "");
            answer.headers_mut().insert("Location", location.parse().expect("a header"));
            answer
        })
        .await;
        assert_eq!(client(&standby).agents_active().await.expect("followed"), 1);
    }
}

#[tokio::test]
async fn redirects_in_a_circle_and_into_nothing_are_told() {
    let circle = serve(|request| {
        let host = header(&request, "Host").to_owned();
        let mut answer = answer(307, "text/plain", "");
        answer.headers_mut().insert("Location", format!("//{host}").parse().expect("a header"));
        answer
    })
    .await;
    let error = client(&circle).agents_active().await.expect_err("a circle");
    assert!(
        matches!(error, ClientError::Redirects { .. }) && error.to_string().contains("no master leads"),
        "{error}"
    );

    let nowhere = serve(|_| answer(307, "text/plain", "")).await;
    let error = client(&nowhere).agents_active().await.expect_err("no Location");
    assert!(error.to_string().contains("without a usable Location"), "{error}");
}

#[tokio::test]
async fn another_program_at_the_address_is_noticed() {
    let address = serve(|_| answer(200, "text/html", "<html>hello</html>")).await;
    let error = client(&address).agents_active().await.expect_err("no Mesos");
    assert!(error.to_string().contains("cannot be read: syntax error at line 1 near: <html>"), "{error}");
    let error = client(&address).version().await.expect_err("no Mesos");
    assert!(error.to_string().contains("`/version` is no JSON"), "{error}");
    let framework = v1::FrameworkInfo::default();
    let error = client(&address).subscribe(framework).await.expect_err("no Mesos");
    assert!(error.to_string().contains("it has no `Mesos-Stream-Id`"), "{error}");
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_refused() {
    let address = serve(|_| answer(200, "application/json", vec![b' '; 2000])).await;
    let small = Config { answer_bytes_max: 1000, ..Config::default() };
    let error = Client::with_config(&address, small)
        .expect("an address")
        .agents_active()
        .await
        .expect_err("too large");
    assert!(matches!(error, ClientError::TooLarge { limit: 1000, .. }), "{error}");
}

#[tokio::test]
async fn files_are_read_as_bytes() {
    let address = serve(|request| {
        let call: agent::Call = decode(request.body()).expect("a call");
        let wanted = call.read_file.expect("READ_FILE");
        assert_eq!((wanted.path.as_str(), wanted.offset, wanted.length), ("/sandbox/stdout", 7, Some(100)));
        let answered = agent::Response {
            r#type: Some(agent::response::Type::ReadFile.into()),
            read_file: Some(agent::response::ReadFile { size: 10, data: vec![0xff, 0, b'x'] }),
            ..Default::default()
        };
        answer(200, "application/x-protobuf", answered.encode_to_vec())
    })
    .await;
    let data = client(&address).read_file("/sandbox/stdout", 7, 100).await.expect("read");
    assert_eq!(&data[..], [0xff, 0, b'x']);
}

fn event(kind: scheduler::event::Type) -> scheduler::Event {
    scheduler::Event { r#type: Some(kind.into()), ..Default::default() }
}

fn subscribed(interval_s: f64) -> scheduler::Event {
    scheduler::Event {
        subscribed: Some(scheduler::event::Subscribed {
            framework_id: v1::FrameworkId { value: "f-0000".into() },
            heartbeat_interval_seconds: Some(interval_s),
            master_info: None,
        }),
        ..event(scheduler::event::Type::Subscribed)
    }
}

/// A master whose event stream is fed by the test; other calls are checked and accepted.
async fn stream_of(encoding: Encoding) -> (String, mpsc::UnboundedSender<Bytes>) {
    let (feed, bytes) = mpsc::unbounded_channel::<Bytes>();
    let bytes = std::sync::Mutex::new(Some(bytes));
    let address = serve(move |request| {
        assert_eq!(request.uri().path(), "/api/v1/scheduler");
        if header(&request, "Mesos-Stream-Id") == "stream-1" {
            return answer(202, "text/plain", "");
        }
        let mut bytes = bytes.lock().expect("one at a time").take().expect("subscribed once");
        let stream = futures_util::stream::poll_fn(move |cx| {
            bytes.poll_recv(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
        });
        let answer = Response::builder()
            .header("Content-Type", encoding.media_type())
            .header("Mesos-Stream-Id", "stream-1")
            .body(StreamBody::new(stream).boxed_unsync());
        answer.expect("a good answer")
    })
    .await;
    (address, feed)
}

fn record(event: &scheduler::Event, encoding: Encoding) -> Bytes {
    recordio::encode(&match encoding {
        Encoding::Json => to_json(event),
        Encoding::Protobuf => event.encode_to_vec(),
    })
}

#[tokio::test]
async fn events_come_out_however_they_are_cut() {
    for encoding in [Encoding::Json, Encoding::Protobuf] {
        let (address, feed) = stream_of(encoding).await;
        let client = client(&address).speaking(encoding);
        let framework = v1::FrameworkInfo { user: "u".into(), name: "n".into(), ..Default::default() };
        let subscribing = client.subscribe(framework);
        let events = [
            subscribed(15.0),
            event(scheduler::event::Type::Heartbeat),
            event(scheduler::event::Type::Offers),
        ];
        let bytes: Vec<u8> = events.iter().flat_map(|event| record(event, encoding).to_vec()).collect();
        for piece in bytes.chunks(7) {
            feed.send(Bytes::copy_from_slice(piece)).expect("open");
        }
        let mut subscription = subscribing.await.expect("subscribed");
        assert_eq!(subscription.stream_id(), "stream-1");
        for expected in events {
            assert_eq!(subscription.next().await.expect("an event"), Some(expected));
        }
        client.scheduler_call(subscription.stream_id(), &scheduler::Call::default()).await.expect("accepted");
        drop(feed);
        assert_eq!(subscription.next().await.expect("the end"), None);
    }
}

/// A scheduler waits for events and for other things at once; waiting must lose nothing.
#[tokio::test]
async fn waiting_may_be_given_up_and_taken_up_again() {
    let (address, feed) = stream_of(Encoding::Protobuf).await;
    let mut subscription =
        client(&address).subscribe(v1::FrameworkInfo::default()).await.expect("subscribed");
    let bytes = record(&subscribed(15.0), Encoding::Protobuf);
    for at in 0..bytes.len() {
        assert!(timeout(Duration::from_millis(2), subscription.next()).await.is_err());
        feed.send(bytes.slice(at..=at)).expect("open");
    }
    assert_eq!(subscription.next().await.expect("an event"), Some(subscribed(15.0)));
}

#[tokio::test]
async fn a_silent_stream_counts_as_lost() {
    let (address, feed) = stream_of(Encoding::Protobuf).await;
    let mut subscription =
        client(&address).subscribe(v1::FrameworkInfo::default()).await.expect("subscribed");
    feed.send(record(&subscribed(0.02), Encoding::Protobuf)).expect("open");
    subscription.next().await.expect("SUBSCRIBED");
    let error = subscription.next().await.expect_err("five beats are missed");
    assert!(matches!(error, ClientError::Silent { .. }), "{error}");
}

/// A process that stood still blames nobody: what has come meanwhile is read first.
#[tokio::test]
async fn what_came_while_nobody_listened_is_read_before_the_stream_counts_as_lost() {
    let (address, feed) = stream_of(Encoding::Protobuf).await;
    let mut subscription =
        client(&address).subscribe(v1::FrameworkInfo::default()).await.expect("subscribed");
    feed.send(record(&subscribed(0.02), Encoding::Protobuf)).expect("open");
    subscription.next().await.expect("SUBSCRIBED");
    {
        // The clock of the stream's silence starts here, and then this thread, which runs all there
        // is of both sides, stands still for longer.
        let waiting = subscription.next();
        tokio::pin!(waiting);
        assert!(timeout(Duration::from_millis(1), &mut waiting).await.is_err());
        feed.send(record(&subscribed(0.02), Encoding::Protobuf)).expect("open");
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(waiting.await.expect("an event"), Some(subscribed(0.02)));
    }
}

#[tokio::test]
async fn a_stream_that_makes_no_sense_is_told() {
    for (bytes, expected) in [
        (&b"x\n"[..], "expected the length of a record"),
        (b"99999999999\n", "is longer than"),
        (b"2\n{}", "the bytes are not a `mesos.v1.scheduler.Event`"),
        (b"5\nab", "ended within a record"),
    ] {
        let (address, feed) = stream_of(Encoding::Protobuf).await;
        let mut subscription =
            client(&address).subscribe(v1::FrameworkInfo::default()).await.expect("subscribed");
        feed.send(Bytes::from_static(bytes)).expect("open");
        drop(feed);
        let error = subscription.next().await.expect_err("nonsense").to_string();
        assert!(error.contains(expected), "{error}");
    }
}

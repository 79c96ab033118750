//! Requests that are too large, and clients that send too slowly.

use e2e_tests::get;

use super::{master, wire::Client};

fn told(port: u16, request: &[u8]) -> (u16, String) {
    let mut client = Client::connect(port);
    client.send(request);
    client.answer()
}

#[test]
fn each_limit_of_a_request_is_named_in_its_refusal() {
    let daemons = master(&["--max_http_request_body=1MB"]);
    let port = daemons.master_port;
    let body = vec![b'x'; 4 << 20];
    let head = format!("POST /api/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
    let (status, text) = told(port, &[head.as_bytes(), &body].concat());
    assert_eq!(status, 413);
    assert_eq!(text, "The body of a request may hold at most 1048576 bytes (--max_http_request_body).");

    let (status, text) =
        told(port, format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(20_000)).as_bytes());
    assert_eq!((status, text.as_str()), (414, "The target of a request may hold at most 16384 bytes."));

    let (status, text) =
        told(port, format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(100_000)).as_bytes());
    assert_eq!(status, 431);
    assert_eq!(text, "The head of a request may hold at most 65536 bytes in 100 fields.");
    assert_eq!(get(port, "/health").unwrap().0, 200);
}

#[test]
fn slow_senders_are_told_and_hold_nobody_up() {
    let daemons = master(&["--http_request_timeout=1secs"]);
    let port = daemons.master_port;
    let beginning = |text: &str| {
        let mut client = Client::connect(port);
        client.send(text.as_bytes());
        client
    };
    let heads: Vec<Client> = (0..200).map(|_| beginning("GET /health HTT")).collect();
    let bodies: Vec<Client> = (0..200)
        .map(|_| beginning("POST /api/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"type\""))
        .collect();
    assert_eq!(get(port, "/health").unwrap().0, 200);
    for (mut client, part) in heads
        .into_iter()
        .map(|client| (client, "head"))
        .chain(bodies.into_iter().map(|client| (client, "body")))
    {
        let (status, text) = client.answer();
        assert_eq!(status, 408);
        assert_eq!(text, format!("The {part} of a request must arrive within 1 s (--http_request_timeout)."));
        assert!(client.ends(), "the connection of a slow sender ends");
    }
}

//! The corners of HTTP/1 that clients in the field use.

use super::*;

#[tokio::test]
async fn requests_in_one_go_are_answered_in_order() {
    let (server, _) = server(Config::default()).await;
    let post = |body: &str| {
        format!("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    let mut socket = connect(&server).await;
    socket.write_all((post("one") + &post("two") + &post("three")).as_bytes()).await.expect("sends");
    let answers = read_until(&mut socket, "three").await;
    let at = |body: &str| answers.find(&format!("\r\n\r\n{body}")).expect(body);
    assert!(at("one") < at("two") && at("two") < at("three"), "{answers}");
}

#[tokio::test]
async fn an_absolute_target_is_its_path() {
    let (server, _) = server(Config::default()).await;
    let answer = ask(
        &server,
        b"POST http://elsewhere:1/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
    )
    .await;
    assert!(answer.ends_with("\r\n\r\nhi"), "{answer}");
}

#[tokio::test]
async fn http_1_0_ends_with_its_answer_and_keeps_alive_when_asked() {
    let (server, _) = server(Config::default()).await;
    assert!(ask(&server, b"GET /none HTTP/1.0\r\n\r\n").await.ends_with("404 Not Found."));
    let mut socket = connect(&server).await;
    for _ in 0..2 {
        socket.write_all(b"GET /none HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await.expect("sends");
        read_until(&mut socket, "404 Not Found.").await;
    }
}

/// No chunks for a client of HTTP/1.0: the records stand alone, and the end is the end.
#[tokio::test]
async fn a_stream_over_http_1_0_has_no_chunks() {
    let (server, echo) = server(Config::default()).await;
    let mut socket = connect(&server).await;
    socket.write_all(b"POST /stream HTTP/1.0\r\n\r\n").await.expect("sends");
    let answer = read_until(&mut socket, "second").await;
    assert!(answer.ends_with("\r\n\r\n5\nfirst6\nsecond"), "{answer}");
    assert!(!answer.contains("Transfer-Encoding"), "{answer}");
    echo.streams.lock().expect("ok").clear();
    assert_eq!(socket.read(&mut [0; 8]).await.expect("an end"), 0);
}

#[tokio::test]
async fn a_client_that_waits_for_leave_to_send_gets_it() {
    let (server, _) = server(Config { body_bytes_max: 100, ..Config::default() }).await;
    let mut socket = connect(&server).await;
    let head = "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    socket.write_all(head.as_bytes()).await.expect("sends");
    assert_eq!(read_until(&mut socket, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    socket.write_all(b"hi").await.expect("sends");
    assert!(read_until(&mut socket, "hi").await.starts_with("HTTP/1.1 200"));
}

/// The two framings of one request must not be taken for two requests.
#[tokio::test]
async fn nothing_is_smuggled_behind_two_framings() {
    let (server, _) = server(Config::default()).await;
    for framing in
        ["Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5"]
    {
        let request = format!(
            "POST /echo HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n0\r\n\r\nGET /large HTTP/1.1\r\nHost: x\r\n\r\n"
        );
        let answer = ask(&server, request.as_bytes()).await;
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    }
    for framing in [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: +5",
        "Transfer-Encoding: chunked, gzip",
        "Content-Length: 99999999999999999999",
    ] {
        let request = format!("POST /echo HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\nhello");
        let answer = ask(&server, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\nDate: "), "{framing}: {answer}");
        assert!(answer.contains("cannot be read"), "{framing}: {answer}");
    }
}

#[tokio::test]
async fn what_is_not_http_is_told_so() {
    let (server, _) = server(Config::default()).await;
    for garbage in [&b"\x16\x03\x01\x02\x00\r\n\r\n"[..], b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"] {
        let answer = ask(&server, garbage).await;
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{garbage:?}: {answer}");
    }
}

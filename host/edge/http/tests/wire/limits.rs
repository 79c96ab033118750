//! Clients that take too much, too long or do not read: each is told which limit it met.

use super::*;

/// A half-sent first line must not hold a connection for ever.
#[tokio::test]
async fn a_client_that_says_nothing_is_disconnected() {
    let (server, _) = server(Config { head_timeout: Duration::from_millis(50), ..Config::default() }).await;
    for opening in [&b""[..], b"PRI * HTT"] {
        let answer = ask(&server, opening).await;
        assert_eq!(answer, "", "{opening:?}");
    }
}

#[tokio::test]
async fn a_head_that_stalls_is_408() {
    let (server, _) = server(Config { head_timeout: Duration::from_millis(50), ..Config::default() }).await;
    let mut socket = connect(&server).await;
    socket.write_all(b"GET /none HTTP/1.1\r\nHost: x\r\n\r\nGET /none HTTP/1.1\r\nHos").await.expect("sends");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("reads");
    assert!(answer.starts_with("HTTP/1.1 404"), "what was asked before is answered: {answer}");
    assert!(answer.contains("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    assert!(answer.ends_with("must arrive within 0.05 s (--http_request_timeout)."), "{answer}");
}

#[tokio::test]
async fn a_body_that_stalls_is_408() {
    let (server, _) = server(Config { body_timeout: Duration::from_millis(50), ..Config::default() }).await;
    let answer = ask(&server, b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf").await;
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    assert!(answer.ends_with("must arrive within 0.05 s (--http_request_timeout)."), "{answer}");
}

/// An idle client between two requests is not accused of anything.
#[tokio::test]
async fn an_idle_connection_ends_without_a_word() {
    let (server, _) = server(Config { head_timeout: Duration::from_millis(50), ..Config::default() }).await;
    let answer = ask(&server, b"GET /none HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.ends_with("404 Not Found."), "{answer}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_431_and_names_the_limit() {
    let (server, _) = server(Config::default()).await;
    let large = format!("GET /none HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(200_000));
    let many = format!("GET /none HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(101));
    for request in [large, many] {
        let answer = ask(&server, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\nDate: "), "{answer}");
        assert!(answer.ends_with("at most 65536 bytes in 100 fields."), "{answer}");
    }
}

#[tokio::test]
async fn a_target_that_is_too_long_is_414_and_names_the_limit() {
    let (server, _) = server(Config::default()).await;
    let get = |length: usize| {
        format!("GET /{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "x".repeat(length - 1))
    };
    let answer = ask(&server, get(16_385).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 414 URI Too Long\r\n"), "{answer}");
    assert!(answer.ends_with("at most 16384 bytes."), "{answer}");
    assert!(ask(&server, get(16_384).as_bytes()).await.starts_with("HTTP/1.1 404"));
}

/// Who still sends when it is refused must meet the refusal and not a broken connection.
#[tokio::test]
async fn a_refusal_reaches_a_client_that_is_still_sending() {
    let (server, _) = server(Config { body_bytes_max: 1000, ..Config::default() }).await;
    let body = vec![b'x'; 8 << 20];
    for framing in [format!("Content-Length: {}", body.len()), "Transfer-Encoding: chunked".to_owned()] {
        let mut socket = connect(&server).await;
        let head = format!("POST /echo HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n");
        let chunk = if framing.contains("chunked") { format!("{:x}\r\n", body.len()) } else { String::new() };
        socket.write_all(format!("{head}{chunk}").as_bytes()).await.expect("sends");
        socket.write_all(&body).await.expect("the server reads on");
        assert!(read_until(&mut socket, "(--max_http_request_body).").await.starts_with("HTTP/1.1 413"));
    }
}

#[tokio::test]
async fn the_idlest_leaves_for_a_new_connection() {
    let (server, _) = server(Config { connections_max: 2, ..Config::default() }).await;
    let get = b"GET /none HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut silent = connect(&server).await;
    let mut idle = connect(&server).await;
    idle.write_all(get).await.expect("sends");
    read_until(&mut idle, "404 Not Found.").await;
    let mut third = connect(&server).await;
    third.write_all(get).await.expect("sends");
    read_until(&mut third, "404 Not Found.").await;
    let end = tokio::time::timeout(Duration::from_secs(5), silent.read(&mut [0])).await.expect("it ends");
    assert_eq!(end.expect("in order"), 0);
}

#[tokio::test]
async fn where_nobody_is_idle_a_new_connection_is_told_to_come_back() {
    let (server, echo) = server(Config { connections_max: 1, ..Config::default() }).await;
    let mut streaming = connect(&server).await;
    streaming.write_all(b"POST /stream HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sends");
    read_until(&mut streaming, "second\r\n").await;
    let answer = ask(&server, b"GET /none HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
    assert!(answer.contains("Retry-After: 1\r\n") && answer.contains("All 1 connections"), "{answer}");
    // The stream goes on.
    echo.streams.lock().expect("ok")[0].send(Bytes::from_static(b"4\nlate")).expect("open");
    assert_eq!(read_until(&mut streaming, "late\r\n").await, "6\r\n4\nlate\r\n");
}

/// Answers that nobody reads are bounded together, and in time.
#[tokio::test]
async fn unread_answers_share_one_room_and_end() {
    let config = Config {
        answers_bytes_max: 100 << 20,
        stall_timeout: Duration::from_millis(1500),
        ..Config::default()
    };
    let (server, _) = server(config).await;
    let get = b"GET /huge HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut sleeper = connect(&server).await;
    sleeper.write_all(get).await.expect("sends");
    let mut first = [0; 15];
    sleeper.read_exact(&mut first).await.expect("an answer begins");
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    let answer = ask(&server, get).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{}", &answer[..100]);
    assert!(answer.contains("hold 104857600 bytes together"), "{answer}");
    // A small answer needs no room.
    assert!(ask(&server, b"GET /none HTTP/1.0\r\n\r\n").await.ends_with("404 Not Found."));
    // The sleeper is given up, and its room is room again.
    for _ in 0..100 {
        let answer = ask(&server, get).await;
        if answer.starts_with("HTTP/1.1 200") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the answer that nobody reads is still held");
}

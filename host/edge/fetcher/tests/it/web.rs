//! Downloads, and what goes wrong with them.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use mezzo_fetcher::{FetchRequest, Limits, Progress, fetch};
use mezzo_model::container::Fetch;
use tokio::{io::AsyncWriteExt, time::sleep};

use crate::{Bench, item, server::Server};

#[tokio::test]
async fn download_keeps_every_byte() {
    let bench = Bench::new();
    let content: Vec<u8> = (0..3_000_000u32).map(|n| ((n * 31) >> 3) as u8).collect();
    let server = Server::with(&content).await;

    bench.fetch(item(server.uri("/data.bin"))).await.unwrap();

    assert!(std::fs::read(bench.sandbox().join("data.bin")).unwrap() == content);
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn name_keeps_the_query_and_output_file_makes_directories() {
    let bench = Bench::new();
    let server = Server::with(b"hello").await;

    bench.fetch(item(server.uri("/a.tar.gz?x=y"))).await.unwrap();
    let named = Fetch { output_file: Some("deep/down/a.txt".into()), ..item(server.uri("/a.tar.gz?x=y")) };
    bench.fetch(named).await.unwrap();

    assert_eq!(bench.read("a.tar.gz?x=y"), "hello");
    assert_eq!(bench.read("deep/down/a.txt"), "hello");
}

#[tokio::test]
async fn redirects_are_followed() {
    let bench = Bench::new();
    let server = Server::start(|path, mut stream| async move {
        let answer: &[u8] = match path.as_str() {
            "/old/file" => b"HTTP/1.1 302 Found\r\nLocation: ../newer\r\nContent-Length: 0\r\n\r\n",
            "/newer" => b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n",
            _ => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        };
        let _ = stream.write_all(answer).await;
    })
    .await;

    bench.fetch(item(server.uri("/old/file"))).await.unwrap();

    assert_eq!(bench.read("file"), "ok", "named after the URI that was asked for");
    assert_eq!(server.requests(), 3);
}

#[tokio::test]
async fn redirect_loop_ends() {
    let bench = Bench::new();
    let server = Server::saying("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n").await;
    let said = bench.refused(item(server.uri("/x"))).await;
    assert!(said.contains("redirect"), "{said}");
    assert!(server.requests() < 20);
}

#[tokio::test]
async fn only_200_brings_a_file() {
    for (status, says) in [
        ("404 Not Found", "404 Not Found"),
        ("503 Service Unavailable", "503"),
        ("204 No Content", "204"),
        ("206 Partial Content", "206"),
        ("304 Not Modified", "304"),
    ] {
        let bench = Bench::new();
        let server = Server::saying(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")).await;
        let uri = server.uri("/file");
        let said = bench.refused(item(&uri)).await;
        assert!(said.contains(says) && said.contains("only 200 OK brings a file"), "{said}");
        assert!(said.contains(&uri), "the URI is named: {said}");
        assert!(!bench.has("file"));
    }
}

#[tokio::test]
async fn cut_in_mid_body_is_an_error_and_leaves_no_half_file() {
    for head in ["Content-Length: 1000\r\n", "Transfer-Encoding: chunked\r\n"] {
        let bench = Bench::new();
        let body = if head.starts_with('T') { "a\r\n0123456789\r\n3e8\r\nabc" } else { "0123456789" };
        let server = Server::saying(format!("HTTP/1.1 200 OK\r\n{head}\r\n{body}")).await;
        let said = bench.refused(item(server.uri("/file"))).await;
        assert!(said.contains("broke off after"), "{said}");
        assert!(!bench.has("file"));
    }
}

#[tokio::test]
async fn nobody_listening_is_said() {
    let bench = Bench::new();
    let server = Server::with(b"").await;
    let uri = server.uri("/file");
    drop(server);
    let said = bench.refused(item(uri)).await;
    assert!(said.contains("the request failed") && said.contains("127.0.0.1"), "{said}");
}

#[tokio::test]
async fn not_http_at_all_is_an_error() {
    let bench = Bench::new();
    let server = Server::saying("SSH-2.0-OpenSSH_9.2\r\n").await;
    let said = bench.refused(item(server.uri("/file"))).await;
    assert!(said.contains("the request failed"), "{said}");
}

/// Some bytes and then silence, or one byte now and then: both hold a container up for ever.
#[tokio::test]
async fn stalling_sender_is_given_up() {
    for trickle in [false, true] {
        let bench = Bench::new();
        let server = Server::start(move |_, mut stream| async move {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx").await;
            loop {
                sleep(Duration::from_millis(1500)).await;
                if trickle && stream.write_all(b"x").await.is_err() {
                    return;
                }
            }
        })
        .await;

        let begun = Instant::now();
        let request = FetchRequest {
            stall_timeout: Duration::from_secs(2),
            ..bench.request(vec![item(server.uri("/file"))])
        };
        let said = fetch(request, |_| {}).await.unwrap_err().in_one_line();

        assert!(said.contains("stalled") && said.contains("--fetcher_stall_timeout"), "{said}");
        assert!(begun.elapsed() >= Duration::from_secs(2));
        assert!(!bench.has("file"));
    }
}

/// Slow is not stalled: as long as more than a byte a second comes, we wait.
#[tokio::test]
async fn slow_sender_is_waited_for() {
    let bench = Bench::new();
    let server = Server::start(|_, mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n").await;
        for _ in 0..4 {
            sleep(Duration::from_millis(400)).await;
            let _ = stream.write_all(b"0123456789").await;
        }
    })
    .await;
    let request = FetchRequest {
        stall_timeout: Duration::from_millis(800),
        ..bench.request(vec![item(server.uri("/f"))])
    };
    fetch(request, |_| {}).await.unwrap();
    assert_eq!(bench.read("f").len(), 40);
}

#[tokio::test]
async fn larger_than_the_limit_is_refused_announced_or_not() {
    for head in ["Content-Length: 30\r\n", "Connection: close\r\n"] {
        let bench = Bench::new();
        let server = Server::saying(format!("HTTP/1.1 200 OK\r\n{head}\r\n{:030}", 7)).await;
        let limits = Limits { bytes_max: 29, ..Limits::default() };
        let request = FetchRequest { limits, ..bench.request(vec![item(server.uri("/f"))]) };
        let said = fetch(request, |_| {}).await.unwrap_err().in_one_line();
        assert!(said.contains("larger than the limit of 29 bytes"), "{said}");
        assert!(!bench.has("f"));
    }
}

#[tokio::test]
async fn password_is_not_in_the_message() {
    let bench = Bench::new();
    let server = Server::saying("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await;
    let uri = server.uri("/f").replace("http://", "http://me:secret@");
    let said = bench.refused(item(uri)).await;
    assert!(!said.contains("secret") && said.contains("…@127.0.0.1"), "{said}");
}

#[tokio::test]
async fn progress_tells_the_story_in_order() {
    let bench = Bench::new();
    let server = Server::with(b"hello").await;
    let heard = Mutex::new(Vec::new());
    let request = bench.request(vec![item(server.uri("/f")), item(server.uri("/g"))]);
    fetch(request, |progress| {
        heard.lock().unwrap().push(match progress {
            Progress::Started { index, .. } => format!("started {index}"),
            Progress::Received { index, bytes, bytes_total } => {
                format!("received {index} {bytes} {bytes_total:?}")
            }
            Progress::Unpacking { index } => format!("unpacking {index}"),
            Progress::Done { index, bytes } => format!("done {index} {bytes}"),
        })
    })
    .await
    .unwrap();
    let mut heard = heard.into_inner().unwrap();
    heard.dedup();
    assert_eq!(
        heard,
        ["started 0", "received 0 5 Some(5)", "done 0 5", "started 1", "received 1 5 Some(5)", "done 1 5"]
    );
}

/// A container that is destroyed while it fetches drops the future: the connection goes with it.
#[tokio::test]
async fn dropped_fetch_lets_go_of_the_server() {
    let (gone, mut is_gone) = tokio::sync::mpsc::channel(1);
    let server = Server::start(move |_, mut stream| {
        let gone = gone.clone();
        async move {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await;
            while stream.write_all(b"x").await.is_ok() {
                sleep(Duration::from_millis(5)).await;
            }
            let _ = gone.send(()).await;
        }
    })
    .await;
    let bench = Bench::new();
    let request = bench.request(vec![item(server.uri("/f"))]);
    let dropped = tokio::time::timeout(Duration::from_millis(200), fetch(request, |_| {})).await;
    assert!(dropped.is_err(), "it was still going on");
    tokio::time::timeout(Duration::from_secs(10), is_gone.recv()).await.expect("the connection was closed");
}

//! Servers that fail in between: the rest is fetched, or the error says what was wrong.

use std::sync::{Arc, Mutex};

use mezzo_fetcher::{FetchRequest, Retry, fetch};
use mezzo_model::container::Fetch;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{Bench, item, server::Server};

const CONTENT: &str = "0123456789abcdefghijklmnopqrstuvwxyz";

/// Gives the file in pieces of ten bytes and then hangs up, as many times as it is asked; knows
/// ranges. `etag` is what it calls its version.
async fn faltering(etag: &'static str, heads: Arc<Mutex<Vec<String>>>) -> Server {
    Server::heads(move |head, stream| {
        heads.lock().unwrap().push(head.to_lowercase());
        falter(etag, head.to_lowercase(), stream)
    })
    .await
}

async fn falter(etag: &str, head: String, mut stream: TcpStream) {
    let from = head.split("range: bytes=").nth(1).and_then(|rest| rest.split('-').next()?.parse().ok());
    let from: usize = from.unwrap_or(0);
    let to = (from + 10).min(CONTENT.len());
    let status = match from {
        0 => "200 OK".to_owned(),
        _ => {
            let last = CONTENT.len() - 1;
            format!("206 Partial Content\r\nContent-Range: bytes {from}-{last}/{}", CONTENT.len())
        }
    };
    let length = CONTENT.len() - from;
    let answer = format!(
        "HTTP/1.1 {status}\r\nETag: {etag}\r\nContent-Length: {length}\r\n\r\n{}",
        &CONTENT[from..to]
    );
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn patient(bench: &Bench, item: Fetch, attempts_max: u32) -> FetchRequest {
    let request = bench.request(vec![item]);
    FetchRequest { retry: Retry { attempts_max, ..request.retry }, ..request }
}

#[tokio::test]
async fn broken_transfer_goes_on_where_it_broke() {
    let bench = Bench::new();
    let heads = Arc::default();
    let server = faltering("\"v1\"", Arc::clone(&heads)).await;
    fetch(patient(&bench, item(server.uri("/f")), 4), |_| {}).await.unwrap();

    assert_eq!(bench.read("f"), CONTENT);
    let heads = heads.lock().unwrap();
    assert_eq!(heads.len(), 4);
    assert!(!heads[0].contains("range:"), "{}", heads[0]);
    assert!(heads[3].contains("range: bytes=30-") && heads[3].contains("if-range: \"v1\""), "{}", heads[3]);
    assert!(bench.read("stderr").contains("trying again, 4 of 4"), "{}", bench.read("stderr"));
}

/// A weak tag does not say that two halves fit together: all of it is asked for again.
#[tokio::test]
async fn halves_that_may_not_fit_are_not_put_together() {
    let bench = Bench::new();
    let heads: Arc<Mutex<Vec<String>>> = Arc::default();
    let server = faltering("W/\"v1\"", Arc::clone(&heads)).await;
    let error = fetch(patient(&bench, item(server.uri("/f")), 3), |_| {}).await.unwrap_err();

    assert!(error.in_one_line().contains("broke off after 10 bytes of 36"), "{}", error.in_one_line());
    let heads = heads.lock().unwrap();
    assert!(heads.len() == 3 && heads.iter().all(|head| !head.contains("range:")));
    assert!(!bench.has("f"));
}

/// The file changed meanwhile: the server says 200 and gives the new one from its beginning.
#[tokio::test]
async fn changed_file_is_fetched_from_its_beginning() {
    let bench = Bench::new();
    let server = Server::heads(|head, mut stream| async move {
        let answer: &[u8] = match head.to_lowercase().contains("if-range") {
            false => b"HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 30\r\n\r\nold old old",
            true => b"HTTP/1.1 200 OK\r\nETag: \"2\"\r\nContent-Length: 3\r\n\r\nnew",
        };
        let _ = stream.write_all(answer).await;
    })
    .await;
    bench.fetch(item(server.uri("/f"))).await.unwrap();
    assert_eq!(bench.read("f"), "new");
}

#[tokio::test]
async fn server_that_is_unwell_is_asked_again_and_one_that_refuses_is_not() {
    for (status, asked) in [
        ("500 Oh", 3),
        ("502 Oh", 3),
        ("503 Oh", 3),
        ("429 Oh", 3),
        ("404 Oh", 1),
        ("403 Oh", 1),
        ("501 Oh", 1),
    ] {
        let bench = Bench::new();
        let server = Server::saying(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")).await;
        let error = fetch(patient(&bench, item(server.uri("/f")), 3), |_| {}).await.unwrap_err();
        assert!(error.in_one_line().contains(&status[..3]), "{}", error.in_one_line());
        assert_eq!(server.requests(), asked, "{status}");
    }
}

#[tokio::test]
async fn server_that_recovers_gives_the_file() {
    let bench = Bench::new();
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let server = Server::start(move |_, mut stream| {
        let nth = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        async move {
            let answer: &[u8] = match nth {
                0 => b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n",
                1 => b"",
                _ => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            };
            let _ = stream.write_all(answer).await;
        }
    })
    .await;
    fetch(patient(&bench, item(server.uri("/f")), 3), |_| {}).await.unwrap();
    assert_eq!(bench.read("f"), "ok");
}

#[tokio::test]
async fn checksum_in_the_uri_is_compared() {
    let good = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let server = Server::with(b"hello").await;
    let bench = Bench::new();
    bench.fetch(item(format!("{}#sha256={good}", server.uri("/f.txt")))).await.unwrap();
    assert_eq!(bench.read("f.txt"), "hello", "the mark is no part of the name");

    let bad = good.replace('2', "3");
    let bench = Bench::new();
    let said = bench.refused(item(format!("{}#sha256={bad}", server.uri("/f")))).await;
    assert!(said.contains(good) && said.contains(&bad) && said.contains("the URI says"), "{said}");
    assert!(!bench.has("f"));
    let said = bench.refused(item(format!("{}#sha256=12", server.uri("/f")))).await;
    assert!(said.contains("64 hexadecimal digits, but `12` follows"), "{said}");
}

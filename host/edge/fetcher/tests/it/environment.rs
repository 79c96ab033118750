//! What a fetch takes from the agent's environment: whom to trust, and which proxy to ask.
//!
//! It is read once in the life of a process, so each case is a process: this program again, told
//! to run [`fetches_what_it_is_told`] alone.

use std::{
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    Bench, ftp, item,
    server::Server,
    tls::{acceptor, fixture},
};

const URI: &str = "MEZZO_TEST_URI";

#[tokio::test]
async fn fetches_what_it_is_told() {
    let Ok(uri) = std::env::var(URI) else { return };
    let bench = Bench::new();
    match bench.fetch(item(uri)).await {
        Ok(()) => println!("fetched `{}`", bench.read("file")),
        Err(error) => println!("refused: {}", error.in_one_line()),
    }
}

/// What another process says of fetching `uri`, with these variables and no others that matter.
async fn elsewhere(uri: &str, variables: &[(&str, &str)]) -> String {
    let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "environment::fetches_what_it_is_told", "--nocapture"]);
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command.env_remove("SSL_CERT_DIR").env_remove("SSL_CERT_FILE");
    command.env(URI, uri).envs(variables.iter().copied()).stderr(Stdio::null());
    let output = command.output().await.unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A web server within TLS: its port, and how many connections it had.
async fn https(ip: &str) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((ip, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor().accept(stream).await else { return };
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else { return };
                    head.push(byte);
                }
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret").await;
                let _ = stream.shutdown().await;
            });
        }
    });
    (port, count)
}

#[tokio::test]
async fn server_of_an_authority_that_is_trusted_gives_the_file() {
    let (port, _) = https("127.0.0.1").await;
    let authority = fixture("authority.pem");
    let trust = [("SSL_CERT_FILE", authority.to_str().unwrap())];
    for host in ["localhost", "127.0.0.1"] {
        let said = elsewhere(&format!("https://{host}:{port}/file"), &trust).await;
        assert!(said.contains("fetched `secret`"), "{host}: {said}");
    }
}

/// Once: a certificate that is not trusted now will not be in a second.
#[tokio::test]
async fn server_of_any_other_authority_is_refused() {
    let (port, count) = https("127.0.0.1").await;
    let said = elsewhere(&format!("https://localhost:{port}/file"), &[]).await;
    assert!(said.contains("refused") && said.contains("certificate"), "{said}");
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

/// Trusted, but for another name.
#[tokio::test]
async fn certificate_of_another_name_is_refused() {
    let (port, _) = https("127.0.0.2").await;
    let authority = fixture("authority.pem");
    let trust = [("SSL_CERT_FILE", authority.to_str().unwrap())];
    let said = elsewhere(&format!("https://127.0.0.2:{port}/file"), &trust).await;
    assert!(said.contains("refused") && said.contains("certificate"), "{said}");
}

#[tokio::test]
async fn ftps_is_ftp_within_tls() {
    let server = ftp::FtpServer::start(ftp::Manners { secure: true, ..Default::default() }).await;
    let authority = fixture("authority.pem");
    let trust = [("SSL_CERT_FILE", authority.to_str().unwrap())];
    let said = elsewhere(&server.uri("ftps", "dir/file"), &trust).await;
    assert!(said.contains("fetched `hello`"), "{said}");
    let said = elsewhere(&server.uri("ftps", "dir/file"), &[]).await;
    assert!(said.contains("refused") && said.contains("certificate"), "{said}");
}

#[tokio::test]
async fn proxy_is_asked_for_what_lies_behind_it() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    let proxy = Server::start(move |path, mut stream| {
        heard.lock().unwrap().push(path);
        async move {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nproxied").await;
        }
    })
    .await;
    let said = elsewhere("http://files.invalid/file", &[("http_proxy", &proxy.uri(""))]).await;
    assert!(said.contains("fetched `proxied`"), "{said}");
    assert_eq!(*asked.lock().unwrap(), ["http://files.invalid/file"]);
}

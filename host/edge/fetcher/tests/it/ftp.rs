//! Downloads over ftp.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::{Bench, item, tls::acceptor};

/// How a server behaves.
#[derive(Clone, Default)]
pub struct Manners {
    /// Within TLS from the first byte.
    pub secure: bool,
    /// Knows PASV only, and names a host that is not its own.
    pub old: bool,
    /// Instead of "226" after the file.
    pub end: Option<&'static str>,
}

/// A server with one file, `dir/file`.
pub struct FtpServer {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl FtpServer {
    pub async fn start(manners: Manners) -> FtpServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, manners.clone(), Arc::clone(&hears)));
            }
        });
        FtpServer { port, heard }
    }

    pub fn uri(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://localhost:{}/{path}", self.port)
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

async fn secured(stream: TcpStream, manners: &Manners) -> Option<Box<dyn Stream>> {
    match manners.secure {
        true => Some(Box::new(acceptor().accept(stream).await.ok()?)),
        false => Some(Box::new(stream)),
    }
}

async fn serve(stream: TcpStream, manners: Manners, heard: Arc<Mutex<Vec<String>>>) -> Option<()> {
    let data = TcpListener::bind("127.0.0.1:0").await.ok()?;
    let port = data.local_addr().ok()?.port();
    let mut stream = BufReader::new(secured(stream, &manners).await?);
    stream.get_mut().write_all(b"220-Welcome\r\n220-to the server\r\n220 now\r\n").await.ok()?;
    loop {
        stream.get_mut().flush().await.ok()?;
        let mut line = String::new();
        stream.read_line(&mut line).await.ok().filter(|count| *count > 0)?;
        let line = line.trim_end().to_owned();
        heard.lock().unwrap().push(line.clone());
        let answer = match line.as_str() {
            "EPSV" if manners.old => "500 What?".to_owned(),
            "EPSV" => format!("229 Here (|||{port}|)"),
            "PASV" => format!("227 Here (10,9,8,7,{},{}).", port / 256, port % 256),
            "RETR dir/file" => {
                stream.get_mut().write_all(b"150 Coming\r\n").await.ok()?;
                stream.get_mut().flush().await.ok()?;
                let (connection, _) = data.accept().await.ok()?;
                let mut connection = secured(connection, &manners).await?;
                connection.write_all(b"hello").await.ok()?;
                connection.shutdown().await.ok()?;
                manners.end.unwrap_or("226 Done").to_owned()
            }
            line if line.starts_with("RETR") => "550 No such file".to_owned(),
            "USER me" | "USER anonymous" => "331 And the password?".to_owned(),
            "PASS wrong" => "530 No".to_owned(),
            line if line.starts_with("PASS") => "230 Good".to_owned(),
            _ => "200 As you like".to_owned(),
        };
        stream.get_mut().write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
}

#[tokio::test]
async fn file_is_fetched_in_passive_mode_of_both_kinds() {
    for old in [false, true] {
        let server = FtpServer::start(Manners { old, ..Default::default() }).await;
        let bench = Bench::new();
        bench.fetch(item(server.uri("ftp", "dir/file"))).await.unwrap();
        assert_eq!(bench.read("file"), "hello");
        let heard = server.heard();
        assert_eq!(heard[..3], ["USER anonymous", "PASS mezzo@", "TYPE I"]);
        assert_eq!(heard.contains(&"PASV".to_owned()), old, "{heard:?}");
    }
}

#[tokio::test]
async fn account_of_the_uri_is_used_and_not_shown() {
    let server = FtpServer::start(Manners::default()).await;
    let with = |account: &str| server.uri("ftp", "dir/file").replace("//", &format!("//{account}@"));
    let bench = Bench::new();
    bench.fetch(item(with("me:right"))).await.unwrap();
    assert_eq!(server.heard()[..2], ["USER me", "PASS right"]);
    let bench = Bench::new();
    let said = bench.refused(item(with("me:wrong"))).await;
    assert!(said.contains("530 No") && said.contains("PASS") && !said.contains("wrong"), "{said}");
}

#[tokio::test]
async fn what_the_server_refuses_is_said_and_leaves_no_file() {
    let server = FtpServer::start(Manners::default()).await;
    let bench = Bench::new();
    let said = bench.refused(item(server.uri("ftp", "missing"))).await;
    assert!(said.contains("550 No such file") && said.contains("RETR missing"), "{said}");
    assert!(!bench.has("missing"));
}

/// A connection that ends is no file that ends: only 226 says so.
#[tokio::test]
async fn file_counts_when_the_server_says_that_it_was_whole() {
    let server = FtpServer::start(Manners { end: Some("426 Broken"), ..Default::default() }).await;
    let bench = Bench::new();
    let said = bench.refused(item(server.uri("ftp", "dir/file"))).await;
    assert!(said.contains("426 Broken"), "{said}");
    assert!(!bench.has("file"));
}

#[tokio::test]
async fn uri_cannot_carry_a_second_command() {
    let server = FtpServer::start(Manners::default()).await;
    let bench = Bench::new();
    let said = bench.refused(item(server.uri("ftp", "x%0d%0aDELE%20file"))).await;
    assert!(said.contains("Illegal characters in URI"), "{said}");
    assert_eq!(server.heard(), Vec::<String>::new());
}

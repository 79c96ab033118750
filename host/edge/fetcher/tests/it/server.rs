//! A web server that does exactly what a test says, also what no good server would.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Serves until dropped.
pub struct Server {
    address: String,
    requests: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Server {
    /// Answers every request with what `answer` writes; it is given the path.
    pub async fn start<F, Done>(answer: F) -> Server
    where
        F: Fn(String, TcpStream) -> Done + Send + Sync + Clone + 'static,
        Done: Future<Output = ()> + Send + 'static,
    {
        let path = |head: String| head.split(' ').nth(1).unwrap_or_default().to_owned();
        Server::heads(move |head, stream| answer(path(head), stream)).await
    }

    /// The same; it is given the whole head of the request.
    pub async fn heads<F, Done>(answer: F) -> Server
    where
        F: Fn(String, TcpStream) -> Done + Send + Sync + Clone + 'static,
        Done: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = requests.clone();
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (answer, counted) = (answer.clone(), counted.clone());
                tokio::spawn(async move {
                    if let Some(head) = read_head(&mut stream).await {
                        counted.fetch_add(1, Ordering::Relaxed);
                        answer(head, stream).await;
                    }
                });
            }
        });
        Server { address, requests, task }
    }

    /// Answers every request with these bytes and closes.
    pub async fn saying(bytes: impl Into<Vec<u8>>) -> Server {
        let bytes: Arc<[u8]> = bytes.into().into();
        Server::start(move |_, mut stream| {
            let bytes = bytes.clone();
            async move {
                let _ = stream.write_all(&bytes).await;
            }
        })
        .await
    }

    /// A file as any server gives it.
    pub async fn with(content: &[u8]) -> Server {
        let mut bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.len()).into_bytes();
        bytes.extend(content);
        Server::saying(bytes).await
    }

    pub fn uri(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

//! What tasks share: fetched once, kept while it is used, and never in the way.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::FutureExt;
use mezzo_fetcher::{Cache, FetchRequest, fetch};
use mezzo_model::container::Fetch;
use tokio::{io::AsyncWriteExt, time::sleep};

use crate::{
    Bench,
    archives::{Entry, gzip, tar},
    item,
    server::Server,
};

/// A place for a cache, and sandboxes beside it.
struct Shared {
    bench: Bench,
    cache: Cache,
}

impl Shared {
    fn new(bytes_max: u64) -> Shared {
        let bench = Bench::new();
        let cache = Cache::open(&bench.top.path().join("cache"), bytes_max).unwrap();
        Shared { bench, cache }
    }

    /// As the agent does when it starts again.
    fn opened_again(self) -> Shared {
        let (bytes_max, bench) = (self.cache.bytes_max(), self.bench);
        drop(self.cache);
        let cache = Cache::open(&bench.top.path().join("cache"), bytes_max).unwrap();
        Shared { bench, cache }
    }

    fn files(&self) -> Vec<String> {
        let names = fs::read_dir(self.bench.top.path().join("cache")).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != "lock" && !name.ends_with(".json"));
        names.sort();
        names
    }

    fn sandbox(&self, name: &str) -> PathBuf {
        let path = self.bench.top.path().join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Fetches for a task with a sandbox of this name.
    async fn fetch(&self, task: &str, item: Fetch) -> Result<(), String> {
        let request = FetchRequest {
            sandbox: self.sandbox(task),
            cache: Some(self.cache.clone()),
            ..self.bench.request(vec![Fetch { is_cached: true, ..item }])
        };
        fetch(request, |_| {}).await.map_err(|error| error.in_one_line())
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.bench.top.path().join(path)).unwrap()
    }
}

/// A file of as many bytes as its path says, `/100`; writes down method and path of each request.
async fn files(heard: Arc<Mutex<Vec<String>>>, delay: Duration) -> Server {
    Server::heads(move |head, mut stream| {
        let heard = Arc::clone(&heard);
        async move {
            let asked = head.split(" HTTP").next().unwrap().to_owned();
            let size: usize = asked.rsplit('/').next().unwrap().parse().unwrap();
            let is_head = asked.starts_with("HEAD");
            heard.lock().unwrap().push(asked);
            if !is_head {
                sleep(delay).await;
            }
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
            if !is_head {
                let _ = stream.write_all(&vec![b'x'; size]).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn twenty_tasks_at_once_make_one_download() {
    let shared = Shared::new(1 << 20);
    let heard = Arc::default();
    let server = files(Arc::clone(&heard), Duration::from_millis(10)).await;
    let uri = server.uri("/5000");
    let names: Vec<String> = (0..20).map(|n| format!("task-{n}")).collect();
    let fetched =
        futures_util::future::join_all(names.iter().map(|name| shared.fetch(name, item(&uri)))).await;
    assert!(fetched.iter().all(Result::is_ok), "{fetched:?}");
    for name in &names {
        assert_eq!(shared.read(&format!("{name}/5000")).len(), 5000);
    }
    assert_eq!(*heard.lock().unwrap(), ["HEAD /5000", "GET /5000"]);
    assert_eq!(shared.cache.bytes_used(), 5000);
    assert_eq!(shared.files(), ["c1-5000"]);
}

#[tokio::test]
async fn least_recently_used_goes_for_the_new() {
    let shared = Shared::new(250);
    let heard = Arc::default();
    let server = files(Arc::clone(&heard), Duration::ZERO).await;
    for path in ["/a/100", "/b/100", "/a/100", "/c/100", "/a/100", "/b/100"] {
        shared.fetch("t", item(server.uri(path))).await.unwrap();
    }
    let gets: Vec<_> = heard.lock().unwrap().iter().filter(|a| a.starts_with("GET")).cloned().collect();
    assert_eq!(gets, ["GET /a/100", "GET /b/100", "GET /c/100", "GET /b/100"]);
    assert_eq!(shared.cache.bytes_used(), 200);
    assert_eq!(shared.files().len(), 2);
}

#[tokio::test]
async fn what_does_not_fit_is_fetched_without_the_cache() {
    let shared = Shared::new(50);
    let heard = Arc::default();
    let server = files(Arc::clone(&heard), Duration::ZERO).await;
    shared.fetch("t", item(server.uri("/100"))).await.unwrap();
    assert_eq!(shared.read("t/100").len(), 100);
    let log = shared.read("t/stderr");
    assert!(log.contains("Fetching without the cache: Could not find enough cache files to evict"), "{log}");
    assert_eq!(*heard.lock().unwrap(), ["HEAD /100", "GET /100"]);
    assert_eq!((shared.cache.bytes_used(), shared.files().len()), (0, 0));
}

#[tokio::test]
async fn server_that_tells_no_size_is_asked_without_the_cache() {
    for head in ["HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"] {
        let shared = Shared::new(1000);
        let server = Server::heads(move |asked, mut stream| async move {
            let answer = match asked.starts_with("HEAD") {
                true => head,
                false => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            };
            let _ = stream.write_all(answer.as_bytes()).await;
        })
        .await;
        shared.fetch("t", item(server.uri("/f"))).await.unwrap();
        assert_eq!(shared.read("t/f"), "ok");
        assert!(shared.read("t/stderr").contains("Fetching without the cache"));
        assert_eq!(shared.cache.bytes_used(), 0);
    }
}

/// The server says one size and gives another: the task gets what came, and the account is right.
#[tokio::test]
async fn sizes_that_were_not_true_are_put_right() {
    for (said, given, kept) in [(10, 4, 4), (4, 10, 0)] {
        let shared = Shared::new(1000);
        let server = Server::heads(move |asked, mut stream| async move {
            let (size, body) = match asked.starts_with("HEAD") {
                true => (said, 0),
                false => (given, given),
            };
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n{}", "x".repeat(body));
            let _ = stream.write_all(answer.as_bytes()).await;
        })
        .await;
        shared.fetch("t", item(server.uri("/f"))).await.unwrap();
        assert_eq!(shared.read("t/f").len(), given);
        assert_eq!(shared.cache.bytes_used(), kept as u64);
        assert_eq!(shared.files().len(), usize::from(kept > 0));
    }
}

#[tokio::test]
async fn failed_download_fails_the_task_and_leaves_nothing() {
    let shared = Shared::new(1000);
    let server = Server::heads(|asked, mut stream| async move {
        let answer: &[u8] = match asked.starts_with("HEAD") {
            true => b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
            false => b"HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n",
        };
        let _ = stream.write_all(answer).await;
    })
    .await;
    let said = shared.fetch("t", item(server.uri("/f"))).await.unwrap_err();
    assert!(said.contains("404"), "{said}");
    assert_eq!((shared.cache.bytes_used(), shared.files().len()), (0, 0));
}

/// The task that was downloading is killed: another one of those who wait does it.
#[tokio::test]
async fn end_of_the_one_that_downloads_does_not_end_the_others() {
    let shared = Shared::new(10_000);
    let (begun, mut has_begun) = tokio::sync::mpsc::channel(1);
    let server = Server::heads(move |head, mut stream| {
        let begun = begun.clone();
        async move {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").await;
            if head.starts_with("HEAD") {
                return;
            }
            // The first one gets nothing, ever.
            if begun.try_send(()).is_ok() {
                std::future::pending().await
            }
            let _ = stream.write_all(b"hello").await;
        }
    })
    .await;
    let uri = server.uri("/f");
    let mut first = Box::pin(shared.fetch("first", item(&uri)));
    tokio::select! {
        ended = &mut first => panic!("it cannot have ended: {ended:?}"),
        _ = has_begun.recv() => has_begun.close(),
    }
    let mut second = Box::pin(shared.fetch("second", item(&uri)));
    assert!((&mut second).now_or_never().is_none(), "it waits");
    drop(first);
    second.await.unwrap();
    assert_eq!(shared.read("second/f"), "hello");
    assert_eq!((shared.cache.bytes_used(), shared.files().len()), (5, 1));
}

#[tokio::test]
async fn of_a_kept_archive_only_the_content_appears() {
    let shared = Shared::new(1 << 20);
    let archive = gzip(&tar(&[Entry::file("bin/tool", b"hello")]));
    let path = shared.bench.outside("a.tar.gz", &archive);
    for task in ["one", "two"] {
        shared.fetch(task, item(&path)).await.unwrap();
        assert_eq!(shared.read(&format!("{task}/bin/tool")), "hello");
        assert!(!shared.sandbox(task).join("a.tar.gz").exists());
    }
}

/// What a task does to its file is nobody else's.
#[tokio::test]
async fn copies_are_the_tasks_own() {
    let shared = Shared::new(1 << 20);
    let path = shared.bench.outside("f", b"hello");
    shared.fetch("one", item(&path)).await.unwrap();
    fs::write(shared.sandbox("one").join("f"), "spoiled").unwrap();
    shared.fetch("two", item(&path)).await.unwrap();
    assert_eq!(shared.read("two/f"), "hello");
}

#[tokio::test]
async fn files_of_an_earlier_life_are_used_again_once_they_were_read() {
    let shared = Shared::new(1 << 20);
    let heard = Arc::default();
    let server = files(Arc::clone(&heard), Duration::ZERO).await;
    shared.fetch("t", item(server.uri("/100"))).await.unwrap();
    shared.fetch("t", item(server.uri("/200"))).await.unwrap();
    fs::write(shared.bench.top.path().join("cache/c77-half"), "a download that did not end").unwrap();

    let shared = shared.opened_again();
    assert_eq!(shared.cache.bytes_used(), 300);
    assert_eq!(shared.files(), ["c1-100", "c2-200"], "the half is gone");
    shared.fetch("u", item(server.uri("/100"))).await.unwrap();
    assert_eq!(shared.read("u/100").len(), 100);
    assert_eq!(heard.lock().unwrap().len(), 4, "nobody was asked");

    fs::write(shared.bench.top.path().join("cache/c2-200"), "y".repeat(200)).unwrap();
    let shared = shared.opened_again();
    shared.fetch("v", item(server.uri("/200"))).await.unwrap();
    assert_eq!(shared.read("v/200"), "x".repeat(200), "what was damaged is fetched anew");
    assert_eq!(heard.lock().unwrap().len(), 6);
    assert_eq!(shared.cache.bytes_used(), 300);
}

#[tokio::test]
async fn users_do_not_share() {
    let shared = Shared::new(1 << 20);
    let heard = Arc::default();
    let server = files(Arc::clone(&heard), Duration::ZERO).await;
    for user in [None, Some("root".to_owned())] {
        let request = FetchRequest {
            user,
            cache: Some(shared.cache.clone()),
            ..shared.bench.request(vec![Fetch { is_cached: true, ..item(server.uri("/9")) }])
        };
        fetch(request, |_| {}).await.unwrap();
    }
    assert_eq!(heard.lock().unwrap().len(), 4);
}

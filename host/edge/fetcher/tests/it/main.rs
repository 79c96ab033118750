//! What a task's author sees of the fetcher: files in the sandbox, or a sentence.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test that panics is a test that failed")]

mod archives;
mod cache;
mod environment;
mod faults;
mod files;
mod ftp;
mod hostile;
mod server;
mod tls;
mod web;
mod zip;

use std::{fs, path::PathBuf, time::Duration};

use mezzo_fetcher::{FetchError, FetchRequest, Retry, fetch};
use mezzo_model::container::Fetch;
use tempfile::TempDir;

/// A sandbox, and beside it a place that nothing may reach.
struct Bench {
    top: TempDir,
}

impl Bench {
    fn new() -> Bench {
        let top = tempfile::tempdir().unwrap();
        fs::create_dir(top.path().join("sandbox")).unwrap();
        Bench { top }
    }

    fn sandbox(&self) -> PathBuf {
        self.top.path().join("sandbox")
    }

    /// A file outside the sandbox.
    fn outside(&self, name: &str, content: &[u8]) -> String {
        let path = self.top.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn request(&self, items: Vec<Fetch>) -> FetchRequest {
        FetchRequest {
            stall_timeout: Duration::from_secs(5),
            retry: Retry { attempts_max: 2, pause: Duration::from_millis(1) },
            ..FetchRequest::new(items, self.sandbox())
        }
    }

    async fn fetch(&self, item: Fetch) -> Result<(), FetchError> {
        fetch(self.request(vec![item]), |_| {}).await
    }

    /// Fetches what must be refused, and returns the sentence.
    async fn refused(&self, item: Fetch) -> String {
        let said = self.fetch(item).await.expect_err("this must be refused").in_one_line();
        let noted = self.read("stderr");
        assert!(noted.contains(&said), "the sandbox's stderr has the reason: {said}\n{noted}");
        said
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.sandbox().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn has(&self, name: &str) -> bool {
        self.sandbox().join(name).symlink_metadata().is_ok()
    }
}

fn item(uri: impl Into<String>) -> Fetch {
    Fetch { uri: uri.into(), is_executable: false, unpack: true, is_cached: false, output_file: None }
}

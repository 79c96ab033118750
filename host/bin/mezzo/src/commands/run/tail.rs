//! A task's stdout and stderr, as they grow, through the agent's files API.

use std::{io::Write, time::Duration};

use mezzo_client::Client;
use mezzo_model::FrameworkId;
use tokio::{sync::watch, task::JoinHandle};

/// As often as a person notices; each look costs the agent one small read.
const PERIOD: Duration = Duration::from_millis(200);
/// The most that one read brings (spec 20: never more than 65536 bytes).
const CHUNK_BYTES: u64 = 65_536;
/// An agent that does not answer this often in a row is given up.
const FAILURES_MAX: u32 = 25;

/// Two streams being followed.
pub struct Tail {
    address: String,
    directory: String,
    done: watch::Sender<bool>,
    followers: Vec<JoinHandle<()>>,
}

impl Tail {
    /// Prepares to follow the task's output; a command task's executor has the task's id.
    pub fn new(address: String, framework: &FrameworkId, task: &str) -> Self {
        let directory = format!("/frameworks/{framework}/executors/{task}/runs/latest");
        Self { address, directory, done: watch::Sender::new(false), followers: Vec::new() }
    }

    /// Begins to print; more calls change nothing.
    pub fn start(&mut self) {
        if !self.followers.is_empty() {
            return;
        }
        for (name, is_error) in [("stdout", false), ("stderr", true)] {
            let (address, path) = (self.address.clone(), format!("{}/{name}", self.directory));
            let done = self.done.subscribe();
            self.followers.push(tokio::spawn(async move {
                if let Err(error) = follow(&address, &path, 0, is_error, done).await {
                    eprintln!("cannot read the task's {name}: {error}");
                }
            }));
        }
    }

    /// Prints what is left and stops.
    pub async fn finish(mut self) {
        self.start();
        self.done.send_replace(true);
        for follower in self.followers {
            // A follower that panicked has nothing more to print.
            let _ = follower.await;
        }
    }
}

/// Prints the file from `offset` on, until it has an end and `done` says so.
pub async fn follow(
    address: &str,
    path: &str,
    mut offset: u64,
    is_error: bool,
    mut done: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let client = Client::new(address)?;
    let mut failures = 0;
    loop {
        let is_last = *done.borrow_and_update();
        match client.read_file(path, offset, CHUNK_BYTES).await {
            Ok(data) if !data.is_empty() => {
                failures = 0;
                offset += data.len() as u64;
                print(&data, is_error)?;
                continue;
            }
            Ok(_) if is_last => return Ok(()),
            // A task that never ran has no output, and why it did not was told already.
            Err(error) if is_last && error.status().is_some_and(|status| status == 404) => return Ok(()),
            Ok(_) => failures = 0,
            Err(error) if is_last || failures >= FAILURES_MAX => return Err(error.into()),
            Err(_) => failures += 1,
        }
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => (),
            changed = done.changed(), if !is_last => if changed.is_err() { return Ok(()) },
        }
    }
}

fn print(data: &[u8], is_error: bool) -> std::io::Result<()> {
    if is_error {
        std::io::stderr().write_all(data)
    } else {
        let mut out = std::io::stdout();
        out.write_all(data)?;
        out.flush()
    }
}

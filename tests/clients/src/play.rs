//! A scheduler that plays a story, and what it tells.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, bail};
use e2e_tests::wait_for;

use crate::Story;

/// A scheduler at work. Dropping it kills it.
pub struct Play {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    errors: PathBuf,
}

impl Play {
    /// Starts `program MASTER STORY`; `name` is for its files in `dir`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(
        mut program: Command,
        master: &str,
        dir: &Path,
        name: &str,
        story: &Story,
    ) -> anyhow::Result<Self> {
        let path = dir.join(format!("{name}.story"));
        story.write(&path)?;
        let errors = dir.join(format!("{name}.err"));
        let mut child = program
            .arg(master)
            .arg(&path)
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&errors)?)
            .spawn()
            .with_context(|| format!("cannot start {program:?}"))?;
        let stdout = child.stdout.take().context("a child without its output")?;
        let lines = Arc::new(Mutex::new(Vec::new()));
        let into = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                into.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Ok(Self { child, lines, errors })
    }

    /// What it told until now.
    pub fn told(&self) -> Told {
        Told(self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Waits until what it told is enough.
    ///
    /// # Errors
    /// After `limit`, with all that it told.
    pub fn wait_until(
        &self,
        what: &str,
        limit: Duration,
        mut enough: impl FnMut(&Told) -> bool,
    ) -> anyhow::Result<Told> {
        wait_for(what, limit, || Some(self.told()).filter(&mut enough)).with_context(|| self.words())
    }

    /// Waits for its own end.
    ///
    /// # Errors
    /// After `limit`, or when it did not end well, with all that it told.
    pub fn finish(mut self, limit: Duration) -> anyhow::Result<Told> {
        let status = wait_for("the story's end", limit, || self.child.try_wait().ok().flatten())
            .with_context(|| self.words())?;
        // The thread that reads may be a moment behind.
        let told = self.wait_until("the last word", Duration::from_secs(5), |told| told.has("done"))?;
        if !status.success() {
            bail!("the scheduler ended with {status}\n{}", self.words());
        }
        Ok(told)
    }

    fn words(&self) -> String {
        let errors = fs::read(&self.errors).unwrap_or_default();
        format!("{}\n--- errors\n{}", self.told().0.join("\n"), String::from_utf8_lossy(&errors))
    }
}

impl Drop for Play {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines that a scheduler told.
#[derive(Clone, Debug)]
pub struct Told(Vec<String>);

impl Told {
    fn about<'a>(&'a self, word: &'a str) -> impl Iterator<Item = Vec<&'a str>> {
        self.0.iter().map(|line| line.split('\t').collect::<Vec<_>>()).filter(move |line| line[0] == word)
    }

    /// Whether there is such a line.
    pub fn has(&self, word: &str) -> bool {
        self.about(word).next().is_some()
    }

    /// The framework's id.
    pub fn framework(&self) -> Option<String> {
        self.about("subscribed").next().and_then(|line| line.get(1).map(|id| (*id).to_owned()))
    }

    /// The states of a task as the scheduler saw them, without those that it had asked for.
    pub fn states(&self, task: &str) -> Vec<String> {
        let news = self.updates(task).into_iter().filter(|line| line[3] != "REASON_RECONCILIATION");
        news.map(|line| line[2].to_owned()).collect()
    }

    /// Every update of a task: `update`, task, state, reason, source, message; `-` for what is not there.
    pub fn updates(&self, task: &str) -> Vec<Vec<&str>> {
        self.about("update").filter(|line| line.get(1) == Some(&task)).collect()
    }

    /// The last update of a task: state, reason, source, message.
    pub fn end(&self, task: &str) -> Option<[&str; 4]> {
        self.updates(task).last().map(|line| [line[2], line[3], line[4], line[5]])
    }

    /// What executors said: executor and text.
    pub fn messages(&self) -> Vec<(String, String)> {
        self.about("message").map(|line| (line[1].to_owned(), line[2].to_owned())).collect()
    }
}

//! The example framework as a process that a test watches.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};

use e2e_tests::{Daemons, get_json, program, wait_for, workspace};
use serde_json::Value;

/// Into how many pieces the text is cut.
pub const PIECES: usize = 24;
const LIMIT: Duration = Duration::from_secs(120);

/// A run that goes on.
pub struct Wordcount {
    child: Child,
    said: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
    master_port: u16,
}

/// A run that has ended.
pub struct Ended {
    pub status: ExitStatus,
    pub printed: String,
    pub said: String,
}

impl Ended {
    /// The result of a run that ended well.
    pub fn result(&self) -> Value {
        assert!(self.status.success(), "{}\n{}", self.status, self.said);
        serde_json::from_str(&self.printed).unwrap()
    }
}

/// A text of about a megabyte, in the test's directory.
pub fn text(dir: &Path) -> PathBuf {
    let path = dir.join("text.txt");
    let page = std::fs::read_to_string(workspace().join("LICENSE")).unwrap();
    std::fs::write(&path, page.repeat(100)).unwrap();
    path
}

impl Wordcount {
    /// Starts a run against `daemons`.
    pub fn start(daemons: &Daemons, args: &[&str]) -> Wordcount {
        let mut child = Command::new(program("wordcount"))
            .arg("--text")
            .arg(text(daemons.dir.path()))
            .args(["--json", "--pieces", &PIECES.to_string()])
            .args(["--master", &format!("127.0.0.1:{}", daemons.master_port)])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (lines, stderr) = (said.clone(), child.stderr.take().unwrap());
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                *lines.lock().unwrap() += &format!("{line}\n");
            }
        });
        Wordcount { child, said, reader, master_port: daemons.master_port }
    }

    /// Starts a run whose tasks take long enough to be killed under, and waits for the point at
    /// which some pieces are counted and others run.
    pub fn in_the_middle(daemons: &Daemons, args: &[&str]) -> Wordcount {
        let run = Wordcount::start(daemons, &[&["--linger", "1"], args].concat());
        let is_there = wait_for("some pieces counted and others running", LIMIT, || {
            (run.counted() >= 3 && run.running().len() >= 2).then_some(())
        });
        is_there.unwrap_or_else(|error| panic!("{error}\n{}", run.said.lock().unwrap()));
        assert!(run.counted() < PIECES);
        run
    }

    /// Pieces counted so far, as it says itself.
    pub fn counted(&self) -> usize {
        let said = self.said.lock().unwrap();
        let counts = said.lines().filter_map(|line| line.split_once(&format!(" of {PIECES} pieces counted")));
        counts.filter_map(|(count, _)| count.parse().ok()).next_back().unwrap_or(0)
    }

    /// Tasks that run now, as the master says.
    pub fn running(&self) -> Vec<String> {
        let Ok(state) = get_json(self.master_port, "/state") else { return Vec::new() };
        let tasks = state["frameworks"][0]["tasks"].as_array().cloned().unwrap_or_default();
        let running = tasks.iter().filter(|task| task["state"] == "TASK_RUNNING");
        running.filter_map(|task| Some(task["id"].as_str()?.to_owned())).collect()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.reader.join().unwrap();
    }

    /// Waits for the end.
    pub fn finish(mut self) -> Ended {
        let ended = wait_for("the end of the workload", LIMIT, || self.child.try_wait().unwrap());
        if ended.is_err() {
            self.child.kill().unwrap();
        }
        let output = self.child.wait_with_output().unwrap();
        self.reader.join().unwrap();
        let said = self.said.lock().unwrap().clone();
        let status = ended.unwrap_or_else(|error| panic!("{error}\n{said}"));
        Ended { status, printed: String::from_utf8(output.stdout).unwrap(), said }
    }
}

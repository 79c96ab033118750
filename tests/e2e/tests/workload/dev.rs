//! `cargo xtask dev`, as somebody types it on the first day.

use std::{
    io::Read,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use e2e_tests::{free_port, is_root, processes, program, wait_for, workspace};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::wordcount::text;

const LIMIT: Duration = Duration::from_secs(60);

/// A `cargo xtask dev` and where its traces would be.
struct Dev {
    child: Child,
    master_port: u16,
    _text: tempfile::TempDir,
}

/// A `dev` that has ended.
struct Ended {
    status: ExitStatus,
    printed: String,
    /// What is left of it.
    traces: Vec<String>,
}

impl Dev {
    fn start(args: &[&str]) -> Dev {
        let dir = tempfile::tempdir().unwrap();
        let text = text(dir.path());
        let (master_port, agent_port) = (free_port(), free_port());
        let child = Command::new(program("xtask"))
            .env("MEZZO_PROGRAMS_BUILT", "1")
            .args(["dev", "--pieces", "6", "--text"])
            .arg(&text)
            .args([format!("--master-port={master_port}"), format!("--agent-port={agent_port}")])
            .args(if is_root() { &[][..] } else { &["--launcher=posix"] })
            .args(args)
            .current_dir(workspace())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Dev { child, master_port, _text: dir }
    }

    fn terminate(&self) {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM).unwrap();
    }

    /// Waits for the end, and makes one when it does not come.
    fn end(mut self) -> Ended {
        let ended = wait_for("the end of dev", LIMIT, || self.child.try_wait().unwrap());
        if ended.is_err() {
            self.terminate();
        }
        let mut printed = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        self.child.wait().unwrap();
        let status = ended.unwrap_or_else(|error| panic!("{error}: {printed}"));
        Ended { status, printed, traces: self.traces() }
    }

    /// Processes, control groups and directories that speak of this cluster.
    fn traces(&self) -> Vec<String> {
        let master = format!("127.0.0.1:{}", self.master_port);
        let flag = format!("--port={}", self.master_port);
        let ours = processes().filter(|pid| {
            let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let words = String::from_utf8_lossy(&words).into_owned();
            words.contains("mezzo") && (words.contains(&master) || words.contains(&flag))
        });
        let mut traces: Vec<_> = ours.map(|pid| format!("process {pid}")).collect();
        let name = format!("dev-{}", self.master_port);
        let groups = std::fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
        let groups = groups.map(|entry| entry.path().join("mezzo").join(&name)).filter(|path| path.exists());
        traces.extend(groups.map(|path: PathBuf| format!("control group {}", path.display())));
        let dir = std::env::temp_dir().join(format!("mezzo-{name}"));
        traces.extend(dir.exists().then(|| format!("directory {}", dir.display())));
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        traces
            .extend(mounts.lines().filter(|line| line.contains(&format!("mezzo-{name}"))).map(str::to_owned));
        traces
    }
}

#[test]
fn dev_with_exit_is_right_and_leaves_nothing() {
    let dev = Dev::start(&["--exit"]);
    let ended = dev.end();
    assert!(ended.status.success(), "{}", ended.printed);
    assert!(ended.printed.contains("Equal, word for word."), "{}", ended.printed);
    assert_eq!(ended.traces, Vec::<String>::new());
}

#[test]
fn interrupted_dev_leaves_nothing() {
    let dev = Dev::start(&[]);
    let port = dev.master_port;
    let begun = wait_for("the workload to begin", LIMIT, || {
        let state = e2e_tests::get_json(port, "/state").ok()?;
        (!state["frameworks"].as_array()?.is_empty()).then_some(())
    });
    let traces = dev.traces();
    // What a terminal does at Ctrl-C reaches the whole group; a service manager ends the first process.
    dev.terminate();
    let ended = dev.end();
    begun.unwrap_or_else(|error| panic!("{error}: {}", ended.printed));
    assert!(!traces.is_empty(), "a running cluster has traces");
    assert_eq!(ended.traces, Vec::<String>::new());
}

//! Two network namespaces with a cable between them, which can be cut without either end being told.
//!
//! Nothing has a name outside: a namespace lives as long as a thread or process in it.

use std::{
    cell::OnceCell,
    fs::File,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    sync::mpsc,
    thread::JoinHandle,
};

use nix::{
    sched::{CloneFlags, setns, unshare},
    unistd::gettid,
};

use crate::small::run;

/// Where the master listens, on its end of the cable.
pub const MASTER: &str = "10.77.0.1";
/// Where the agent is, on its end.
pub const AGENT: &str = "10.77.0.2";

/// Which packets are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// All.
    Both,
    /// What the agent says.
    ToMaster,
    /// What the master says.
    ToAgent,
}

/// The cable. The thread that laid it is at the master's end.
pub struct Wire {
    agent_end: PathBuf,
    master_end: PathBuf,
    let_go: Option<mpsc::Sender<()>>,
    keeper: Option<JoinHandle<()>>,
    /// Not to be sent to a thread that is elsewhere.
    _here: OnceCell<()>,
}

impl Wire {
    /// Moves this thread, for good, to the master's end of a new cable.
    pub fn lay() -> Self {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let (say, heard) = mpsc::channel();
        let (let_go, until) = mpsc::channel::<()>();
        let keeper = std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            say.send(gettid()).unwrap();
            let _ = until.recv();
        });
        let agent = heard.recv().unwrap();
        let wire = Self {
            agent_end: format!("/proc/self/task/{agent}/ns/net").into(),
            master_end: format!("/proc/self/task/{}/ns/net", gettid()).into(),
            let_go: Some(let_go),
            keeper: Some(keeper),
            _here: OnceCell::new(),
        };
        ip(&format!("link add cable type veth peer name cable netns {agent}"));
        up(MASTER);
        wire.at_agent(|| up(AGENT));
        wire
    }

    /// Does something at the agent's end; processes that it starts stay there.
    pub fn at_agent<T>(&self, work: impl FnOnce() -> T) -> T {
        let (here, there) = (File::open(&self.master_end).unwrap(), File::open(&self.agent_end).unwrap());
        setns(there, CloneFlags::CLONE_NEWNET).unwrap();
        let done = work();
        setns(here, CloneFlags::CLONE_NEWNET).unwrap();
        done
    }

    /// Loses packets from now on. They vanish where they arrive, so nobody is told.
    pub fn cut(&self, which: Cut) {
        if which != Cut::ToAgent {
            drop_input();
        }
        if which != Cut::ToMaster {
            self.at_agent(drop_input);
        }
    }

    /// Lets packets through again.
    pub fn mend(&self) {
        nft("flush ruleset");
        self.at_agent(|| nft("flush ruleset"));
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.let_go = None;
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
    }
}

fn up(address: &str) {
    ip(&format!("address add {address}/24 dev cable"));
    ip("link set cable up");
    ip("link set lo up");
}

fn ip(words: &str) {
    run(Command::new("ip").args(words.split(' ')));
}

fn drop_input() {
    nft(
        "table inet mezzo {\n chain input {\n type filter hook input priority 0\n iifname \"cable\" drop\n }\n}\n",
    );
}

fn nft(rules: &str) {
    let mut nft = Command::new("nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    nft.stdin.take().unwrap().write_all(rules.as_bytes()).unwrap();
    assert!(nft.wait().unwrap().success(), "nft takes {rules}");
}

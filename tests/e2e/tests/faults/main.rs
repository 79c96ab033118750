//! Faults that a machine, a disk, a clock or a network brings, against real processes.
//!
//! Each fault has an end, and what is asserted is what a user sees: what ran goes on and is told of,
//! what is new is refused with a reason while it must be, and nobody has to mend anything afterwards.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test that panics is a test that failed")]

mod clock;
mod disk;
mod link;
mod scheduler;
mod small;
mod stopped;
mod wire;
mod work_dirs;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use e2e_tests::{Daemons, is_root};

/// Pings as short as they may be: an agent is given up after three seconds.
const SHORT_PINGS: [&str; 2] = ["--agent_ping_timeout=1secs", "--max_agent_ping_timeouts=3"];
/// Longer than those.
const TOO_LONG: Duration = Duration::from_secs(5);

/// Whether faults can be made here; says so if not.
fn can_make_faults() -> bool {
    if !is_root() {
        println!("SKIPPED: faults of kernel, disk and network need root");
    }
    is_root()
}

/// A cluster of one agent with short pings; nothing runs yet.
fn short_pings() -> Daemons {
    let mut daemons = Daemons::new(1);
    // A container has a /tmp of its own, and tasks have to see files of the test.
    daemons.dir = tempfile::Builder::new().prefix("mezzo-e2e").tempdir_in("/var/tmp").unwrap();
    daemons.master_flags.extend(SHORT_PINGS.map(str::to_owned));
    daemons.agent_flags.push("--registration_backoff_factor=100ms".to_owned());
    daemons
}

/// Starts master and agent.
fn start(daemons: &mut Daemons) {
    daemons.start_master().unwrap();
    daemons.start_agent(0).unwrap();
    daemons.wait_for_agents(1).unwrap();
}

/// A command that runs until a file is there, and then ends well.
fn until(file: &Path) -> String {
    format!("while [ ! -e {} ]; do sleep 0.05; done", file.display())
}

/// The file for which a task of this name waits.
fn file_for(daemons: &Daemons, name: &str) -> PathBuf {
    daemons.dir.path().join(format!("{name}-may-end"))
}

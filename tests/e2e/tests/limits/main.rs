//! Clients that take much, long or do not read, against a real master: it stays small, others are
//! served, and each is told which limit it met. And the operator's event stream, which is the
//! widest way to be such a client.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test that panics is a test that failed")]

mod agent;
mod connections;
mod events;
mod requests;
mod slow_readers;
mod wire;

use e2e_tests::Daemons;

/// A master without agents, with these flags.
fn master(flags: &[&str]) -> Daemons {
    let mut daemons = Daemons::new(0);
    daemons.master_flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
    daemons.master_flags.push("--registry=in_memory".to_owned());
    daemons.start_master().unwrap();
    daemons
}

/// Bytes of memory that the master has, without what is mapped from files.
fn anonymous_bytes(daemons: &Daemons) -> usize {
    let pid = daemons.master_pid().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// How many files the master has open.
fn open_files(daemons: &Daemons) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", daemons.master_pid().unwrap())).unwrap().count()
}

/// A number of `/metrics/snapshot`.
fn metric(daemons: &Daemons, name: &str) -> f64 {
    e2e_tests::get_json(daemons.master_port, "/metrics/snapshot").unwrap()[name].as_f64().unwrap_or(0.0)
}

/// As many open files as this process may have; `wanted` connections, or what fits, said loudly.
fn connections(wanted: usize) -> usize {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
    let room = usize::try_from(most).unwrap().saturating_sub(700);
    if room < wanted {
        eprintln!(
            "SMALLER: {room} connections instead of {wanted}: only {most} files may be open (ulimit -n)"
        );
    }
    wanted.min(room)
}

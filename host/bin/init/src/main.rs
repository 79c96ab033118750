//! The first process of every container, and the launcher that makes it.
//!
//! One small static program with two lives. As the *launcher* it is started once
//! by each agent, is told plans over a socket and forks a *supervisor* for each.
//! The supervisor is process 1 of its container, runs the command as its child,
//! reaps what is left behind, keeps the exit status on disk and outlives both
//! agent and launcher. Neither knows a policy: a plan is finished when it comes.
//!
//! Start with [`launcher`], then [`supervisor`].

mod child;
mod clone;
mod launcher;
mod report;
mod supervisor;
mod walls;

use std::process::ExitCode;

/// Of the messages in `mezzo/store/v1/supervisor.proto`, as this program speaks them.
const VERSION: u32 = 1;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("launcher") => launcher::run(),
        Some("--version") => {
            println!("mezzo-init {} (messages {VERSION})", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("mezzo-init is started by `mezzo agent`; there is nothing to run by hand.");
            ExitCode::from(2)
        }
    }
}

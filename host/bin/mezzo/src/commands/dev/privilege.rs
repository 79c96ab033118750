//! What root is needed for, and what to do without it.

use std::{
    io::{IsTerminal, Write, stdin},
    os::unix::process::CommandExt,
    process::Command,
};

use anyhow::bail;

const NEEDS_ROOT: &str = "\
Agents need root to contain tasks: for control groups (limits on cpu, memory, processes),
for namespaces (a task sees only its own processes, /tmp and host name), and to run tasks
as other users.";

const MISSING_WITHOUT: &str = "\
Running with --launcher=posix: tasks are plain processes of this user. Missing then: limits on
cpu, memory and processes are not enforced, tasks see each other and the machine, and `user`
other than yourself is refused.";

/// Which launcher the agents use; may replace this process by itself under sudo.
pub fn launcher(wanted: Option<&str>) -> anyhow::Result<&'static str> {
    let is_root = nix::unistd::geteuid().is_root();
    match (wanted, is_root) {
        (Some("posix"), _) => Ok("posix"),
        (Some(_), true) | (None, true) => Ok("linux"),
        (Some(_), false) => {
            bail!("--launcher=linux needs root.\n{NEEDS_ROOT}\nRun it with sudo, or give --launcher=posix.")
        }
        (None, false) => without_root(),
    }
}

fn without_root() -> anyhow::Result<&'static str> {
    eprintln!("{NEEDS_ROOT}");
    if stdin().is_terminal() && ask("Use sudo for that? [Y/n] ")? {
        let error =
            Command::new("sudo").arg(std::env::current_exe()?).args(std::env::args_os().skip(1)).exec();
        eprintln!("sudo could not be started ({error}).");
    }
    eprintln!("{MISSING_WITHOUT}");
    Ok("posix")
}

fn ask(question: &str) -> anyhow::Result<bool> {
    eprint!("{question}");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "" | "y" | "Y" | "yes"))
}

//! The command's process, from its birth to its program.
//!
//! It runs in the supervisor's memory while the supervisor stands still, so it
//! may leave its failure there; nothing else needs to pass between them.

use std::{ffi::CString, io, os::fd::OwnedFd};

use mezzo_proto::mezzo::store::v1::{Credentials, LaunchPlan, launch_failed::Step};
use rustix::{
    fs::{CWD, Mode, OFlags, openat, readlinkat_raw},
    thread::{Gid, Uid},
    thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid},
};

use crate::clone::{self, Words};

/// Where programs are when the environment has no PATH.
const PATH_DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin";

/// Why there is no command.
pub struct Failure {
    pub step: Step,
    pub message: String,
}

impl Failure {
    pub fn new(step: Step, message: String) -> Self {
        Self { step, message }
    }
}

/// What the command's process needs, made before it exists.
pub struct Command<'a> {
    plan: &'a LaunchPlan,
    paths: Vec<CString>,
    arguments: Words,
    environment: Words,
    /// /proc as the launcher sees it: there the process reads its own number.
    host_proc: OwnedFd,
}

impl<'a> Command<'a> {
    /// # Errors
    /// When a word holds a zero byte, or /proc is not there.
    pub fn new(plan: &'a LaunchPlan) -> Result<Self, Failure> {
        let refuse =
            |what: &str| Failure::new(Step::Prepare, format!("Failed to execute `{}`: {what}", plan.program));
        let zero = || refuse("an argument or a variable holds a zero byte");
        let host_proc =
            openat(CWD, "/proc", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
                .map_err(|error| refuse(&format!("/proc cannot be opened: {error}")))?;
        Ok(Self {
            plan,
            paths: candidates(&plan.program, search_path(plan)).ok_or_else(zero)?,
            arguments: Words::new(plan.argv.iter().map(String::as_str)).ok_or_else(zero)?,
            environment: Words::new(plan.environment.iter().map(String::as_str)).ok_or_else(zero)?,
            host_proc,
        })
    }

    /// Starts the process. Returns its number here and on the host.
    ///
    /// # Errors
    /// When it did not become its program; then it has ended and is to be reaped.
    pub fn start(&self) -> Result<(i32, i32), Failure> {
        let mut failure = None;
        let mut host_pid = 0;
        let pid = clone::sharing(|| {
            host_pid = self.host_pid();
            let Err(why) = self.become_command();
            failure = Some(why);
        })
        .map_err(|error| Failure::new(Step::Run, format!("Failed to fork: {error}")))?;
        match failure {
            None => Ok((pid, host_pid)),
            Some(why) => Err(why),
        }
    }

    fn host_pid(&self) -> i32 {
        let mut link = [0u8; 16];
        let read = readlinkat_raw(&self.host_proc, "self", &mut link);
        read.ok().and_then(|length| str::from_utf8(&link[..length]).ok()?.parse().ok()).unwrap_or(0)
    }

    /// Returns only with the reason why not.
    fn become_command(&self) -> Result<std::convert::Infallible, Failure> {
        let plan = self.plan;
        for file in &plan.cgroup_files {
            enter_group(file).map_err(|error| {
                Failure::new(Step::Isolate, format!("Failed to enter the control group of `{file}`: {error}"))
            })?;
        }
        let walls = plan.walls.unwrap_or_default();
        if walls.cgroup {
            clone::own_cgroup_view().map_err(|error| {
                Failure::new(Step::Isolate, format!("Failed to make a cgroup namespace: {error}"))
            })?;
        }
        // Fails only for the leader of a group, which a new process is not.
        let _ = rustix::process::setsid();
        if let Some(credentials) = &plan.credentials {
            switch(credentials).map_err(|error| {
                Failure::new(Step::Run, format!("Failed to become user {}: {error}", credentials.uid))
            })?;
        }
        if !walls.pid {
            // Process 1 takes its namespace with it; elsewhere the command must not outlive its supervisor.
            let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
        }
        rustix::process::umask(Mode::from_raw_mode(0o022));
        redirect()?;
        clone::heed_children();
        clone::unblock_signals();
        Err(self.execute())
    }

    fn execute(&self) -> Failure {
        let mut why = io::Error::from_raw_os_error(libc::ENOENT);
        for path in &self.paths {
            let error = clone::execute(path, &self.arguments, &self.environment);
            match error.raw_os_error() {
                // A script without its first line is the shell's, as execvp(3) has it.
                Some(libc::ENOEXEC) => {
                    why = self.execute_by_shell(path);
                    break;
                }
                Some(libc::ENOENT | libc::ENOTDIR) => {}
                Some(libc::EACCES) => why = error,
                _ => {
                    why = error;
                    break;
                }
            }
        }
        let program = &self.plan.program;
        let place = if program.contains('/') {
            String::new()
        } else {
            format!(" in PATH `{}`", search_path(self.plan))
        };
        Failure::new(Step::Run, format!("Failed to execute `{program}`{place}: {why}"))
    }

    fn execute_by_shell(&self, script: &CString) -> io::Error {
        let script = script.to_string_lossy();
        let rest = self.plan.argv.iter().skip(1).map(String::as_str);
        match Words::new(["sh", &script].into_iter().chain(rest)) {
            Some(words) => clone::execute(c"/bin/sh", &words, &self.environment),
            None => io::Error::from_raw_os_error(libc::ENOEXEC),
        }
    }
}

/// The "tasks" file rather than "cgroup.procs": for a thread that moves itself the kernel skips the lock that
/// holds up every fork and exit of the machine, which takes milliseconds on a busy one.
fn enter_group(file: &str) -> rustix::io::Result<()> {
    let file = openat(CWD, file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&file, b"0").map(drop)
}

/// Calls the kernel directly: the C library's calls would try to do it in every thread.
fn switch(to: &Credentials) -> rustix::io::Result<()> {
    let groups: Vec<Gid> = to.groups.iter().map(|&group| Gid::from_raw(group)).collect();
    let (uid, gid) = (Uid::from_raw(to.uid), Gid::from_raw(to.gid));
    set_thread_groups(&groups)?;
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)
}

/// Opened as the user, in the sandbox, following no link: the sandbox's owner can point at nothing that is not
/// theirs already.
fn redirect() -> Result<(), Failure> {
    let put = |name: &str, flags: OFlags, at: i32| {
        openat(CWD, name, flags | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::from_raw_mode(0o644))
            .map_err(io::Error::from)
            .and_then(|file| clone::put_at(&file, at))
            .map_err(|error| {
                Failure::new(Step::Run, format!("Failed to open `{name}` for the command: {error}"))
            })
    };
    let log = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::NOFOLLOW;
    put("/dev/null", OFlags::RDONLY, 0)?;
    put("stdout", log, 1)?;
    put("stderr", log, 2)
}

fn search_path(plan: &LaunchPlan) -> &str {
    let of_plan = plan.environment.iter().rev().find_map(|variable| variable.strip_prefix("PATH="));
    of_plan.unwrap_or(PATH_DEFAULT)
}

/// Where `program` may be, in order. An empty part of the search path is the working directory.
fn candidates(program: &str, search: &str) -> Option<Vec<CString>> {
    if program.contains('/') {
        return Some(vec![CString::new(program).ok()?]);
    }
    let join =
        |place: &str| if place.is_empty() { format!("./{program}") } else { format!("{place}/{program}") };
    search.split(':').map(|place| CString::new(join(place)).ok()).collect()
}

//! The supervisor: process 1 of a container.
//!
//! It must not end before its command: no signal but SIGKILL reaches it, it has a
//! session of its own, and it stays outside the control groups that it puts the
//! command into, or the kernel would take the witness with the culprit. When the
//! command has ended its status is on disk before anything else happens; then the
//! supervisor ends too, and the kernel ends whatever the command left behind.

use std::{
    fs::File,
    io::{self, Write as _},
    os::fd::OwnedFd,
    path::Path,
    time::Duration,
};

use mezzo_linux::{
    frame,
    packet::{Listener, PACKET_BYTES_MAX, Packets, Received},
    process_table,
};
use mezzo_proto::mezzo::store::v1::{
    ExitRecord, LaunchPlan, SupervisorAnswer, SupervisorRequest,
    launch_failed::Step,
    supervisor_request::{Request, Signal as SignalRequest},
};
use prost::Message as _;
use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::{CWD, Mode, OFlags, openat, renameat},
    process::{Pid, Signal, WaitOptions, kill_process, wait},
};

use crate::{
    VERSION,
    child::{Command, Failure},
    clone,
    launcher::Ties,
    walls,
};

/// How long a caller may keep the supervisor from its children.
const CALLER_PATIENCE: Duration = Duration::from_millis(500);

/// Lives as the supervisor of `plan`'s container.
pub fn run(plan: &LaunchPlan, Ties { agent, lock }: Ties) -> ! {
    match Supervisor::start(plan, lock) {
        Ok(mut supervisor) => {
            agent.runs(&plan.container, supervisor.host_pid);
            drop(agent);
            let status = supervisor.watch();
            supervisor.keep(status);
            supervisor.end_all();
            clone::leave(0)
        }
        Err(failure) => {
            agent.failed(&plan.container, failure.step, failure.message);
            clone::leave(1)
        }
    }
}

struct Supervisor {
    directory: OwnedFd,
    listener: Listener,
    children: OwnedFd,
    /// The command's first process, as this namespace numbers it…
    pid: i32,
    /// …and as the host does.
    host_pid: i32,
    has_own_pids: bool,
}

impl Supervisor {
    fn start(plan: &LaunchPlan, lock: OwnedFd) -> Result<Self, Failure> {
        let prepare =
            |what: &str, error: io::Error| Failure::new(Step::Prepare, format!("Failed to {what}: {error}"));
        let children = clone::block_signals().map_err(|error| prepare("wait for children", error))?;
        clone::heed_children();
        let _ = rustix::process::setsid();
        let _ = rustix::thread::set_name(c"mezzo-super");
        rustix::process::umask(Mode::empty());
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(CWD, plan.container.as_str(), flags, Mode::empty())
            .map_err(|error| prepare("open the container's directory", error.into()))?;
        let listener = Listener::bind(&Path::new(&plan.container).join("socket"))
            .map_err(|error| prepare("listen for the agent", error))?;
        // From here on an agent that starts anew can find this container, so it need not wait for us.
        drop(lock);
        let has_own_pids = plan.walls.unwrap_or_default().pid;
        if !has_own_pids {
            rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
                .map_err(|error| prepare("adopt orphans", error.into()))?;
        }
        let command = Command::new(plan)?;
        walls::raise(plan.walls.unwrap_or_default(), &plan.sandbox, &plan.volumes)
            .map_err(|message| Failure::new(Step::Isolate, message))?;
        rustix::process::chdir(plan.sandbox.as_str()).map_err(|error| {
            Failure::new(Step::Isolate, format!("Failed to enter the sandbox `{}`: {error}", plan.sandbox))
        })?;
        let (pid, host_pid) = command.start()?;
        Ok(Self { directory, listener, children, pid, host_pid, has_own_pids })
    }

    /// Reaps and answers until the command has ended; returns its status.
    fn watch(&mut self) -> i32 {
        loop {
            if let Some(status) = self.reap() {
                return status;
            }
            let mut both =
                [PollFd::new(&self.children, PollFlags::IN), PollFd::new(&self.listener, PollFlags::IN)];
            // All signals are blocked, so this returns for nothing else.
            let _ = poll(&mut both, None);
            let (has_children, has_caller) = (!both[0].revents().is_empty(), !both[1].revents().is_empty());
            if has_children {
                let _ = rustix::io::read(&self.children, &mut [0u8; 128]);
            }
            if has_caller {
                self.answer();
            }
        }
    }

    /// Takes every ended child; the command's status if it was among them.
    fn reap(&self) -> Option<i32> {
        let mut status = None;
        while let Ok(Some((pid, how))) = wait(WaitOptions::NOHANG) {
            if pid.as_raw_pid() == self.pid {
                status = Some(how.as_raw());
            }
        }
        status
    }

    /// Leaves the status where an agent finds it whenever it looks.
    fn keep(&self, status: i32) {
        let record = ExitRecord { status, pid: self.host_pid };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
        let written = openat(&self.directory, "status.new", flags, Mode::from_raw_mode(0o600))
            .map_err(io::Error::from)
            .and_then(|file| File::from(file).write_all(&frame::seal(&record.encode_to_vec())));
        // A full disk loses the status, not the end: an agent that finds none says that nobody saw it.
        if written.is_ok() {
            let _ = renameat(&self.directory, "status.new", &self.directory, "status");
        }
    }

    /// Ends what the command left behind. In a namespace of our own our end does it.
    fn end_all(&self) {
        if self.has_own_pids {
            return;
        }
        // Orphans become our children, so each round kills at least what the last one left; a process that
        // cannot die (in the kernel, on a dead disk) must not hold us here for ever.
        for _ in 0..1_000 {
            if self.signal_descendants(libc::SIGKILL) == 0 {
                return;
            }
            let mut one = [PollFd::new(&self.children, PollFlags::IN)];
            let _ = poll(&mut one, Some(&rustix::event::Timespec { tv_sec: 0, tv_nsec: 10_000_000 }));
            let _ = rustix::io::read(&self.children, &mut [0u8; 128]);
            self.reap();
        }
    }

    fn answer(&self) {
        let Ok(caller) = self.listener.accept() else { return };
        if caller.set_patience(CALLER_PATIENCE).is_err() {
            return;
        }
        let error = match request(&caller) {
            Ok(Request::State(_)) => String::new(),
            Ok(Request::Signal(signal)) => self.signal(signal).err().unwrap_or_default(),
            Err(why) => why,
        };
        let answer = SupervisorAnswer { version: VERSION, error, pid: self.host_pid, status: None };
        let _ = caller.send(&frame::seal(&answer.encode_to_vec()), None);
    }

    fn signal(&self, wanted: SignalRequest) -> Result<(), String> {
        let refuse = |error: rustix::io::Errno| format!("Failed to send signal {}: {error}", wanted.number);
        let signal = Signal::from_named_raw(wanted.number).ok_or_else(|| refuse(rustix::io::Errno::INVAL))?;
        match (wanted.to_all, self.has_own_pids) {
            // Not reaped yet, or this loop would have ended: the number is still the command's.
            (false, _) => kill_process(pid(self.pid), signal).map_err(refuse),
            // The kernel reaches every process of the namespace but this one at once: none can fork away.
            (true, true) => kill_every_other(wanted.number).map_err(refuse),
            (true, false) => {
                self.signal_descendants(wanted.number);
                Ok(())
            }
        }
    }

    /// Signals every process that descends from this one; says how many there were.
    fn signal_descendants(&self, signal: i32) -> usize {
        let Some(signal) = Signal::from_named_raw(signal) else { return 0 };
        let all = process_table::all().unwrap_or_default();
        let mut tree = vec![rustix::process::getpid().as_raw_pid()];
        let mut at = 0;
        while at < tree.len() {
            let parent = tree[at];
            tree.extend(all.iter().filter(|process| process.parent == parent).map(|process| process.pid));
            at += 1;
        }
        let descendants = &tree[1..];
        for &descendant in descendants {
            let _ = kill_process(pid(descendant), signal);
        }
        descendants.len()
    }
}

fn pid(number: i32) -> Pid {
    Pid::from_raw(number).expect("the kernel gives no process the number zero")
}

fn kill_every_other(signal: i32) -> rustix::io::Result<()> {
    // SAFETY: a call without memory; -1 means every process that this one sees, in a namespace of its own.
    match unsafe { libc::kill(-1, signal) } {
        0 => Ok(()),
        _ => {
            Err(rustix::io::Errno::from_io_error(&io::Error::last_os_error())
                .unwrap_or(rustix::io::Errno::IO))
        }
    }
}

fn request(caller: &Packets) -> Result<Request, String> {
    let mut buffer = vec![0; PACKET_BYTES_MAX];
    let length = match caller.receive(&mut buffer, true) {
        Ok(Received::Packet(length, _)) => length,
        Ok(_) => return Err("No request came".to_owned()),
        Err(error) => return Err(format!("Failed to read a request: {error}")),
    };
    let message =
        frame::open(&buffer[..length]).map_err(|error| format!("Failed to read a request: {error}"))?;
    let decoded =
        SupervisorRequest::decode(message).map_err(|error| format!("Failed to read a request: {error}"))?;
    decoded.request.ok_or_else(|| format!("Version {VERSION} does not know this request"))
}

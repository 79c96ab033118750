//! The least that this kernel takes for a container: what the benchmark of real ones stands beside.
//!
//! The same walls (five namespaces, mounts kept in, a /tmp, a /proc), the same control groups with
//! the same limits, entered the cheapest way, one program, reaped, all removed: and nothing
//! that makes it useful. No plan, no supervisor, no status on disk, no watching for memory, no second
//! process. Bad news would be a container that costs more than twice this.
//!
//! `floor DIRECTORY PROGRAM HIERARCHY/ROOT…`: for each line `N` on standard input it makes N
//! containers, one after the other, and answers `done`; whoever started it does the measuring.

use std::{
    ffi::{CStr, CString},
    fs,
    io::{self, BufRead as _, Write as _},
    path::{Path, PathBuf},
};

/// What is written where: the limits that the benchmark gives its containers.
const LIMITS: &[(&str, &str, &str)] = &[
    ("cpu", "cpu.shares", "1024"),
    ("cpu", "cpu.cfs_quota_us", "100000"),
    ("memory", "memory.soft_limit_in_bytes", "134217728"),
    ("memory", "memory.limit_in_bytes", "134217728"),
    ("pids", "pids.max", "100"),
];

struct Floor {
    tmp: CString,
    program: CString,
    /// `(controller, root)`
    roots: Vec<(String, PathBuf)>,
}

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [directory, program, roots @ ..] = words.as_slice() else {
        return Err(io::Error::other("it is started by the benchmark of containers"));
    };
    let controller = |root: &PathBuf| {
        let hierarchy = root.iter().nth(4);
        hierarchy.unwrap_or_default().to_string_lossy().into_owned()
    };
    let roots = roots.iter().map(PathBuf::from).map(|root| (controller(&root), root)).collect();
    let word = |word: &str| CString::new(word).map_err(io::Error::from);
    let floor = Floor { tmp: word(&format!("{directory}/tmp"))?, program: word(program)?, roots };
    fs::create_dir_all(format!("{directory}/tmp"))?;
    for line in io::stdin().lock().lines() {
        for _ in 0..line?.parse().map_err(io::Error::other)? {
            floor.container()?;
        }
        writeln!(io::stdout(), "done")?;
    }
    Ok(())
}

impl Floor {
    fn container(&self) -> io::Result<()> {
        let mut entrances = Vec::new();
        for (controller, root) in &self.roots {
            let group = root.join("floor");
            fs::create_dir(&group)?;
            for (_, file, value) in LIMITS.iter().filter(|(of, ..)| of == controller) {
                write(&group.join(file), value)?;
            }
            entrances.push(CString::new(group.join("tasks").display().to_string())?);
        }
        let pid = clone()?;
        if pid == 0 {
            self.become_program(&entrances);
        }
        let mut status = 0;
        // SAFETY: our child, and a place for its status.
        check(unsafe { libc::waitpid(pid, &raw mut status, 0) })?;
        if status != 0 {
            return Err(io::Error::other(format!("the container ended with {status}")));
        }
        for (_, root) in &self.roots {
            while let Err(error) = fs::remove_dir(root.join("floor")) {
                if error.kind() != io::ErrorKind::ResourceBusy {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn become_program(&self, entrances: &[CString]) -> ! {
        // SAFETY: calls with texts that live on and no other memory, in a process with one thread.
        unsafe {
            for entrance in entrances {
                let file = libc::open(entrance.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
                if libc::write(file, c"0".as_ptr().cast(), 1) != 1 {
                    libc::_exit(2);
                }
                libc::close(file);
            }
            mount(None, c"/", None, libc::MS_REC | libc::MS_SLAVE);
            mount(Some(&self.tmp), c"/tmp", None, libc::MS_BIND);
            let quiet = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
            mount(Some(c"proc"), c"/proc", Some(c"proc"), quiet);
            libc::execv(self.program.as_ptr(), [self.program.as_ptr(), std::ptr::null()].as_ptr());
            libc::_exit(3)
        }
    }
}

fn clone() -> io::Result<i32> {
    let flags = libc::CLONE_NEWNS
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWCGROUP;
    // SAFETY: all zeros is a valid clone_args, which is plain numbers.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.flags = flags as u64;
    arguments.exit_signal = libc::SIGCHLD as u64;
    // SAFETY: a fork of a process with one thread: the child goes on with copies of everything.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<libc::clone_args>()) };
    check(i32::try_from(pid).unwrap_or(-1))
}

/// Ends the process where it fails.
///
/// # Safety
/// In the container's process only.
unsafe fn mount(source: Option<&CStr>, target: &CStr, kind: Option<&CStr>, flags: libc::c_ulong) {
    let pointer = |text: Option<&CStr>| text.map_or(std::ptr::null(), CStr::as_ptr);
    // SAFETY: texts that outlive the call, or null where the kernel takes null.
    unsafe {
        if libc::mount(pointer(source), target.as_ptr(), pointer(kind), flags, std::ptr::null()) != 0 {
            libc::_exit(4);
        }
    }
}

fn write(path: &Path, value: &str) -> io::Result<()> {
    fs::OpenOptions::new().write(true).open(path)?.write_all(value.as_bytes())
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

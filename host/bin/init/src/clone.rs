//! New processes: the one copied, the other sharing memory until it runs its program.

use std::{
    cell::UnsafeCell,
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

use mezzo_proto::mezzo::store::v1::Walls;

/// Which of the two one is after a fork.
pub enum Forked {
    /// The new one.
    Child,
    /// The old one.
    Parent {
        /// The new one's number.
        pid: i32,
        /// And the descriptor that stays its own.
        pidfd: OwnedFd,
    },
}

/// Forks this process, which must have one thread, into the namespaces that `walls` name.
pub fn supervisor(walls: Walls) -> io::Result<Forked> {
    let mut flags = libc::CLONE_PIDFD;
    let wanted = [
        // A /proc that shows other processes than the host's is a mount too.
        (walls.mount || walls.pid, libc::CLONE_NEWNS),
        (walls.pid, libc::CLONE_NEWPID),
        (walls.ipc, libc::CLONE_NEWIPC),
        (walls.uts, libc::CLONE_NEWUTS),
    ];
    for (_, flag) in wanted.iter().filter(|(is_wanted, _)| *is_wanted) {
        flags |= flag;
    }
    let mut pidfd: libc::c_int = -1;
    // SAFETY: all zeros is a valid clone_args, which is plain numbers.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.flags = flags as u64;
    arguments.pidfd = &raw mut pidfd as u64;
    arguments.exit_signal = libc::SIGCHLD as u64;
    // SAFETY: without CLONE_VM and a stack this is a fork: the child goes on with a copy of this stack. The
    // launcher has one thread, so no lock is held by a thread that the copy lacks. `arguments` and `pidfd`
    // outlive the call.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<libc::clone_args>()) };
    match i32::try_from(pid).unwrap_or(-1) {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Forked::Child),
        // SAFETY: the kernel has just opened this descriptor for us, and nobody else knows it.
        pid => Ok(Forked::Parent { pid, pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) } }),
    }
}

/// The stack of the process that shares our memory: it calls few functions and no deep ones. Part of the
/// program, since giving memory back after another processor has used it costs more than the whole call.
#[repr(align(16))]
struct Stack(UnsafeCell<[u8; 128 * 1024]>);

// SAFETY: nothing reads or writes it through a reference; `sharing` lends it to one process at a time.
unsafe impl Sync for Stack {}

static STACK: Stack = Stack(UnsafeCell::new([0; 128 * 1024]));

/// Starts a process that runs `body` in this one's memory while this one is stopped, until `body` has
/// become another program or has returned. Returns the process's number.
pub fn sharing<F: FnMut()>(mut body: F) -> io::Result<i32> {
    extern "C" fn enter<F: FnMut()>(body: *mut libc::c_void) -> libc::c_int {
        // SAFETY: `body` is the `&mut F` below; its owner is stopped (CLONE_VFORK) and cannot touch it.
        let body = unsafe { &mut *body.cast::<F>() };
        body();
        127
    }
    // One past the end, as a pointer only.
    let top = STACK.0.get().wrapping_add(1);
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the child has a stack of its own, and only one child, since CLONE_VFORK lets clone return only
    // when the child has left this memory. This process has one thread, so what the child writes
    // (through `body`, errno, the heap) has no other reader or writer meanwhile. Signals are blocked by the
    // supervisor, so no handler runs on the shared memory.
    let pid = unsafe { libc::clone(enter::<F>, top.cast(), flags, (&raw mut body).cast()) };
    if pid < 0 { Err(io::Error::last_os_error()) } else { Ok(pid) }
}

/// Closes every descriptor from `first` on.
pub fn close_from(first: libc::c_uint) {
    // SAFETY: called once at the start, when nothing here owns a descriptor from `first` on.
    unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) };
}

/// Makes `file` the standard descriptor `at`, which programs that are executed keep.
pub fn put_at(file: &OwnedFd, at: libc::c_int) -> io::Result<()> {
    assert!((0..3).contains(&at), "nobody owns the standard descriptors");
    // SAFETY: `at` is standard input, output or error, which no value here owns.
    if unsafe { libc::dup2(file.as_raw_fd(), at) } < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Ends this process, and nothing else: what a normal exit would tidy up goes with the memory.
pub fn leave(status: libc::c_int) -> ! {
    // SAFETY: never returns; nothing here waits to be flushed.
    unsafe { libc::_exit(status) }
}

/// Every signal back to what a new process has, and none blocked.
pub fn reset_signals() {
    /// As the kernel wants it: handler, flags, restorer, mask; all zeros is the default.
    #[repr(C)]
    struct KernelAction([u64; 4]);
    let default = KernelAction([0; 4]);
    for signal in 1..=64 {
        // The C library would keep its hands on 32 to 34, and whoever started the agent may have ignored them.
        // SAFETY: the structure is as large as the kernel reads; the default needs no handler; a signal that
        // cannot be set is refused and stays as it is.
        unsafe {
            libc::syscall(libc::SYS_rt_sigaction, signal, &raw const default, std::ptr::null::<u8>(), 8);
        }
    }
    unblock_signals();
}

/// Lets ended children vanish by themselves.
pub fn ignore_children() {
    // SAFETY: SIG_IGN needs no handler.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
}

/// Children are waited for again.
pub fn heed_children() {
    // SAFETY: SIG_DFL needs no handler.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
}

/// Blocks every signal, and gives the descriptor from which `SIGCHLD` is read instead.
pub fn block_signals() -> io::Result<OwnedFd> {
    // SAFETY: the sets are initialised by the calls before they are read.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut());
        let mut child: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut child);
        libc::sigaddset(&raw mut child, libc::SIGCHLD);
        let descriptor = libc::signalfd(-1, &raw const child, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        if descriptor < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(descriptor)) }
    }
}

/// Blocks none.
pub fn unblock_signals() {
    // SAFETY: the set is initialised before it is read.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// Gives this process its own view of the control groups, rooted where it is now.
pub fn own_cgroup_view() -> io::Result<()> {
    // SAFETY: no descriptors or memory are unshared, only the view of control groups.
    if unsafe { libc::unshare(libc::CLONE_NEWCGROUP) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// A program's arguments as the kernel wants them: pointers, ended by a null.
pub struct Words {
    // Owns what `pointers` points into.
    _texts: Vec<std::ffi::CString>,
    pointers: Vec<*const libc::c_char>,
}

impl Words {
    /// `None` when one holds a zero byte.
    pub fn new<'a>(words: impl Iterator<Item = &'a str>) -> Option<Self> {
        let texts = words.map(std::ffi::CString::new).collect::<Result<Vec<_>, _>>().ok()?;
        let mut pointers: Vec<_> = texts.iter().map(|text| text.as_ptr()).collect();
        pointers.push(std::ptr::null());
        Some(Self { _texts: texts, pointers })
    }
}

/// Becomes the program at `path`; returns only with the reason why not.
pub fn execute(path: &std::ffi::CStr, arguments: &Words, environment: &Words) -> io::Error {
    // SAFETY: both arrays end with a null and point to texts that `Words` keeps.
    unsafe { libc::execve(path.as_ptr(), arguments.pointers.as_ptr(), environment.pointers.as_ptr()) };
    io::Error::last_os_error()
}

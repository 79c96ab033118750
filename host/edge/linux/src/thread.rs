//! The thread at hand.

/// Has the kernel prefer all other threads to this one: the higher `nice`, up to 19, the more.
/// What cannot be had is done without.
pub fn give_way(nice: i32) {
    // Of Linux's threads each has a nice value of its own, and 0 names the caller (man 2 setpriority).
    let _ = rustix::process::setpriority_process(None, nice);
}

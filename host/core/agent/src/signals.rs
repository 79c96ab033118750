//! The words for how a command ended, as Mesos has them.

/// `Command exited with status 3`, `Command terminated with signal Killed`.
pub(crate) fn exit_words(wait_status: i32) -> String {
    let signal = wait_status & 0x7f;
    if signal == 0 {
        return format!("Command exited with status {}", (wait_status >> 8) & 0xff);
    }
    let core = if wait_status & 0x80 != 0 { " (core dumped)" } else { "" };
    match signal_name(signal) {
        Some(name) => format!("Command terminated with signal {name}{core}"),
        None => format!("Command terminated with signal {signal}{core}"),
    }
}

/// What strsignal(3) says on Linux.
fn signal_name(signal: i32) -> Option<&'static str> {
    const NAMES: [&str; 31] = [
        "Hangup",
        "Interrupt",
        "Quit",
        "Illegal instruction",
        "Trace/breakpoint trap",
        "Aborted",
        "Bus error",
        "Floating point exception",
        "Killed",
        "User defined signal 1",
        "Segmentation fault",
        "User defined signal 2",
        "Broken pipe",
        "Alarm clock",
        "Terminated",
        "Stack fault",
        "Child exited",
        "Continued",
        "Stopped (signal)",
        "Stopped",
        "Stopped (tty input)",
        "Stopped (tty output)",
        "Urgent I/O condition",
        "CPU time limit exceeded",
        "File size limit exceeded",
        "Virtual timer expired",
        "Profiling timer expired",
        "Window changed",
        "I/O possible",
        "Power failure",
        "Bad system call",
    ];
    NAMES.get(usize::try_from(signal).ok()?.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_a_real_server() {
        assert_eq!(exit_words(0), "Command exited with status 0");
        assert_eq!(exit_words(127 << 8), "Command exited with status 127");
        assert_eq!(exit_words(9), "Command terminated with signal Killed");
        assert_eq!(exit_words(15), "Command terminated with signal Terminated");
        assert_eq!(exit_words(11 | 0x80), "Command terminated with signal Segmentation fault (core dumped)");
        assert_eq!(exit_words(40), "Command terminated with signal 40");
    }
}

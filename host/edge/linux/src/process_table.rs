//! The processes of this machine, read from /proc.

use std::{fs, io};

/// One process as /proc/PID/stat shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// `R`, `S`, `D`, `Z`…
    pub state: char,
    /// Its parent.
    pub parent: i32,
    /// The leader of its session.
    pub session: i32,
    /// When it started, in clock ticks after boot: with the number it names a process for good.
    pub started_ticks: u64,
}

/// Every process that could be read; those that end meanwhile are left out.
///
/// # Errors
/// When /proc is not mounted.
pub fn all() -> io::Result<Vec<Process>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        found.extend(of(pid));
    }
    Ok(found)
}

/// One process, if there is such a one.
pub fn of(pid: i32) -> Option<Process> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Parses a line of /proc/PID/stat. The name in brackets may hold anything, brackets and spaces too.
pub fn parse(stat: &str) -> Option<Process> {
    let pid = stat.split_once(' ')?.0.parse().ok()?;
    let mut after = stat.rsplit_once(") ")?.1.split(' ');
    let state = after.next()?.chars().next()?;
    let parent = after.next()?.parse().ok()?;
    let session = after.nth(1)?.parse().ok()?;
    // Field 22 of proc(5); the session is field 6.
    let started_ticks = after.nth(15)?.parse().ok()?;
    Some(Process { pid, state, parent, session, started_ticks })
}

/// What a process uses, as /proc/PID shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// In user mode, in clock ticks; children that it has waited for are counted too.
    pub user_ticks: u64,
    /// In the kernel, likewise.
    pub system_ticks: u64,
    /// Threads that it has.
    pub threads: u32,
    /// Memory that is not swapped out.
    pub resident_bytes: u64,
}

/// What a process uses, if there is such a one.
pub fn usage(pid: i32) -> Option<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Fields 14 to 17 and 20 of proc(5); the state, behind the name, is the third.
    let fields: Vec<u64> =
        stat.rsplit_once(") ")?.1.split(' ').map(|field| field.parse().unwrap_or(0)).collect();
    let field = |number: usize| fields.get(number - 3).copied().unwrap_or(0);
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = resident.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Some(Usage {
        user_ticks: field(14).saturating_add(field(16)),
        system_ticks: field(15).saturating_add(field(17)),
        threads: u32::try_from(field(20)).unwrap_or(u32::MAX),
        resident_bytes: kibibytes.unwrap_or(0).saturating_mul(1024),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn this_process_is_found() {
        let me = i32::try_from(std::process::id()).unwrap();
        let found = all().unwrap();
        assert!(found.iter().any(|process| process.pid == me));
    }

    #[test]
    fn this_process_uses_something() {
        let me = usage(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(me.threads >= 1 && me.resident_bytes > 0, "{me:?}");
        assert_eq!(usage(-1), None);
    }

    proptest! {
        /// A command may call itself `) Z 1 (` to be taken for another.
        #[test]
        fn name_cannot_forge_the_line(name in "[ ()a-zA-Z0-9]{0,15}") {
            let line = format!("42 ({name}) S 7 8 9 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 777 8 9");
            let expected = Process { pid: 42, state: 'S', parent: 7, session: 9, started_ticks: 777 };
            prop_assert_eq!(parse(&line), Some(expected));
        }

        #[test]
        fn any_text_is_survived(text in ".{0,200}") {
            let _ = parse(&text);
        }
    }
}

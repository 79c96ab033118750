//! What identifies this machine's present life.

use std::{fs, io};

/// The kernel's name for this boot: another after every reboot.
///
/// # Errors
/// When /proc is not mounted.
pub fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// Processors that are on line.
///
/// # Errors
/// When /proc is not mounted.
pub fn cpus_online() -> io::Result<u32> {
    let text = fs::read_to_string("/sys/devices/system/cpu/online")?;
    Ok(count_of_ranges(text.trim()))
}

/// Bytes of memory.
///
/// # Errors
/// When /proc is not mounted.
pub fn memory_bytes() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes
        .map(|kilobytes| kilobytes * 1024)
        .ok_or_else(|| io::Error::other("/proc/meminfo has no MemTotal"))
}

/// Bytes of the file system that holds `path`.
///
/// # Errors
/// When the path is not there.
pub fn disk_bytes(path: &std::path::Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(path)?;
    Ok(found.f_blocks.saturating_mul(found.f_frsize))
}

/// The machine's name.
///
/// # Errors
/// When /proc is not mounted.
pub fn hostname() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/hostname")?.trim().to_owned())
}

/// `0-3,8` is five.
fn count_of_ranges(text: &str) -> u32 {
    let one = |range: &str| match range.split_once('-') {
        Some((first, last)) => Some(last.parse::<u32>().ok()?.checked_sub(first.parse().ok()?)? + 1),
        None => range.parse::<u32>().ok().map(|_| 1),
    };
    text.split(',').filter_map(one).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_counted_in_ranges() {
        assert_eq!(count_of_ranges("0-3,8"), 5);
        assert_eq!(count_of_ranges("0"), 1);
        assert_eq!(count_of_ranges(""), 0);
    }

    #[test]
    fn this_machine_has_something() {
        assert!(cpus_online().expect("/sys is mounted") > 0);
        assert!(memory_bytes().expect("/proc is mounted") > 1 << 20);
        assert!(disk_bytes(std::path::Path::new("/")).expect("there is a root") > 1 << 20);
    }
}

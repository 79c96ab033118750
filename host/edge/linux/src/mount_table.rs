//! What is mounted where: /proc/self/mountinfo.

use std::{ffi::OsString, fs, io, os::unix::ffi::OsStringExt as _, path::PathBuf};

/// One line of mountinfo (proc(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The directory of the file system that is shown.
    pub root: PathBuf,
    /// Where it is shown.
    pub target: PathBuf,
    /// Kind of file system.
    pub kind: String,
    /// Options of the file system itself.
    pub super_options: Vec<String>,
}

/// The mounts that this process sees, in order.
///
/// # Errors
/// When /proc is not mounted.
pub fn own() -> io::Result<Vec<Mount>> {
    Ok(parse(&fs::read("/proc/self/mountinfo")?))
}

/// Parses mountinfo; lines of another shape are left out.
pub fn parse(text: &[u8]) -> Vec<Mount> {
    text.split(|&byte| byte == b'\n').filter_map(parse_line).collect()
}

fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|&byte| byte == b' ');
    let root = path(fields.nth(3)?);
    let target = path(fields.next()?);
    // Optional fields end at a dash that stands alone.
    fields.find(|field| *field == b"-")?;
    let kind = String::from_utf8(unescape(fields.next()?)).ok()?;
    let super_options =
        String::from_utf8_lossy(&unescape(fields.nth(1)?)).split(',').map(str::to_owned).collect();
    Some(Mount { root, target, kind, super_options })
}

fn path(field: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(unescape(field)))
}

/// Undoes `\040` for a space, and the like for tab, line feed and backslash.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut at = 0;
    while at < field.len() {
        let octal = field.get(at + 1..at + 4).filter(|digits| {
            field[at] == b'\\'
                && digits[0] <= b'3'
                && digits.iter().all(|digit| (b'0'..=b'7').contains(digit))
        });
        if let Some(digits) = octal {
            plain.push(digits.iter().fold(0u8, |value, digit| value << 3 | (digit - b'0')));
            at += 4;
        } else {
            plain.push(field[at]);
            at += 1;
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn escape(text: &str) -> String {
        text.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011").replace('\n', "\\012")
    }

    proptest! {
        /// Somebody may mount a disk at a path with spaces and dashes; the control groups must still be found.
        #[test]
        fn any_path_comes_back(target in "/[ a-z\\\\\t\n-]{0,20}", tags in proptest::collection::vec("(shared|master):[0-9]", 0..3)) {
            let tags = tags.iter().map(|tag| format!("{tag} ")).collect::<String>();
            let line = format!("36 35 98:0 / {} rw,noatime {tags}- cgroup none rw,cpu,cpuacct\n", escape(&target));
            let mounts = parse(line.as_bytes());
            prop_assert_eq!(mounts.len(), 1);
            prop_assert_eq!(&mounts[0].target, &PathBuf::from(target));
            prop_assert_eq!(&mounts[0].kind, "cgroup");
            prop_assert_eq!(&mounts[0].super_options, &["rw", "cpu", "cpuacct"]);
        }

        #[test]
        fn any_bytes_are_survived(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&text);
        }
    }

    #[test]
    fn own_table_has_proc() {
        assert!(own().unwrap().iter().any(|mount| mount.kind == "proc"));
    }
}

use std::{fs, path::Path};

/// What is left of a test in the kernel; all empty when it cleaned up.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Processes with the test's mark in their environment, or that run its launcher's program.
    pub processes: Vec<String>,
    /// Control groups below the test's root.
    pub groups: Vec<String>,
    /// Mounts of this namespace below the test's directory.
    pub mounts: Vec<String>,
    /// Directories and sockets of containers.
    pub files: Vec<String>,
}

/// Looks for what is left of the test whose mark, control groups' root and runtime directory these are.
/// Its launcher is not counted.
pub fn left(mark: &str, cgroups_root: &str, directory: &Path, launcher_too: bool) -> Left {
    Left {
        processes: processes(mark, directory, launcher_too),
        groups: groups(cgroups_root),
        mounts: mounts(directory),
        files: entries(&directory.join("run/containers")),
    }
}

fn processes(mark: &str, directory: &Path, launcher_too: bool) -> Vec<String> {
    let mut found = Vec::new();
    for pid in
        entries(Path::new("/proc")).iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
    {
        let of = |name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        // One that has ended and waits to be reaped by whoever adopted it is not ours any more.
        if String::from_utf8_lossy(&of("stat"))
            .rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('Z'))
        {
            continue;
        }
        let comm = String::from_utf8_lossy(&of("comm")).trim().to_owned();
        let is_marked = of("environ").windows(mark.len()).any(|part| part == mark.as_bytes());
        let is_program =
            fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe.starts_with(directory));
        if is_marked || (is_program && (launcher_too || comm == "mezzo-super")) {
            found.push(format!("{pid} {comm}"));
        }
    }
    found
}

fn groups(root: &str) -> Vec<String> {
    let mut found = Vec::new();
    for hierarchy in entries(Path::new("/sys/fs/cgroup")) {
        let path = Path::new("/sys/fs/cgroup").join(&hierarchy).join(root);
        let below = fs::read_dir(&path).into_iter().flatten().flatten();
        let directories = below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        found.extend(directories.map(|entry| entry.path().display().to_string()));
    }
    found
}

fn mounts(directory: &Path) -> Vec<String> {
    let table = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let place = directory.display().to_string();
    table.lines().filter(|line| line.contains(&place)).map(str::to_owned).collect()
}

fn entries(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

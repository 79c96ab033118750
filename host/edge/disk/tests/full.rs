//! A disk that is full, or takes no writes. Needs root, to mount a small file system.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use mezzo_disk::{Change, Checkpoints, Store, WorkDir, Write, log};

/// A file system in memory, gone when dropped.
struct Small {
    path: PathBuf,
    _parent: tempfile::TempDir,
}

impl Small {
    /// `None`, with a word on the test's output, where mounting is not possible.
    fn mount(size: &str) -> Option<Self> {
        let parent = tempfile::tempdir().expect("a temporary directory");
        let path = parent.path().join("small");
        std::fs::create_dir(&path).expect("made");
        let options = format!("size={size},mode=755");
        if !run("mount", &["-t", "tmpfs", "-o", &options, "mezzo-test"], &path) {
            eprintln!("skipped: mounting a file system needs root");
            return None;
        }
        Some(Self { path, _parent: parent })
    }

    fn fill(&self) {
        let mut chunk = 1 << 20;
        let mut filler = std::fs::File::create(self.path.join("filler")).expect("there is room for a name");
        while chunk > 0 {
            if std::io::Write::write_all(&mut filler, &vec![0; chunk]).is_err() {
                chunk /= 2;
            }
        }
    }

    fn empty(&self) {
        std::fs::remove_file(self.path.join("filler")).expect("filled before");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        run("umount", &["-l"], &self.path);
    }
}

fn run(program: &str, arguments: &[&str], path: &Path) -> bool {
    Command::new(program).args(arguments).arg(path).output().is_ok_and(|output| output.status.success())
}

fn change(key: &str, change: Change) -> Write {
    Write { key: key.to_owned(), change, is_durable: false }
}

#[test]
fn a_full_disk_refuses_and_recovers() {
    let Some(small) = Small::mount("2m") else { return };
    let work = WorkDir::open(small.path.join("work")).expect("room");
    let mut checkpoints = Checkpoints::open(&work, "meta").expect("room");
    let record = |length: usize| log::frame(&vec![b'x'; length]).expect("short");
    checkpoints.apply(&[change("agent", Change::Replace(b"old".to_vec()))]).expect("room");
    checkpoints.apply(&[change("tasks/c", Change::Append(record(10)))]).expect("room");
    small.fill();

    let error = checkpoints.apply(&[change("agent", Change::Replace(vec![0; 9000]))]).expect_err("full");
    let text = error.sentence();
    assert!(text.contains("work/meta/agent`: no space is left"), "{text}");
    let error = checkpoints.apply(&[change("tasks/c", Change::Append(record(9000)))]).expect_err("full");
    assert!(error.sentence().contains("work/meta/tasks/c`: no space is left"), "{}", error.sentence());

    small.empty();
    checkpoints.apply(&[change("tasks/c", Change::Append(record(20)))]).expect("room again");
    let found = checkpoints.load_all(|_| false).expect("readable");
    assert_eq!(found[0], ("agent".to_owned(), b"old".to_vec()), "the old content stays");
    let lengths: Vec<usize> = log::records(&found[1].1).map(<[u8]>::len).collect();
    assert_eq!(lengths, [10, 20], "half a record would have hidden the second");
}

#[test]
fn a_full_disk_stops_a_store_only_for_a_while() {
    let Some(small) = Small::mount("8m") else { return };
    let work = WorkDir::open(small.path.join("work")).expect("room");
    let store = Store::open(&work).expect("room");
    store.commit(&[("agent/a", Some(b"1"))]).expect("room");
    small.fill();
    let large = vec![b'x'; 6 << 20];
    let error = store.commit(&[("agent/b", Some(&large))]).expect_err("full");
    assert!(error.sentence().contains("registry.redb`: no space is left"), "{}", error.sentence());
    small.empty();
    store.commit(&[("agent/c", Some(b"3"))]).expect("room again");
    let keys: Vec<String> = store.load_all().expect("readable").into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["agent/a", "agent/c"]);
}

#[test]
fn a_read_only_disk_is_named() {
    let Some(small) = Small::mount("8m") else { return };
    let work = WorkDir::open(small.path.join("work")).expect("room");
    let mut checkpoints = Checkpoints::open(&work, "meta").expect("room");
    drop(work);
    assert!(run("mount", &["-o", "remount,ro"], &small.path), "root may remount");
    let error = checkpoints.apply(&[change("agent", Change::Replace(vec![1]))]).expect_err("read-only");
    assert!(error.sentence().contains("its file system is read-only"), "{}", error.sentence());
    let error = WorkDir::open(small.path.join("work")).expect_err("read-only").to_string();
    assert!(error.contains("read-only"), "{error}");
}

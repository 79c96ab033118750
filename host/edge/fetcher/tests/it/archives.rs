//! Archives: good ones come out whole, bad ones stay in the sandbox.

use std::{
    fs,
    io::Write,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use mezzo_fetcher::{FetchRequest, Limits, fetch};
use mezzo_model::container::Fetch;
use proptest::prelude::*;
use tar::{EntryType, Header};

use crate::{Bench, item};

/// One entry, also of the kinds that no honest program writes.
#[derive(Clone, Debug)]
pub struct Entry {
    kind: u8,
    name: Vec<u8>,
    link: Vec<u8>,
    content: Vec<u8>,
    mode: u32,
}

impl Entry {
    pub fn file(name: &str, content: &[u8]) -> Entry {
        Entry { content: content.to_vec(), ..Entry::link(b'0', name, "") }
    }

    pub fn link(kind: u8, name: &str, to: &str) -> Entry {
        Entry { kind, name: name.into(), link: to.into(), content: vec![], mode: 0o644 }
    }

    pub fn record(kind: u8, content: &[u8]) -> Entry {
        Entry { content: content.to_vec(), ..Entry::link(kind, "record", "") }
    }
}

/// The bytes of an archive with these entries and no care for sense.
pub fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        let mut header = Header::new_gnu();
        let gnu = header.as_gnu_mut().unwrap();
        let name = &entry.name[..entry.name.len().min(100)];
        gnu.name[..name.len()].copy_from_slice(name);
        let link = &entry.link[..entry.link.len().min(100)];
        gnu.linkname[..link.len()].copy_from_slice(link);
        header.set_entry_type(EntryType::new(entry.kind));
        header.set_size(entry.content.len() as u64);
        header.set_mode(entry.mode);
        header.set_mtime(1_000_000_000);
        header.set_cksum();
        bytes.extend(header.as_bytes());
        bytes.extend(&entry.content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn unpacked(name: &str, bytes: &[u8]) -> Bench {
    let bench = Bench::new();
    let path = bench.outside(name, bytes);
    bench.fetch(item(path)).await.unwrap();
    bench
}

/// Beside the sandbox there is only the archive, which the test itself put there.
pub fn assert_untouched(top: &Path) {
    let mut names: Vec<_> = fs::read_dir(top).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.iter().any(|name| name == "sandbox"), "{names:?}");
}

#[tokio::test]
async fn every_kind_comes_out_and_the_archive_stays() {
    let mut program = Entry::file("bin/run", b"#!/bin/sh\n");
    program.mode = 0o6755;
    let archive = tar(&[
        Entry { mode: 0o555, ..Entry::link(b'5', "./", "") },
        Entry { mode: 0o555, ..Entry::link(b'5', "bin/", "") },
        program,
        Entry::link(b'2', "bin/alias", "../bin/run"),
        Entry::link(b'1', "same", "bin/run"),
        Entry::file("./data/empty", b""),
    ]);
    for (name, bytes) in [("a.tar", archive.clone()), ("a.tar.gz", gzip(&archive)), ("a.tgz", gzip(&archive))]
    {
        let bench = unpacked(name, &bytes).await;
        assert!(bench.has(name));
        assert_eq!(bench.read("bin/run"), "#!/bin/sh\n");
        assert_eq!(bench.read("same"), "#!/bin/sh\n");
        assert_eq!(bench.read("data/empty"), "");
        assert_eq!(fs::read_link(bench.sandbox().join("bin/alias")).unwrap(), Path::new("../bin/run"));
        let facts = fs::metadata(bench.sandbox().join("bin/run")).unwrap();
        assert_eq!(facts.permissions().mode() & 0o7777, 0o755, "without set-uid and set-gid");
        assert_eq!(facts.mtime(), 1_000_000_000);
    }
}

#[tokio::test]
async fn single_file_loses_its_ending() {
    let bench = unpacked("words.txt.gz", &gzip(b"hello")).await;
    assert_eq!(bench.read("words.txt"), "hello");
    assert!(bench.has("words.txt.gz"));
}

#[tokio::test]
async fn several_gzip_members_are_one_file() {
    let bench = unpacked("f.gz", &[gzip(b"one "), gzip(b"two")].concat()).await;
    assert_eq!(bench.read("f"), "one two");
}

#[tokio::test]
async fn extract_false_leaves_the_archive_alone() {
    let bench = Bench::new();
    let path = bench.outside("a.tar.gz", &gzip(&tar(&[Entry::file("f", b"x")])));
    bench.fetch(Fetch { unpack: false, ..item(path) }).await.unwrap();
    assert!(bench.has("a.tar.gz") && !bench.has("f"));
}

#[tokio::test]
async fn no_archive_is_only_a_remark() {
    let bench = unpacked("a.txt", b"x").await;
    assert!(bench.read("stderr").contains("`a.txt` is not an archive"));
}

/// As other programs write them, under all the names that count as archives.
#[tokio::test]
async fn archives_of_other_programs_come_out_whole() {
    let read = |ending: &str| {
        fs::read(format!("{}/tests/fixtures/sample.{ending}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    };
    for (name, bytes) in [
        ("a.tar.gz", read("tar.gz")),
        ("a.tgz", read("tar.gz")),
        ("a.tar.bz2", read("tar.bz2")),
        ("a.tbz2", read("tar.bz2")),
        ("a.tar.xz", read("tar.xz")),
        ("a.txz", read("tar.xz")),
        ("a.zip", read("zip")),
    ] {
        let bench = unpacked(name, &bytes).await;
        assert!(bench.has(name), "{name} stays");
        assert_eq!(bench.read("bin/alias"), "#!/bin/sh\n", "{name}");
        assert_eq!(bench.read("data/words"), "many words ".repeat(1000), "{name}");
        let mode = fs::metadata(bench.sandbox().join("bin/run")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o755, "{name}");
    }
}

/// What `cat a.xz b.xz` makes is one file; so is one with padding between.
#[tokio::test]
async fn several_xz_streams_are_one_file() {
    let stream = fs::read(format!("{}/tests/fixtures/sample.tar.xz", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let empty = b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46\0\0\0\0\x1c\xdf\x44\x21\x1f\xb6\xf3\x7d\x01\0\0\0\0\x04YZ";
    let many = [stream, vec![0; 8], empty.repeat(100_000)].concat();
    let bench = unpacked("a.tar.xz", &many).await;
    assert_eq!(bench.read("data/words").len(), 11_000);
}

#[tokio::test]
async fn long_names_of_both_kinds_are_read() {
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(120));
    let pax = |name: &str| {
        let body = format!(" path={name}\n");
        let length = body.len() + (body.len() + 3).to_string().len();
        format!("{length}{body}")
    };
    for record in
        [Entry::record(b'L', format!("{long}\0").as_bytes()), Entry::record(b'x', pax(&long).as_bytes())]
    {
        let archive = tar(&[Entry::record(b'g', b"13 comment=x\n"), record, Entry::file("short", b"x")]);
        let bench = unpacked("a.tar", &archive).await;
        assert_eq!(bench.read(&long), "x");
        assert!(!bench.has("short"));
    }
}

#[tokio::test]
async fn limits_hold() {
    let archive = gzip(&tar(&[Entry::file("a", &[0; 100_000]), Entry::file("b/c/d", b"x")]));
    let defaults = Limits::default();
    for (limits, says) in [
        (Limits { unpacked_bytes_max: 50_000, ..defaults }, "larger than the limit of 50000 bytes"),
        (Limits { entries_max: 1, ..defaults }, "limit of 1 entries"),
        (Limits { depth_max: 2, ..defaults }, "lies deeper than 2 directories"),
    ] {
        let bench = Bench::new();
        let path = bench.outside("a.tgz", &archive);
        let request = FetchRequest { limits, ..bench.request(vec![item(path)]) };
        let said = fetch(request, |_| {}).await.unwrap_err().in_one_line();
        assert!(said.contains(says), "{said}");
    }
}

#[tokio::test]
async fn cut_or_damaged_archives_are_errors() {
    let whole = gzip(&tar(&[Entry::file("a", &[7; 100_000])]));
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0xff;
    for bytes in [&whole[..whole.len() / 2], &whole[..20], &damaged, b"no gzip at all"] {
        let bench = Bench::new();
        let path = bench.outside("a.tar.gz", bytes);
        let said = bench.refused(item(path)).await;
        assert!(said.contains("a.tar.gz"), "{said}");
    }
    let said = refused_bytes(&tar(&[Entry::file("a", &[7; 100_000])])[..2000]).await;
    assert!(said.contains("ends after"), "{said}");
}

async fn refused_bytes(bytes: &[u8]) -> String {
    let bench = Bench::new();
    let path = bench.outside("a.tar", bytes);
    bench.refused(item(path)).await
}

fn hostile_path() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just("..".to_owned()),
        Just(".".to_owned()),
        Just("".to_owned()),
        "[ab]",
        Just("\u{e9}".to_owned())
    ];
    (any::<bool>(), prop::collection::vec(part, 0..5)).prop_map(|(absolute, parts)| {
        let path = parts.join("/");
        if absolute { format!("/{path}").into_bytes() } else { path.into_bytes() }
    })
}

fn hostile_entry() -> impl Strategy<Value = Entry> {
    let kind = prop::sample::select(b"0125512Lx0K3\0".to_vec());
    let content = prop::collection::vec(any::<u8>(), 0..40);
    (kind, hostile_path(), hostile_path(), content, any::<u32>()).prop_map(
        |(kind, name, link, content, mode)| Entry { kind, name, link, content, mode: mode & 0o7777 },
    )
}

/// Every link in the sandbox leads to a place in the sandbox, and nothing is outside.
pub fn assert_contained(bench: &Bench) {
    assert_untouched(bench.top.path());
    let top = bench.sandbox().canonicalize().unwrap();
    let mut left = vec![top.clone()];
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            let facts = entry.path().symlink_metadata().unwrap();
            assert!(facts.nlink() < 40);
            if facts.is_dir() {
                left.push(entry.path());
            } else if let Ok(real) = entry.path().canonicalize() {
                assert!(real.starts_with(&top), "{:?} leads to {real:?}", entry.path());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_ever_leaves_the_sandbox(entries in prop::collection::vec(hostile_entry(), 1..12)) {
        unpack_blocking(&tar(&entries));
    }

    #[test]
    fn damaged_bytes_end_in_words(
        entries in prop::collection::vec(hostile_entry(), 1..6),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = tar(&entries);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        unpack_blocking(&bytes);
    }
}

fn unpack_blocking(bytes: &[u8]) {
    let bench = Bench::new();
    let path = bench.outside("a.tar", bytes);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _ = runtime.block_on(bench.fetch(item(path)));
    assert_contained(&bench);
}

//! Archives that attack: each is refused with the entry named, and nothing leaves the sandbox.

use std::io::Write;

use flate2::{Compression, write::DeflateEncoder};
use mezzo_fetcher::{FetchRequest, Limits, fetch};
use proptest::prelude::*;

use crate::{
    Bench,
    archives::{Entry, assert_contained, gzip, tar},
    item,
    tls::fixture,
    zip::{Zipped, zip},
};

/// What is packed, and a part of the sentence that refuses it.
type Row = (&'static str, Vec<u8>, &'static str);

fn of_tar(entries: &[Entry], says: &'static str) -> Row {
    ("a.tar", tar(entries), says)
}

fn of_zip(entries: &[Zipped], says: &'static str) -> Row {
    ("a.zip", zip(entries), says)
}

/// A limit of what unpacking may give, low enough to be met here.
const LIMITS: Limits =
    Limits { bytes_max: 64 << 20, unpacked_bytes_max: 1 << 20, entries_max: 1000, depth_max: 16 };

#[rustfmt::skip]
fn tars() -> Vec<Row> {
    let f = |name| Entry::file(name, b"x");
    let l = Entry::link;
    vec![
        // Names that lead elsewhere.
        of_tar(&[f("../evil")], "`../evil` has `..` in its path"),
        of_tar(&[f("a/../../evil")], "has `..` in its path"),
        of_tar(&[f("./../evil")], "has `..` in its path"),
        of_tar(&[f("a/..")], "has `..` in its path"),
        of_tar(&[f("/tmp/evil")], "`/tmp/evil` has an absolute path"),
        of_tar(&[f("//tmp/evil")], "has an absolute path"),
        of_tar(&[l(b'5', "", "")], "has no name"),
        of_tar(&[l(b'5', "../evil/", "")], "has `..` in its path"),
        of_tar(&[l(b'5', "/evil/", "")], "has an absolute path"),
        of_tar(&[Entry::record(b'L', b"../../evil\0"), f("good")], "`../../evil` has `..` in its path"),
        of_tar(&[Entry::record(b'x', b"19 path=../../evil\n"), f("good")], "has `..` in its path"),
        of_tar(&[Entry::record(b'x', b"18 path=/tmp/evil\n"), f("good")], "has an absolute path"),
        // Links that lead elsewhere.
        of_tar(&[l(b'2', "l", "/etc")], "`l` is a link to `/etc`, which may lead out of the sandbox"),
        of_tar(&[l(b'2', "l", "..")], "may lead out of the sandbox"),
        of_tar(&[l(b'2', "l", "./..")], "may lead out of the sandbox"),
        of_tar(&[l(b'2', "a/l", "../..")], "may lead out of the sandbox"),
        of_tar(&[l(b'2', "a/l", "b/../../..")], "may lead out of the sandbox"),
        of_tar(&[l(b'2', "l", "")], "may lead out of the sandbox"),
        of_tar(&[Entry::record(b'K', b"/etc/passwd\0"), l(b'2', "l", "good")], "may lead out of the sandbox"),
        of_tar(&[l(b'1', "l", "/etc/passwd")], "has an absolute path"),
        of_tar(&[l(b'1', "l", "../../etc/passwd")], "has `..` in its path"),
        of_tar(&[l(b'1', "l", "not/there")], "could not be written"),
        // First a link, then something through it; also where each link alone seems to stay inside.
        of_tar(&[l(b'2', "l", "."), f("l/f")], "`l` on the way is a link"),
        of_tar(&[l(b'2', "l", "d"), l(b'5', "d/", ""), l(b'5', "l/e/", "")], "on the way is a link"),
        of_tar(&[l(b'5', "a/", ""), l(b'2', "a/up", ".."), l(b'2', "a/up/out", "../../x")], "on the way is a link"),
        of_tar(&[l(b'5', "a/", ""), l(b'2', "a/up", ".."), l(b'2', "a/up/out", "../x")], "on the way is a link"),
        of_tar(&[l(b'2', "l", "nowhere"), l(b'1', "h", "l")], "not a file"),
        of_tar(&[f("f"), f("f/g")], "could not be written"),
        of_tar(&[l(b'5', "d/", ""), f("d")], "could not be written"),
        // Kinds that no task needs.
        of_tar(&[l(b'3', "dev", "")], "is a device"),
        of_tar(&[l(b'4', "dev", "")], "is a device"),
        of_tar(&[l(b'6', "pipe", "")], "is a pipe"),
        of_tar(&[l(b'S', "sparse", "")], "is a sparse file"),
        of_tar(&[Entry::record(b'x', b"22 GNU.sparse.major=1\n"), f("f")], "is a sparse file"),
        of_tar(&[l(b'Q', "what", "")], "is of the unknown kind `Q`"),
        // Records that fill the memory, or contradict.
        of_tar(&[Entry::record(b'L', &[b'a'; 70_000]), f("f")], "a record of 70000 bytes"),
        of_tar(&[Entry::record(b'x', &[b'1'; 70_000]), f("f")], "a record of 70000 bytes"),
        of_tar(&[Entry::record(b'x', b"13 size=1000\n"), f("f")], "has two different sizes"),
        of_tar(&[Entry::record(b'x', b"11 size=-1\n"), f("f")], "not a number"),
        // Bombs.
        ("a.tgz", gzip(&tar(&[Entry::file("zeros", &vec![0; 2 << 20])])), "larger than the limit of 1048576 bytes"),
        ("a.gz", gzip(&vec![0; 2 << 20]), "larger than the limit of 1048576 bytes"),
        of_tar(&vec![f("f"); 1001], "one more than the limit of 1000 entries"),
        of_tar(&[f("1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17")], "lies deeper than 16 directories"),
        // Ends too early.
        ("a.tar", tar(&[Entry::file("f", &[7; 10_000])])[..2000].to_vec(), "the archive ends after"),
        ("a.tar.xz", b"\xfd7zXZ\0".to_vec(), "could not unpack `a.tar.xz`"),
        ("a.tar.xz", vec![], "could not unpack `a.tar.xz`"),
        ("a.tbz2", b"BZh9".to_vec(), "could not unpack `a.tbz2`"),
        ("a.tgz", gzip(&tar(&[f("f")]))[..40].to_vec(), "a.tgz"),
    ]
}

#[rustfmt::skip]
fn zips() -> Vec<Row> {
    let f = |name| Zipped::file(name, b"x");
    let mut deflated = DeflateEncoder::new(Vec::new(), Compression::best());
    deflated.write_all(&vec![0; 2 << 20]).unwrap();
    let bomb = deflated.finish().unwrap();
    vec![
        of_zip(&[f("../evil")], "`../evil` has `..` in its path"),
        of_zip(&[f("a/../../evil")], "has `..` in its path"),
        of_zip(&[f("/tmp/evil")], "`/tmp/evil` has an absolute path"),
        of_zip(&[f("../evil/")], "has `..` in its path"),
        of_zip(&[f("")], "has no name"),
        of_zip(&[f("a\0b")], "could not be written"),
        of_zip(&[Zipped::link("l", "/etc")], "`l` is a link to `/etc`, which may lead out of the sandbox"),
        of_zip(&[Zipped::link("l", "..")], "may lead out of the sandbox"),
        of_zip(&[Zipped::link("a/l", "b/../../..")], "may lead out of the sandbox"),
        of_zip(&[Zipped::link("l", "."), f("l/f")], "`l` on the way is a link"),
        of_zip(&[Zipped::link("l", &"a/".repeat(3000))], "a link of more than 4096 bytes"),
        of_zip(&[Zipped { mode: 0o060_644, ..f("dev") }], "is a device, a pipe or a socket"),
        of_zip(&[Zipped { mode: 0o020_644, ..f("dev") }], "is a device, a pipe or a socket"),
        of_zip(&[Zipped { mode: 0o010_644, ..f("pipe") }], "is a device, a pipe or a socket"),
        of_zip(&[Zipped { mode: 0o140_644, ..f("socket") }], "is a device, a pipe or a socket"),
        of_zip(&[f("1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17")], "lies deeper than 16 directories"),
        of_zip(&(0..1001).map(|n| Zipped::file(&n.to_string(), b"x")).collect::<Vec<_>>(), "the limit of 1000 entries"),
        of_zip(&[Zipped::file("a", &vec![0; 600_000]), Zipped::file("b", &vec![0; 600_000])], "larger than the limit"),
        of_zip(&[Zipped { content: bomb, method: 8, size: 2 << 20, ..f("zeros") }], "larger than the limit"),
        of_zip(&[Zipped { crc: 1, ..f("f") }], "could not be written"),
        of_zip(&[Zipped { flags: 1, ..f("secret") }], "could not unpack `a.zip`"),
        of_zip(&[Zipped { method: 97, ..f("f") }], "compression method not supported: 97"),
        ("a.zip", b"PK\x05\x06".to_vec(), "could not unpack `a.zip`"),
        ("a.zip", zip(&[f("f")])[..40].to_vec(), "could not unpack `a.zip`"),
        ("a.zip", b"nothing of the kind".to_vec(), "could not unpack `a.zip`"),
    ]
}

#[tokio::test]
async fn every_hostile_archive_is_refused_by_name_and_stays_inside() {
    let rows: Vec<Row> = [tars(), zips()].concat();
    assert!(rows.len() >= 60, "{}", rows.len());
    let mut wrong = Vec::new();
    for (index, (name, bytes, says)) in rows.into_iter().enumerate() {
        let bench = Bench::new();
        let path = bench.outside(name, &bytes);
        let request = FetchRequest { limits: LIMITS, ..bench.request(vec![item(path)]) };
        match fetch(request, |_| {}).await {
            Ok(()) => wrong.push(format!("row {index} ({name}, `{says}`) was unpacked")),
            Err(error) => {
                let said = error.in_one_line();
                if !(said.contains(says) && said.contains(name)) {
                    wrong.push(format!("row {index}: no `{says}` in: {said}"));
                }
            }
        }
        assert_contained(&bench);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Real archives of every format with bytes changed, mostly at their heads, and cut anywhere:
    /// they are unpacked or refused, in words, and stay inside.
    #[test]
    fn damaged_archives_of_every_format_end_in_words(
        which in 0..4usize,
        near in prop::collection::vec((0..64usize, any::<u8>()), 0..4),
        far in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let name = ["sample.tar.gz", "sample.tar.bz2", "sample.tar.xz", "sample.zip"][which];
        let mut bytes = std::fs::read(fixture(name)).unwrap();
        near.into_iter().for_each(|(at, byte)| bytes[at] = byte);
        far.into_iter().for_each(|(at, byte)| { let at = at.index(bytes.len()); bytes[at] = byte; });
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let bench = Bench::new();
        let path = bench.outside(name, &bytes);
        let request = FetchRequest { limits: LIMITS, ..bench.request(vec![item(path)]) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        if let Err(error) = runtime.block_on(fetch(request, |_| {})) {
            prop_assert!(error.in_one_line().contains(name), "{}", error.in_one_line());
        }
        assert_contained(&bench);
    }
}

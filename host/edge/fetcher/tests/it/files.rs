//! Files of the agent's host.

use std::{fs, os::unix::fs::MetadataExt, os::unix::fs::PermissionsExt};

use mezzo_fetcher::{FetchError, FetchRequest, Limits, fetch};
use mezzo_model::container::Fetch;

use crate::{Bench, item, tls::fixture};

fn mode(bench: &Bench, name: &str) -> u32 {
    fs::metadata(bench.sandbox().join(name)).unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn paths_and_file_uris_are_copied_with_their_permissions() {
    let bench = Bench::new();
    let path = bench.outside("tool", b"#!/bin/sh\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o4750)).unwrap();

    bench.fetch(item(&path)).await.unwrap();
    bench
        .fetch(Fetch { output_file: Some("b/tool".into()), ..item(format!("file://{path}")) })
        .await
        .unwrap();

    assert_eq!(bench.read("tool"), "#!/bin/sh\n");
    assert_eq!(bench.read("b/tool"), "#!/bin/sh\n");
    assert_eq!(mode(&bench, "tool"), 0o750, "without the set-uid bit");
}

#[tokio::test]
async fn executable_is_for_all_and_is_not_unpacked() {
    let bench = Bench::new();
    let path = bench.outside("run.tar.gz", b"#!/bin/sh\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    bench.fetch(Fetch { is_executable: true, ..item(&path) }).await.unwrap();
    assert_eq!(mode(&bench, "run.tar.gz"), 0o751);
}

#[tokio::test]
async fn relative_path_is_below_frameworks_home() {
    let bench = Bench::new();
    bench.outside("tool", b"x");
    let home = Some(bench.top.path().to_owned());
    let request = FetchRequest { frameworks_home: home, ..bench.request(vec![item("tool")]) };
    fetch(request, |_| {}).await.unwrap();
    assert_eq!(bench.read("tool"), "x");
}

#[tokio::test]
async fn what_is_there_is_overwritten() {
    let bench = Bench::new();
    bench.outside("target", b"keep me");
    std::os::unix::fs::symlink(bench.top.path().join("target"), bench.sandbox().join("tool")).unwrap();
    let path = bench.outside("tool", b"new");
    bench.fetch(item(&path)).await.unwrap();
    bench.fetch(item(&path)).await.unwrap();
    assert_eq!(bench.read("tool"), "new");
    assert_eq!(
        fs::read(bench.top.path().join("target")).unwrap(),
        b"keep me",
        "a link is not written through"
    );
}

#[tokio::test]
async fn what_is_not_a_plain_file_is_refused_without_waiting() {
    let bench = Bench::new();
    let pipe = bench.top.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (uri, says) in [
        (bench.top.path().to_str().unwrap(), "a directory"),
        ("/dev/zero", "a device"),
        (pipe.to_str().unwrap(), "a pipe"),
        ("/no/such/file", "could not read `/no/such/file`"),
    ] {
        let said = bench.refused(item(uri)).await;
        assert!(said.contains(says), "{said}");
    }
}

#[tokio::test]
async fn refusals_name_the_uri_and_the_way_out() {
    let bench = Bench::new();
    let path = bench.outside("f", b"x");
    for (refused, says) in [
        (item("relative"), "--frameworks_home"),
        (item("http://host"), "Malformed URI (missing path)"),
        (item("http://h/it's"), "Illegal characters in URI"),
        (Fetch { output_file: Some(String::new()), ..item(&path) }, "URI output file path is empty"),
        (
            Fetch { output_file: Some("../f".into()), ..item(&path) },
            "URI output file must be within the sandbox",
        ),
        (
            Fetch { output_file: Some("/f".into()), ..item(&path) },
            "URI output file must be within the sandbox",
        ),
    ] {
        let uri = refused.uri.clone();
        let said = bench.refused(refused).await;
        assert!(said.contains(says) && said.contains(&uri), "{said}");
    }
    assert!(!bench.top.path().join("sandbox/f").exists());
}

#[tokio::test]
async fn too_large_is_refused() {
    let bench = Bench::new();
    let path = bench.outside("f", &[0; 100]);
    let limits = Limits { bytes_max: 99, ..Limits::default() };
    let request = FetchRequest { limits, ..bench.request(vec![item(&path)]) };
    let said = fetch(request, |_| {}).await.unwrap_err().in_one_line();
    assert!(said.contains("larger than the limit of 99 bytes"), "{said}");
    assert!(!bench.has("f"));
}

#[tokio::test]
async fn unknown_user_fails_before_anything_is_fetched() {
    let bench = Bench::new();
    let path = bench.outside("f", b"x");
    let request = FetchRequest { user: Some("no-such-user-here".into()), ..bench.request(vec![item(&path)]) };
    let error = fetch(request, |_| {}).await.unwrap_err();
    assert!(matches!(error, FetchError::UnknownUser { .. }), "{error}");
    assert!(!bench.has("f"));
}

/// As root everything brought in belongs to the task's user, directories and links too; as anybody
/// else the files are ours and the task runs as us.
#[tokio::test]
async fn everything_belongs_to_the_user() {
    let bench = Bench::new();
    let archive = crate::archives::tar(&[
        crate::archives::Entry::file("d/f", b"x"),
        crate::archives::Entry::link(b'2', "d/l", "f"),
    ]);
    let path = bench.outside("a.tar", &archive);
    let request = FetchRequest { user: Some("nobody".into()), ..bench.request(vec![item(&path)]) };
    fetch(request, |_| {}).await.unwrap();

    let nobody = nix::unistd::User::from_name("nobody").unwrap().expect("every system has it").uid;
    let owner = if nix::unistd::geteuid().is_root() { nobody } else { nix::unistd::geteuid() };
    for name in ["a.tar", "d", "d/f", "d/l", "stderr"] {
        let facts = fs::symlink_metadata(bench.sandbox().join(name)).unwrap();
        assert_eq!(facts.uid(), owner.as_raw(), "{name}");
    }
}

#[tokio::test]
async fn missing_sandbox_is_said() {
    let said = fetch(FetchRequest::new(vec![], "/no/such/sandbox"), |_| {}).await.unwrap_err().in_one_line();
    assert!(said.contains("could not open the sandbox `/no/such/sandbox`"), "{said}");
}

/// A request to a program that stands for Hadoop's client.
fn hadoop(bench: &Bench, home: &str) -> FetchRequest {
    FetchRequest {
        hadoop_home: Some(fixture(home)),
        ..bench.request(vec![item("hdfs://name:9000/dir/file")])
    }
}

#[tokio::test]
async fn other_schemes_are_left_to_hadoops_client() {
    let bench = Bench::new();
    let request = hadoop(&bench, "hadoop");
    fetch(request, |_| {}).await.unwrap();
    assert_eq!(bench.read("file"), "fs -copyToLocal hdfs://name:9000/dir/file\n");
    let left: Vec<_> = fs::read_dir(bench.sandbox()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "the file and stderr: {left:?}");
}

#[tokio::test]
async fn what_hadoops_client_says_is_told() {
    let bench = Bench::new();
    let request = hadoop(&bench, "hadoop-failing");
    let said = fetch(request, |_| {}).await.unwrap_err().in_one_line();
    assert!(said.contains("exit status: 3") && said.contains("`no such file`"), "{said}");
    assert!(!bench.has("file"));

    let home = Some(bench.top.path().join("nowhere"));
    let request = FetchRequest { hadoop_home: home, ..bench.request(vec![item("s3n://b/file")]) };
    let said = fetch(request, |_| {}).await.unwrap_err().in_one_line();
    assert!(said.contains("scheme `s3n`") && said.contains("--hadoop_home"), "{said}");
}

//! What is no plugin is refused with a sentence that says what to do.

use std::{fs, os::unix::fs::PermissionsExt};

use guests::{component, importing};
use mezzo_wasm::{Cache, CacheError, LoadError, Plugin, digest};

use super::RUNTIME;

fn refusal(bytes: &[u8]) -> String {
    Plugin::load(&RUNTIME, bytes, None).expect_err("not a plugin").to_string()
}

#[test]
fn other_bytes() {
    assert_eq!(
        refusal(b"#!/bin/sh\n"),
        "this is not WebAssembly: it begins with [23, 21, 2f, 62, 69, 6e, 2f, 73]; give the .wasm file of a component"
    );
    assert!(refusal(b"").contains("begins with nothing"));
}

#[test]
fn a_core_module() {
    let text = refusal(b"\0asm\x01\0\0\0");
    assert!(text.contains("core WebAssembly module") && text.contains("wasm32-wasip2"), "{text}");
}

#[test]
fn a_component_that_was_cut_off() {
    let whole = guests::allocator_drf();
    for length in [6, 9, 100, whole.len() / 2, whole.len() - 1] {
        let text = refusal(&whole[..length]);
        assert!(text.contains("truncated or damaged"), "{length}: {text}");
    }
}

#[test]
fn a_component_of_another_world() {
    let text = refusal(&component(&[]));
    assert!(text.contains("does not export `mezzo:plugin/lifecycle@1.0.0`"), "{text}");
    assert!(text.contains("it exports nothing") && text.contains("mezzo:plugin/allocator@1.0.0"), "{text}");
}

#[test]
fn an_import_without_its_grant_is_named() {
    let text = refusal(&importing("wasi:http/outgoing-handler@0.2.3"));
    assert!(text.contains("`wasi:http/outgoing-handler@0.2.3`, which needs the grant `http`"), "{text}");
    let text = refusal(&importing("mezzo:plugin/secrets@1.0.0"));
    assert!(text.contains("needs the grant `secrets`"), "{text}");
}

#[test]
fn an_import_that_no_host_has_is_named() {
    for import in ["acme:queue/send@0.1.0", "wasi:cli/environment@0.3.0", "mezzo:plugin/log@2.0.0"] {
        let text = refusal(&importing(import));
        assert!(text.contains(&format!("imports `{import}`, which this host does not have")), "{text}");
    }
}

#[test]
fn what_toolchains_import_is_there() {
    // Let through to the next check: the world.
    for import in ["wasi:sockets/tcp@0.2.0", "wasi:filesystem/types@0.2.9", "mezzo:plugin/metric@1.0.0"] {
        let text = refusal(&importing(import));
        assert!(text.contains("does not export"), "{import}: {text}");
    }
}

#[test]
fn compiled_code_is_kept_and_replaced_when_spoilt() {
    let above = tempfile::tempdir().expect("a directory");
    let dir = above.path().join("compiled");
    let cache = Cache::open(&dir).expect("a new directory");
    Plugin::load(&RUNTIME, guests::allocator_drf(), Some(&cache)).expect("compiled");
    let files: Vec<_> =
        fs::read_dir(&dir).expect("there").map(|entry| entry.expect("there").path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    let name = file.file_name().expect("a name").to_string_lossy().into_owned();
    assert!(name.starts_with(&format!("{:?}-", digest(guests::allocator_drf()))), "{name}");

    let good = fs::read(file).expect("readable");
    fs::write(file, &good[..good.len() / 2]).expect("writable");
    Plugin::load(&RUNTIME, guests::allocator_drf(), Some(&cache)).expect("compiled again");
    assert_eq!(fs::read(file).expect("readable"), good);
    Plugin::load(&RUNTIME, guests::allocator_drf(), Some(&cache)).expect("from the file");
}

/// The files are code that the daemon runs.
#[test]
fn a_directory_that_others_can_write_to_is_no_cache() {
    let above = tempfile::tempdir().expect("a directory");
    let dir = above.path().join("open");
    fs::create_dir(&dir).expect("made");
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o777)).expect("opened");
    let error = Cache::open(&dir).expect_err("anybody could write there");
    assert!(matches!(error, CacheError::NotPrivate { mode: 0o777, .. }), "{error}");
    assert!(error.to_string().contains("with mode 0700"), "{error}");

    fs::remove_dir(&dir).expect("empty");
    std::os::unix::fs::symlink("/tmp", &dir).expect("linked");
    assert!(matches!(Cache::open(&dir), Err(CacheError::NotPrivate { .. })));
    assert!(matches!(Cache::open(&dir.join("not/there")), Err(CacheError::Io { .. })));
}

#[test]
fn errors_are_refusals_of_the_slot() {
    let failure = mezzo_slots::Failure::from(LoadError::CoreModule);
    assert_eq!(failure.kind(), "refused");
}

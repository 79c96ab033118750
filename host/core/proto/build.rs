//! Generates the wire types from the `.proto` files, without `protoc`.
#![allow(
    clippy::disallowed_methods,
    reason = "a build script reads its folder and writes there: nothing of it is in the core"
)]

use std::{env, fs, path::PathBuf};

use prost::Message;

/// Everything compiled into one descriptor set, which also drives the JSON mapping.
const FILES: &[&str] = &[
    "mesos/v1/mesos.proto",
    "mesos/v1/scheduler/scheduler.proto",
    "mesos/v1/executor/executor.proto",
    "mesos/v1/agent/agent.proto",
    "mesos/v1/master/master.proto",
    "mesos/v1/maintenance/maintenance.proto",
    "mesos/v1/quota/quota.proto",
    "mesos/v1/allocator/allocator.proto",
    "mesos/v1/resource_provider/resource_provider.proto",
    "mezzo/link/v1/link.proto",
    "mezzo/store/v1/registry.proto",
    "mezzo/store/v1/checkpoint.proto",
    "mezzo/store/v1/supervisor.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let set = protox::compile(FILES, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), set.encode_to_vec())?;
    prost_build::Config::new()
        .include_file("wire.rs")
        .btree_map(["."])
        .enable_type_names()
        .compile_fds(set)?;
    Ok(())
}

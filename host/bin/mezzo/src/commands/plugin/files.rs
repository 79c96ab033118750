//! Plugins as files, looked at and tried where the command runs.

use std::path::Path;

use anyhow::Context;
use mezzo_wasm::{Limits, Runtime};
use serde_json::{Value, json};

/// The bytes of a plugin's file.
pub(super) fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read the plugin `{}`", file.display()))
}

/// What a component says of itself.
pub(super) fn inspected(file: &Path) -> anyhow::Result<Value> {
    let bytes = read(file)?;
    let none = || format!("`{}` is no plugin", file.display());
    let inspected = mezzo_wasm::inspect(&Runtime::new()?, &bytes).with_context(none)?;
    Ok(json!({
        "file": file.display().to_string(),
        "bytes": bytes.len(),
        "digest": inspected.digest.hex(),
        "imports": inspected.imports,
        "exports": inspected.exports,
        "problem": inspected.problem,
    }))
}

/// What a try on a small cluster found.
pub(super) fn checked(file: &Path, settings: &str) -> anyhow::Result<Value> {
    let bytes = read(file)?;
    let refused = || format!("`{}` may not serve", file.display());
    let vetted =
        mezzo_wasm::vet(&Runtime::new()?, &bytes, settings, Limits::default(), None).with_context(refused)?;
    Ok(json!({
        "file": file.display().to_string(),
        "digest": vetted.digest.hex(),
        "name": vetted.identity.name,
        "version": vetted.identity.version,
        "load_ms": vetted.load.as_millis() as u64,
        "step_cpu_us_max": vetted.step_cpu_max.as_micros() as u64,
        "memory_bytes": vetted.memory_bytes,
    }))
}

//! Plugins as operators hand them in: checked and compiled beside everything else, then put before the core.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use mezzo_api::PluginUpload;
use mezzo_model::calls::{Refusal, Status};
use mezzo_slots::{Choice, Plan};
use mezzo_wasm::{Cache, Limits, Runtime, Vetted};
use serde_json::json;

use crate::shelf::Shelf;

/// Plugins that are checked at one time; compiling one takes a processor for a while.
const CHECKS_MAX: usize = 1;

/// Where plugins are handed in.
pub(crate) struct Desk {
    runtime: Runtime,
    cache: Option<Cache>,
    shelf: Arc<Shelf>,
    /// One swap at a time, from the check to the core's answer.
    pub(crate) swapping: tokio::sync::Mutex<()>,
    checking: tokio::sync::Semaphore,
}

/// A plugin that passed the checks.
pub(crate) struct HandedIn {
    pub(crate) vetted: Vetted,
    pub(crate) choice: Choice,
    bytes: Arc<[u8]>,
}

impl Desk {
    pub(crate) fn new(runtime: Runtime, cache: Option<Cache>, shelf: Arc<Shelf>) -> Self {
        let checking = tokio::sync::Semaphore::new(CHECKS_MAX);
        Self { runtime, cache, shelf, swapping: tokio::sync::Mutex::default(), checking }
    }

    /// Compiles, checks and tries a plugin; whoever else is served does not wait for it. What is
    /// only looked at is not kept compiled.
    pub(crate) async fn check(&self, upload: &PluginUpload, is_kept: bool) -> Result<HandedIn, Refusal> {
        let _turn = self.checking.acquire().await;
        let runtime = self.runtime.clone();
        let cache = self.cache.clone().filter(|_| is_kept);
        let bytes: Arc<[u8]> = Arc::from(&upload.bytes[..]);
        let (tried, settings) = (Arc::clone(&bytes), upload.settings.clone());
        let vet = move || mezzo_wasm::vet(&runtime, &tried, &settings, Limits::default(), cache.as_ref());
        let vetted = tokio::task::spawn_blocking(vet).await;
        let vetted = vetted.map_err(|error| internal(&format!("the check of the plugin ended: {error}")))?;
        let vetted = vetted.map_err(|error| Refusal::bad_request(error.to_string()))?;
        let choice = Choice { plugin: vetted.digest, settings: upload.settings.as_str().into() };
        Ok(HandedIn { vetted, choice, bytes })
    }

    /// Puts a plugin where it is found when it is wanted; says whether it was not there before.
    pub(crate) async fn keep(&self, handed_in: &HandedIn) -> Result<bool, Refusal> {
        let (shelf, digest) = (Arc::clone(&self.shelf), handed_in.vetted.digest);
        let bytes = Arc::clone(&handed_in.bytes);
        let kept = tokio::task::spawn_blocking(move || shelf.put(digest, &bytes)).await;
        let kept = kept.map_err(|error| internal(&error.to_string()))?;
        kept.map_err(|error| internal(&format!("the plugin cannot be kept: {error}")))
    }

    /// The core did not want it.
    pub(crate) fn take_back(&self, handed_in: &HandedIn) {
        self.shelf.remove(&handed_in.vetted.digest);
    }
}

impl HandedIn {
    /// What was found out, as JSON.
    pub(crate) fn report(&self) -> Bytes {
        let Vetted { digest, identity, load, step_cpu_max, memory_bytes } = &self.vetted;
        let settings: serde_json::Value =
            serde_json::from_str(&self.choice.settings).unwrap_or_else(|_| json!({}));
        let report = json!({
            "digest": digest.hex(),
            "name": identity.name,
            "version": identity.version,
            "settings": settings,
            "load_ms": millis(*load),
            "step_cpu_us_max": step_cpu_max.as_micros() as u64,
            "memory_bytes": memory_bytes,
        });
        report.to_string().into()
    }
}

/// The plan that an upload stands for.
pub(crate) fn plan(upload: &PluginUpload) -> Plan {
    Plan {
        shadow_rounds: upload.shadow_rounds.min(Plan::SHADOW_ROUNDS_MAX),
        must_be_equal: upload.must_be_equal,
        probation: upload.probation.unwrap_or(Plan::PROBATION).min(Plan::PROBATION_MAX),
    }
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}

fn internal(text: &str) -> Refusal {
    Refusal { status: Status::Internal, message: text.to_owned() }
}

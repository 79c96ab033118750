//! The bytes of the plugins that may be wanted, in memory and on the disk.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mezzo_disk::{DiskError, PluginFiles};
use mezzo_slots::Digest;

/// Every plugin that can be started. What is on it is bounded by the core, which says what nobody will
/// want again.
pub(crate) struct Shelf {
    plugins: Mutex<BTreeMap<Digest, Arc<[u8]>>>,
    /// The embedded plugin and that of the flag: there at every start, so never put on the disk.
    own: BTreeSet<Digest>,
    /// Absent where nothing outlasts the process.
    files: Option<PluginFiles>,
}

impl Shelf {
    /// A shelf with the plugins that are there at every start.
    pub(crate) fn new(own: &[Arc<[u8]>], files: Option<PluginFiles>) -> Self {
        let plugins: BTreeMap<Digest, Arc<[u8]>> =
            own.iter().map(|bytes| (mezzo_wasm::digest(bytes), Arc::clone(bytes))).collect();
        Self { own: plugins.keys().copied().collect(), plugins: Mutex::new(plugins), files }
    }

    /// Brings back what was chosen before a restart. What cannot be read, or has changed, is missing.
    pub(crate) fn recover(&self, chosen: impl Iterator<Item = Digest>) {
        let Some(files) = &self.files else { return };
        for digest in chosen {
            if self.get(&digest).is_some() {
                continue;
            }
            match files.load(&digest.hex()) {
                Ok(bytes) if mezzo_wasm::digest(&bytes) == digest => {
                    self.lock().insert(digest, bytes.into());
                }
                Ok(_) => tracing::error!(%digest, "the file of a plugin was changed, so it is not used"),
                Err(error) => tracing::error!(%digest, %error, "a plugin that was chosen is not here"),
            }
        }
    }

    /// Puts a plugin on the shelf, durably; says whether it was not there before.
    pub(crate) fn put(&self, digest: Digest, bytes: &Arc<[u8]>) -> Result<bool, DiskError> {
        if self.get(&digest).is_some() {
            return Ok(false);
        }
        if let Some(files) = &self.files {
            files.keep(&digest.hex(), bytes)?;
        }
        self.lock().insert(digest, Arc::clone(bytes));
        Ok(true)
    }

    /// The bytes of a plugin.
    pub(crate) fn get(&self, digest: &Digest) -> Option<Arc<[u8]>> {
        self.lock().get(digest).cloned()
    }

    /// Every plugin there is.
    pub(crate) fn all(&self) -> Vec<Arc<[u8]>> {
        self.lock().values().cloned().collect()
    }

    /// Takes a plugin off that nobody will want again.
    pub(crate) fn remove(&self, digest: &Digest) {
        if self.own.contains(digest) || self.lock().remove(digest).is_none() {
            return;
        }
        if let Some(files) = &self.files
            && let Err(error) = files.forget(&digest.hex())
        {
            tracing::warn!(%error, "the file of a plugin that nobody wants stays");
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Digest, Arc<[u8]>>> {
        self.plugins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(work_dir: &mezzo_disk::WorkDir) -> Shelf {
        Shelf::new(&[b"embedded"[..].into()], Some(PluginFiles::open(work_dir).expect("made")))
    }

    #[test]
    fn what_was_put_is_there_after_a_restart_unless_it_was_changed() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("w");
        let work_dir = mezzo_disk::WorkDir::open(&path).expect("made");
        let (one, other): (Arc<[u8]>, Arc<[u8]>) = (b"one"[..].into(), b"other"[..].into());
        let digests = [mezzo_wasm::digest(&one), mezzo_wasm::digest(&other)];
        let before = shelf(&work_dir);
        assert!(before.put(digests[0], &one).expect("room"));
        assert!(before.put(digests[1], &other).expect("room"));
        assert!(!before.put(digests[1], &other).expect("there already"));

        let file = path.join(format!("plugins/sha256/{}.wasm", digests[1].hex()));
        std::fs::write(file, b"changed").expect("written");
        let after = shelf(&work_dir);
        after.recover(digests.into_iter());
        assert_eq!(after.get(&digests[0]).as_deref(), Some(&b"one"[..]));
        assert_eq!(after.get(&digests[1]), None);
    }

    #[test]
    fn the_embedded_plugin_is_never_taken_off() {
        let shelf = Shelf::new(&[b"embedded"[..].into()], None);
        let digest = mezzo_wasm::digest(b"embedded");
        shelf.remove(&digest);
        assert!(shelf.get(&digest).is_some());
    }
}

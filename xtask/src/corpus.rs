//! The text that `dev` counts: a published package, by name, version and digest.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::{needs, shell};

/// The GNU Collaborative International Dictionary of English: 40 MB of definitions and quotations.
/// Free software (GPL 2 or later); it is read here and not passed on.
const PACKAGE: &str = "dict-gcide";
const VERSION: &str = "0.48.5+nmu2";
/// Its text inside the package, compressed.
const MEMBER: &str = "usr/share/dictd/gcide.dict.dz";
/// Of the text itself.
const SHA256: &str = "802beb667e1fb666203e750f1faea60d5c202ac5430c2083c4180494609f10a7";

/// The path of the text, brought here if it is not here yet.
pub fn path() -> Result<PathBuf> {
    let dir = shell::target().join("corpus");
    let text = dir.join("gcide.txt");
    if digest(&text).is_some_and(|digest| digest == SHA256) {
        return Ok(text);
    }
    fs::create_dir_all(&dir).with_context(|| format!("cannot create `{}`", dir.display()))?;
    eprintln!("Getting the text: {PACKAGE} {VERSION} from Debian");
    bring(&dir, &text).with_context(|| {
        format!("cannot get the package {PACKAGE} {VERSION}: give any text of your own with --text FILE")
    })?;
    let found = digest(&text).unwrap_or_default();
    ensure!(found == SHA256, "the text of {PACKAGE} has the digest {found}, and {SHA256} was expected");
    Ok(text)
}

fn bring(dir: &Path, text: &Path) -> Result<()> {
    let pinned = format!("{PACKAGE}={VERSION}");
    download(dir, &pinned).or_else(|_| {
        needs::apt(&["update"])?;
        // Another release of Debian packs the same text under another revision: the digest decides.
        download(dir, &pinned).or_else(|_| download(dir, PACKAGE))
    })?;
    let package = fs::read_dir(dir)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|ending| ending == "deb"))
        .context("apt-get has left no package")?;
    let unpacked = dir.join("unpacked");
    shell::run(Command::new("dpkg-deb").arg("-x").arg(&package).arg(&unpacked))?;
    // Written beside and moved, so that a text that is there is whole.
    let beside = dir.join("gcide.part");
    let out = fs::File::create(&beside)?;
    shell::run(Command::new("gzip").arg("-dc").stdin(fs::File::open(unpacked.join(MEMBER))?).stdout(out))?;
    fs::rename(&beside, text)?;
    fs::remove_dir_all(&unpacked)?;
    fs::remove_file(&package)?;
    Ok(())
}

/// As root, apt-get would hand the download to an account that may not write here.
fn download(dir: &Path, package: &str) -> Result<()> {
    let args = ["-q", "-o", "APT::Sandbox::User=root", "download", package];
    shell::run(Command::new("apt-get").args(args).current_dir(dir))
}

fn digest(file: &Path) -> Option<String> {
    let mut hash = Sha256::new();
    std::io::copy(&mut fs::File::open(file).ok()?, &mut hash).ok()?;
    Some(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    #[test]
    fn digest_is_of_the_content() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, b"abc").unwrap();
        let digest = super::digest(file.path()).unwrap();
        assert_eq!(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(super::digest(std::path::Path::new("/no/such/file")), None);
    }
}

//! Unpacking what was fetched, beside the archive itself, which stays.

mod tar;

use std::{
    fs::File,
    io::{self, BufReader, Read},
};

use flate2::read::MultiGzDecoder;

use crate::{
    Cause, Limits,
    sandbox::{Inside, Sandbox},
    source::Archive,
    work::{Bounded, Stop, blocking},
};

/// Unpacks the archive at `target` into the sandbox.
pub(crate) async fn unpack(
    archive: Archive,
    sandbox: &Sandbox,
    target: &Inside,
    limits: Limits,
) -> Result<(), Cause> {
    let (sandbox, target) = (sandbox.clone(), target.clone());
    blocking(move |stop| unpack_now(archive, &sandbox, &target, limits, stop)).await
}

fn unpack_now(
    archive: Archive,
    sandbox: &Sandbox,
    target: &Inside,
    limits: Limits,
    stop: Stop,
) -> Result<(), Cause> {
    let file = sandbox.read(target).map_err(|source| bad_archive(target, source, limits))?;
    let file = BufReader::with_capacity(128 << 10, file);
    let bounded = |inner: Box<dyn Read>| Bounded::new(inner, limits.unpacked_bytes_max, stop);
    match archive {
        Archive::Tar => tar::unpack(bounded(Box::new(file)), sandbox, target, limits),
        Archive::TarGz => tar::unpack(bounded(Box::new(MultiGzDecoder::new(file))), sandbox, target, limits),
        Archive::Gz => gunzip(bounded(Box::new(MultiGzDecoder::new(file))), sandbox, target, limits),
    }
}

/// `NAME.gz` to `NAME`.
fn gunzip(mut from: impl Read, sandbox: &Sandbox, target: &Inside, limits: Limits) -> Result<(), Cause> {
    let name = target.without(".gz").expect("an archive of this kind ends in .gz and has a name before it");
    let mut to: File = sandbox.create(&name).map_err(|source| Cause::write(&name, source))?;
    io::copy(&mut from, &mut to).map(|_| ()).map_err(|source| {
        sandbox.discard(&name);
        bad_archive(target, source, limits)
    })
}

fn bad_archive(target: &Inside, source: io::Error, limits: Limits) -> Cause {
    match source.kind() {
        io::ErrorKind::FileTooLarge => Cause::TooLarge { limit: limits.unpacked_bytes_max },
        _ => Cause::BadArchive { target: target.to_string(), source },
    }
}

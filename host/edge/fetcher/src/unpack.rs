//! Unpacking what was fetched, beside the archive itself, which stays.

mod place;
mod tar;
mod xz;
mod zip;

use std::{
    fs::File,
    io::{self, BufReader, Read},
};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;

use crate::{
    Cause, Limits,
    sandbox::{Inside, Sandbox},
    source::{Archive, Packing},
    work::{Bounded, Stop, blocking},
};
use place::Place;
use xz::Xz;

/// Unpacks the archive in `file` into the sandbox, as if it were called `target` there.
pub(crate) async fn unpack(
    archive: Archive,
    file: File,
    sandbox: &Sandbox,
    target: &Inside,
    limits: Limits,
) -> Result<(), Cause> {
    let (sandbox, target) = (sandbox.clone(), target.clone());
    blocking(move |stop| unpack_now(archive, file, &sandbox, &target, limits, stop)).await
}

fn unpack_now(
    archive: Archive,
    file: File,
    sandbox: &Sandbox,
    target: &Inside,
    limits: Limits,
    stop: Stop,
) -> Result<(), Cause> {
    let file = BufReader::with_capacity(128 << 10, file);
    let place = Place { sandbox, archive: target, limits };
    let bounded = |from| Bounded::new(from, limits.unpacked_bytes_max, stop.clone());
    match archive {
        Archive::Tar(packing) => tar::unpack(bounded(unpacked(packing, file)), place),
        Archive::Gz => gunzip(bounded(unpacked(Packing::Gzip, file)), sandbox, target, limits),
        Archive::Zip => zip::unpack(file, place, &stop),
    }
}

fn unpacked(packing: Packing, file: BufReader<File>) -> Box<dyn Read> {
    match packing {
        Packing::Plain => Box::new(file),
        Packing::Gzip => Box::new(MultiGzDecoder::new(file)),
        Packing::Bzip2 => Box::new(MultiBzDecoder::new(file)),
        Packing::Xz => Box::new(Xz::new(file)),
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

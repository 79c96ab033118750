//! What a container sees of the file system: its own /proc and its own /tmp.
//!
//! Mounts of the host go on to appear and vanish inside (a disk that is unmounted
//! there must not be kept busy here), never the other way round. /tmp is the
//! directory `.tmp` of the sandbox: it counts as the task's disk, is removed with
//! the sandbox, and its pages are not the task's memory as a tmpfs's would be.

use std::{
    os::fd::{AsRawFd as _, OwnedFd},
    path::{Component, Path},
};

use mezzo_proto::mezzo::store::v1::{VolumeMount, Walls};
use rustix::{
    fs::{CWD, Mode, OFlags, mkdirat, openat},
    io::Errno,
    mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change, mount_remount},
};

const PRIVATE_TMP: &str = ".tmp";

/// Mounts what `walls` asks for. This process must be in a mount namespace of its own by then.
pub fn raise(walls: Walls, sandbox: &str, volumes: &[VolumeMount]) -> Result<(), String> {
    if !walls.mount && !walls.pid {
        return Ok(());
    }
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::DOWNSTREAM)
        .map_err(|error| format!("Failed to keep the container's mounts to itself: {error}"))?;
    // Opened first: a private /tmp may cover them.
    let opened: Vec<_> = volumes.iter().map(open_volume).collect::<Result<_, String>>()?;
    if walls.mount {
        private_tmp(sandbox).map_err(|error| format!("Failed to make a private /tmp: {error}"))?;
    }
    for (volume, source) in volumes.iter().zip(&opened) {
        put_volume(sandbox, volume, source).map_err(|error| {
            format!(
                "Failed to mount the persistent volume `{}` at `{}`: {error}",
                volume.source, volume.target
            )
        })?;
    }
    if walls.pid {
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        mount("proc", "/proc", "proc", flags, None)
            .map_err(|error| format!("Failed to mount /proc: {error}"))?;
    }
    Ok(())
}

fn open_volume(volume: &VolumeMount) -> Result<OwnedFd, String> {
    openat(CWD, volume.source.as_str(), OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| format!("Failed to open the persistent volume `{}`: {error}", volume.source))
}

/// No part of the way may be a link: what was fetched could lead it anywhere.
fn put_volume(sandbox: &str, volume: &VolumeMount, source: &OwnedFd) -> rustix::io::Result<()> {
    let place = place_in(sandbox, &volume.target)?;
    mount_bind(by_descriptor(source), by_descriptor(&place))?;
    if volume.is_read_only {
        // Opened again: this is the mount, and that was what it covers.
        let mounted = place_in(sandbox, &volume.target)?;
        mount_remount(by_descriptor(&mounted), MountFlags::BIND | MountFlags::RDONLY, "")?;
    }
    Ok(())
}

fn place_in(sandbox: &str, target: &str) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut place = openat(CWD, sandbox, flags, Mode::empty())?;
    for part in Path::new(target).components() {
        let Component::Normal(name) = part else { return Err(Errno::INVAL) };
        place = directory_in(&place, name, Mode::from_raw_mode(0o755))?;
    }
    Ok(place)
}

fn private_tmp(sandbox: &str) -> rustix::io::Result<()> {
    let sandbox_directory =
        openat(CWD, sandbox, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let own = directory_in(&sandbox_directory, PRIVATE_TMP, Mode::from_raw_mode(0o1777))?;
    mount_bind(by_descriptor(&own), "/tmp")?;
    // A sandbox below /tmp has just been covered: it is put back at its place.
    let Ok(below) = Path::new(sandbox).strip_prefix("/tmp") else { return Ok(()) };
    let mut place = own;
    for part in below.components() {
        let Component::Normal(name) = part else { return Err(Errno::INVAL) };
        place = directory_in(&place, name, Mode::from_raw_mode(0o755))?;
    }
    // Opened again through the new mount: what is bound onto the covered one would stay covered.
    mount_bind(by_descriptor(&sandbox_directory), sandbox)
}

/// Opens a directory, made if it is missing. What was fetched may have put a link in its place: that is refused.
fn directory_in(
    parent: &OwnedFd,
    name: impl rustix::path::Arg + Copy,
    mode: Mode,
) -> rustix::io::Result<OwnedFd> {
    match mkdirat(parent, name, mode) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error),
    }
    openat(parent, name, OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

fn by_descriptor(directory: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", directory.as_raw_fd())
}

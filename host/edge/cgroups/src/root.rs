use std::{
    collections::BTreeSet,
    fs, io,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use mezzo_linux::{mount_table, xattr};
use mezzo_model::container::Limits;

use crate::{
    CgroupError, Group, Kind,
    controller::Controller,
    mounts::{self, Found},
    place::Place,
    v1,
};

/// Set on an agent's own directories, so that an agent whose root lies above does not take them for a
/// container that nobody knows.
const MARK: &str = "trusted.mezzo.root";
/// How deep another agent's root may lie below ours and still be seen as one.
const ROOT_DEPTH_MAX: u32 = 4;

/// An agent's directory in each hierarchy that its containers use.
#[derive(Clone, Debug)]
pub struct Root(Arc<Vec<Seat>>);

/// One controller: where, and how it is spoken to.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) kind: Kind,
    pub(crate) place: Place,
    pub(crate) controller: Box<dyn Controller>,
}

impl Root {
    /// Finds the hierarchies of `kinds` below `hierarchy` (`/sys/fs/cgroup`) and makes the group `root`
    /// (`mezzo`, or nested: `mezzo/agent-5051`) at the top of each.
    ///
    /// # Errors
    /// When a controller is missing, and when this process may not make groups.
    pub fn prepare(hierarchy: &Path, root: &str, kinds: &[Kind]) -> Result<Self, CgroupError> {
        let names = names(root)?;
        let table = mount_table::own().map_err(|source| CgroupError::Io {
            verb: "read",
            path: "/proc/self/mountinfo".into(),
            source,
        })?;
        let mut kinds = kinds.to_vec();
        let seat = |kind| match mounts::find(&table, hierarchy, kind, |mount| unified_has(mount, kind)) {
            Found::V1(mount) => seat_v1(kind, mount, &names),
            Found::V2(mount) => Err(CgroupError::Unified { kind, mount }),
            Found::Nowhere => Err(CgroupError::NotMounted { kind, hierarchy: hierarchy.to_owned() }),
        };
        let find = |kind| mounts::find(&table, hierarchy, kind, |mount| unified_has(mount, kind));
        if kinds.contains(&Kind::Cpu) && counts_elsewhere(&find(Kind::Cpu), &find(Kind::CpuAccount)) {
            kinds.push(Kind::CpuAccount);
        }
        kinds.sort_unstable();
        kinds.dedup();
        Ok(Self(Arc::new(kinds.into_iter().map(seat).collect::<Result<_, _>>()?)))
    }

    /// Makes the groups that `limits` need, and the freezer's, and sets the limits.
    ///
    /// # Errors
    /// When the kernel refuses one; what was made by then is removed again.
    pub fn make(&self, name: &str, limits: &Limits) -> Result<Group, CgroupError> {
        Group::make(self.0.clone(), name, limits)
    }

    /// The groups of this name that are there, whoever made them.
    pub fn find(&self, name: &str) -> Group {
        Group::find(self.0.clone(), name)
    }

    /// Names of all containers that have a group in any hierarchy.
    ///
    /// # Errors
    /// When a hierarchy cannot be listed.
    pub fn names(&self) -> Result<BTreeSet<String>, CgroupError> {
        let mut names = BTreeSet::new();
        for seat in self.0.iter() {
            for name in seat.place.groups_below(".")? {
                if !holds_agents(&seat.place.path_of(&name)) {
                    names.insert(name);
                }
            }
        }
        Ok(names)
    }
}

/// Whether used time is counted in a hierarchy of its own.
fn counts_elsewhere(cpu: &Found, account: &Found) -> bool {
    matches!((cpu, account), (Found::V1(cpu), Found::V1(account)) if cpu != account)
}

fn seat_v1(kind: Kind, mount: PathBuf, names: &[&str]) -> Result<Seat, CgroupError> {
    let mut path = mount;
    for name in names {
        path.push(name);
        match fs::create_dir(&path) {
            Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
                return Err(CgroupError::Io { verb: "make", path, source });
            }
            Ok(()) | Err(_) => {}
        }
        if kind == Kind::Memory {
            v1::memory::count_children(&path);
        }
    }
    xattr::set_mark(&path, MARK).map_err(|source| CgroupError::Io {
        verb: "mark",
        path: path.clone(),
        source,
    })?;
    Ok(Seat { kind, place: Place::open(path)?, controller: v1::controller(kind) })
}

/// Whether `path` is, or leads to, an agent's own directory.
fn holds_agents(path: &Path) -> bool {
    fn within(path: &Path, depth: u32) -> bool {
        xattr::has_mark(path, MARK)
            || depth < ROOT_DEPTH_MAX
                && fs::read_dir(path).is_ok_and(|entries| {
                    let mut below =
                        entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
                    below.any(|entry| within(&entry.path(), depth + 1))
                })
    }
    within(path, 0)
}

fn names(root: &str) -> Result<Vec<&str>, CgroupError> {
    let bad = || CgroupError::BadRoot { root: root.to_owned() };
    let name = |part| match part {
        Component::Normal(name) => name.to_str().ok_or_else(bad),
        _ => Err(bad()),
    };
    let names = Path::new(root).components().map(name).collect::<Result<Vec<_>, _>>()?;
    if names.is_empty() || names.len() > ROOT_DEPTH_MAX as usize { Err(bad()) } else { Ok(names) }
}

fn unified_has(mount: &Path, kind: Kind) -> bool {
    // The freezer is part of the second version itself and not listed.
    kind == Kind::Freezer
        || fs::read_to_string(mount.join("cgroup.controllers"))
            .is_ok_and(|list| list.split_whitespace().any(|name| name == kind.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_that_leads_out_is_refused() {
        for root in ["", "/mezzo", "mezzo/../..", ".", "a/b/c/d/e"] {
            assert!(names(root).is_err(), "{root}");
        }
        assert_eq!(names("mezzo/agent-5051").unwrap(), ["mezzo", "agent-5051"]);
    }

    #[test]
    fn missing_controller_is_named() {
        let nowhere = tempfile::tempdir().unwrap();
        let error = Root::prepare(nowhere.path(), "mezzo", &[Kind::Memory]).unwrap_err();
        assert!(error.to_string().contains("`memory` controller is not mounted"), "{error}");
    }
}

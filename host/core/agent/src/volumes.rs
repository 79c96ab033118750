//! Where the data of persistent volumes lies (spec 13 §3), and where a task sees it.

use mezzo_model::container::{VolumeMount, VolumePlace};
use mezzo_proto::mesos::v1::{resource::disk_info::source, volume::Mode};
use mezzo_resources::{Resource, Resources};

use crate::paths;

/// The directory of a volume: below the work directory, below the root of its PATH disk, or the root
/// of its MOUNT disk itself.
///
/// # Errors
///
/// Why it has none.
pub(crate) fn place(work_dir: &str, volume: &Resource) -> Result<VolumePlace, String> {
    let disk = volume.disk();
    let persistence = disk.and_then(|disk| disk.persistence.as_ref());
    let (Some(persistence), Some(role)) = (persistence, volume.reserved_to()) else {
        return Err(format!("{volume} is not a persistent volume"));
    };
    // As Mesos writes a role: a space stands where no name of a role can have one.
    let role = role.replace('/', " ");
    for part in [role.as_str(), &persistence.id] {
        if !paths::is_directory_name(part) {
            return Err(format!("'{part}' cannot be the name of a directory"));
        }
    }
    let below = |root: &str| VolumePlace {
        path: format!("{}/volumes/roles/{role}/{}", root.trim_end_matches('/'), persistence.id),
        is_whole_disk: false,
    };
    let Some(source) = disk.and_then(|disk| disk.source.as_ref()) else { return Ok(below(work_dir)) };
    let absolute = |root: Option<&String>| match root {
        Some(root) if root.starts_with('/') => Ok(root.clone()),
        Some(root) => Ok(format!("{}/{root}", work_dir.trim_end_matches('/'))),
        None => Err(format!("the disk of {volume} has no root")),
    };
    match source.r#type() {
        source::Type::Path => {
            absolute(source.path.as_ref().and_then(|path| path.root.as_ref())).map(|root| below(&root))
        }
        source::Type::Mount => {
            let path = absolute(source.mount.as_ref().and_then(|mount| mount.root.as_ref()))?;
            Ok(VolumePlace { path, is_whole_disk: true })
        }
        source::Type::Unknown | source::Type::Block | source::Type::Raw => {
            Err(format!("a volume cannot lie on the disk of {volume}"))
        }
    }
}

/// The volumes among `resources`, as a container gets them.
///
/// # Errors
///
/// Why it cannot have one of them.
pub(crate) fn mounts(work_dir: &str, resources: &Resources) -> Result<Vec<VolumeMount>, String> {
    let volumes = resources.iter().filter(|resource| resource.is_persistent_volume());
    volumes.map(|volume| mount(work_dir, volume)).collect()
}

fn mount(work_dir: &str, volume: &Resource) -> Result<VolumeMount, String> {
    let place = place(work_dir, volume)?;
    let used = volume.disk().and_then(|disk| disk.volume.as_ref());
    let used = used.ok_or_else(|| format!("{volume} does not say where the task wants it"))?;
    let path = &used.container_path;
    let is_plain = |part: &str| !matches!(part, ".." | ".");
    if path.is_empty() || path.starts_with('/') || path.contains('\0') || !path.split('/').all(is_plain) {
        return Err(format!(
            "The container path '{path}' of a persistent volume must be relative and without '..': it lies in the \
             sandbox"
        ));
    }
    Ok(VolumeMount { source: place.path, target: path.clone(), is_read_only: used.mode() == Mode::Ro })
}

#[cfg(test)]
mod tests {
    use mezzo_proto::{json::from_json, mesos::v1};

    use super::*;

    fn volume(disk: &str, role: &str) -> Resource {
        let text = format!(
            r#"{{"name":"disk","type":"SCALAR","scalar":{{"value":64}},"disk":{disk},
                "reservations":[{{"type":"DYNAMIC","role":"{role}"}}]}}"#
        );
        let message: v1::Resource = from_json(text).expect("a resource");
        Resources::from_wire(&[message]).expect("valid").iter().next().expect("one").clone()
    }

    #[test]
    fn each_kind_of_disk_has_its_place() {
        let path = |disk: &str, role: &str| place("/w", &volume(disk, role)).map(|place| place.path);
        let (id, made) = (r#""persistence":{"id":"v1"}"#, |source: &str| {
            format!(r#"{{"persistence":{{"id":"v1"}},"source":{source}}}"#)
        });
        assert_eq!(path(&format!("{{{id}}}"), "db").unwrap(), "/w/volumes/roles/db/v1");
        assert_eq!(path(&format!("{{{id}}}"), "a/b").unwrap(), "/w/volumes/roles/a b/v1");
        let on_path = made(r#"{"type":"PATH","path":{"root":"/d1/"}}"#);
        assert_eq!(path(&on_path, "db").unwrap(), "/d1/volumes/roles/db/v1");
        assert_eq!(
            path(&made(r#"{"type":"PATH","path":{"root":"d"}}"#), "db").unwrap(),
            "/w/d/volumes/roles/db/v1"
        );
        let whole = place("/w", &volume(&made(r#"{"type":"MOUNT","mount":{"root":"/m"}}"#), "db")).unwrap();
        assert_eq!((whole.path.as_str(), whole.is_whole_disk), ("/m", true));
        assert!(path(r#"{"persistence":{"id":".."}}"#, "db").is_err());
    }

    #[test]
    fn a_container_path_stays_in_the_sandbox() {
        let mounted = |path: &str| {
            let disk = format!(
                r#"{{"persistence":{{"id":"v1"}},"volume":{{"container_path":"{path}","mode":"RW"}}}}"#
            );
            mount("/w", &volume(&disk, "db")).map(|mount| mount.target)
        };
        assert_eq!(mounted("data/x").unwrap(), "data/x");
        for bad in ["", "/data", "../x", "a/../../x"] {
            assert!(mounted(bad).unwrap_err().contains("must be relative"), "{bad}");
        }
    }
}

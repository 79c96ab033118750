//! Operations on resources as transcripts write them:
//! `RESERVE what=cpus(web):2 principal=ann`, `CREATE what=disk(db):64 volume=v1:data`, …

use mezzo_proto::mesos::v1::{
    Label, Labels, Resource, Volume,
    offer::{
        Operation,
        operation::{Create, Destroy, GrowVolume, Reserve, ShrinkVolume, Type, Unreserve},
    },
    resource::{
        AllocationInfo, DiskInfo, ReservationInfo, SharedInfo,
        disk_info::{Persistence, Source, source},
        reservation_info,
    },
    value, volume,
};
use mezzo_resources::Resources;

/// Looks a word's value up.
pub type Get<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The operation of this kind that the words describe.
pub fn operation(kind: Option<Type>, get: Get<'_>) -> Operation {
    let what = |key: &str| get(key).map(|text| resources(&text, get)).unwrap_or_default();
    let one = |key: &str| what(key).into_iter().next().unwrap_or_default();
    let mut operation = Operation {
        r#type: kind.map(|kind| kind as i32),
        id: get("id").map(|value| mezzo_proto::mesos::v1::OperationId { value }),
        ..Operation::default()
    };
    if get("what").is_none() {
        return operation;
    }
    match kind {
        Some(Type::Reserve) => {
            operation.reserve = Some(Reserve { resources: what("what"), source: what("source") });
        }
        Some(Type::Unreserve) => operation.unreserve = Some(Unreserve { resources: what("what") }),
        Some(Type::Create) => operation.create = Some(Create { volumes: what("what") }),
        Some(Type::Destroy) => operation.destroy = Some(Destroy { volumes: what("what") }),
        Some(Type::GrowVolume) => {
            let mut addition = one("addition");
            addition.disk = addition
                .disk
                .and_then(|disk| disk.source)
                .map(|source| DiskInfo { source: Some(source), ..DiskInfo::default() });
            operation.grow_volume = Some(GrowVolume { volume: one("what"), addition });
        }
        Some(Type::ShrinkVolume) => {
            let subtract = get("subtract").map_or(0.0, |text| text.parse().expect("a number"));
            operation.shrink_volume =
                Some(ShrinkVolume { volume: one("what"), subtract: value::Scalar { value: subtract } });
        }
        _ => {}
    }
    operation
}

/// `cpus(eng/web):2` is reserved by an operation, if `refined` on top of what flags gave `eng`; all of
/// it by flags if `static`.
pub fn resources(text: &str, get: Get<'_>) -> Vec<Resource> {
    if let Some(zero) = text.strip_suffix(":0") {
        return vec![Resource {
            name: zero.to_owned(),
            scalar: Some(value::Scalar { value: 0.0 }),
            r#type: mezzo_proto::mesos::v1::value::Type::Scalar as i32,
            ..Resource::default()
        }];
    }
    let mut messages = Resources::parse(text, "*").expect("resources").to_wire();
    for message in &mut messages {
        if get("static").is_none() {
            reserve(message, get);
        }
        if message.name == "disk" {
            message.disk = disk(get);
            message.shared = get("shared").map(|_| SharedInfo::default());
        }
        message.allocation_info = get("alloc").map(|role| AllocationInfo { role: Some(role) });
    }
    messages
}

fn reserve(message: &mut Resource, get: Get<'_>) {
    let Some(role) = message.reservations.last().and_then(|info| info.role.clone()) else { return };
    let parents = match get("refined") {
        Some(_) => role.split_once('/').map(|(parent, _)| parent.to_owned()),
        None => None,
    };
    let labels = get("label").map(|key| Labels { labels: vec![Label { key, value: None }] });
    let info = |role: String| ReservationInfo {
        r#type: Some(reservation_info::Type::Dynamic as i32),
        role: Some(role),
        principal: get("principal"),
        labels: labels.clone(),
    };
    let parents = parents.into_iter().map(|role| ReservationInfo {
        r#type: Some(reservation_info::Type::Static as i32),
        role: Some(role),
        ..ReservationInfo::default()
    });
    message.reservations = parents.chain([info(role)]).collect();
}

/// `volume=v1:data disk=MOUNT:/m mode=RO`
fn disk(get: Get<'_>) -> Option<DiskInfo> {
    let volume = get("volume");
    let source = get("disk").map(|text| {
        let (kind, root) = text.split_once(':').expect("KIND:root");
        let kind = source::Type::from_str_name(kind).expect("a kind of disk");
        let root = Some(root.to_owned());
        Source {
            r#type: kind as i32,
            path: (kind == source::Type::Path).then(|| source::Path { root: root.clone() }),
            mount: (kind == source::Type::Mount).then(|| source::Mount { root: root.clone() }),
            ..Source::default()
        }
    });
    let persistence = volume.as_ref().map(|text| Persistence {
        id: text.split(':').next().unwrap_or_default().to_owned(),
        principal: get("principal"),
    });
    let path = volume.as_ref().and_then(|text| text.split_once(':'));
    let volume = path.map(|(_, path)| Volume {
        container_path: path.to_owned(),
        mode: if get("mode").as_deref() == Some("RO") { volume::Mode::Ro } else { volume::Mode::Rw } as i32,
        ..Volume::default()
    });
    let disk = DiskInfo { persistence, volume, source };
    (disk != DiskInfo::default()).then_some(disk)
}

/// How an operation is shown, in short.
pub fn shown(operation: &Operation) -> String {
    let kind = operation.r#type().as_str_name();
    let id = operation.id.as_ref().map_or(String::new(), |id| format!(" id={}", id.value));
    format!("{kind}{id}")
}

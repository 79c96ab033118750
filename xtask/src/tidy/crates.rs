//! Which crate may see which.

use super::{
    Finding,
    workspace::{Crate, Dependency, Workspace},
};

/// The floors of `host/`, from the ground up.
const FLOORS: [&str; 4] = ["host/core/", "host/edge/", "host/daemon/", "host/bin/"];

/// What an edge crate may see of the core.
const CORE_FOR_EDGES: [&str; 3] = ["host/core/proto", "host/core/resources", "host/core/model"];
/// And who may see more.
const CORE_FOR_SOME: [(&str, &str); 1] = [("host/edge/wasm", "host/core/slots")];

/// Libraries that only some rooms of `host/` may use. Elsewhere (examples, tests, xtask) they are free.
const FENCES: [(&[&str], &[&str]); 7] = [
    (&["wasmtime", "wasmtime-wasi"], &["host/edge/wasm"]),
    (&["hyper", "hyper-util"], &["host/edge/http", "host/edge/client", "host/edge/link"]),
    (&["reqwest", "rustls"], &["host/edge/fetcher", "host/edge/client", "host/edge/images"]),
    (&["redb"], &["host/edge/disk"]),
    (
        &["nix", "rustix", "libc"],
        &[
            "host/edge/linux",
            "host/edge/cgroups",
            "host/bin/init",
            // The lock of the work directory.
            "host/edge/disk",
            // The table of accounts.
            "host/edge/fetcher",
            // Numbers of open(2).
            "host/edge/api",
            // The time on a thread's CPU.
            "host/edge/wasm",
            // Who we are, and signals to our own children.
            "host/bin/mezzo",
        ],
    ),
    (&["anyhow"], &["host/bin/mezzo", "host/bin/init"]),
    (
        &["cap-std"],
        &["host/edge/disk", "host/edge/fetcher", "host/edge/images", "host/edge/api", "host/edge/containers"],
    ),
];

/// Everything from outside that the core may use: each is a pure function of its arguments.
const PURE: [&str; 15] = [
    "base64",
    "bytes",
    "crc32c",
    "insta",
    "itoa",
    "prost",
    "prost-build",
    "prost-reflect",
    "prost-types",
    "proptest",
    "protox",
    "serde",
    "serde_json",
    "thiserror",
    "zmij",
];

fn manifest(krate: &Crate) -> String {
    format!("{}/Cargo.toml", krate.dir)
}

fn floor(dir: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| dir.starts_with(floor))
}

fn each_arrow(workspace: &Workspace) -> impl Iterator<Item = (&Crate, &Dependency)> {
    workspace
        .crates
        .iter()
        .flat_map(|krate| krate.dependencies.iter().map(move |dependency| (krate, dependency)))
}

/// Floors only see lower floors, plugins only their kit, examples only the wire.
pub fn arrows_point_down(workspace: &Workspace) -> Vec<Finding> {
    let ours =
        each_arrow(workspace).filter_map(|(krate, dependency)| Some((krate, dependency.dir.as_deref()?)));
    ours.filter_map(|(krate, to)| {
        let why = match (floor(&krate.dir), floor(to)) {
            (Some(from), Some(onto)) if onto > from => "the arrow points up",
            (Some(from @ 2..), Some(onto)) if onto == from => "daemons and programs do not see each other",
            (Some(_), None) => "nothing in host/ depends on what is outside of it",
            (None, _) if krate.dir.starts_with("plugins/") && !to.starts_with("sdk/") => {
                "a plugin sees its kit only"
            }
            (None, Some(_)) if krate.dir.starts_with("sdk/") => "a kit sees wit/ only",
            (None, _) if krate.dir.starts_with("examples/") && !to.starts_with("sdk/") => {
                "an example uses the public wire, as a stranger would"
            }
            _ => return None,
        };
        Some(Finding::of_file(&manifest(krate), format!("depends on `{to}`: {why}")))
    })
    .collect()
}

/// An edge knows nouns and wire, never a rule.
pub fn edges_see_little(workspace: &Workspace) -> Vec<Finding> {
    let from_edges = each_arrow(workspace).filter(|(krate, _)| krate.dir.starts_with("host/edge/"));
    from_edges
        .filter_map(|(krate, dependency)| {
            let to = dependency.dir.as_deref().filter(|dir| dir.starts_with("host/core/"))?;
            let is_allowed =
                CORE_FOR_EDGES.contains(&to) || CORE_FOR_SOME.contains(&(krate.dir.as_str(), to));
            let says = format!("depends on `{to}`: an edge crate sees {} at most", CORE_FOR_EDGES.join(", "));
            (!is_allowed).then(|| Finding::of_file(&manifest(krate), says))
        })
        .collect()
}

/// Libraries with a world behind them are used in few rooms.
pub fn fences(workspace: &Workspace) -> Vec<Finding> {
    let from_host = each_arrow(workspace)
        .filter(|(krate, dependency)| krate.dir.starts_with("host/") && !dependency.is_dev);
    from_host
        .filter_map(|(krate, dependency)| {
            let (_, rooms) = FENCES.iter().find(|(names, _)| names.contains(&dependency.name.as_str()))?;
            let says = format!("`{}` may only be used in {}", dependency.name, rooms.join(", "));
            (!rooms.contains(&krate.dir.as_str())).then(|| Finding::of_file(&manifest(krate), says))
        })
        .collect()
}

/// The core uses nothing that could reach out, not even in its tests.
pub fn core_is_pure(workspace: &Workspace) -> Vec<Finding> {
    let from_core = each_arrow(workspace).filter(|(krate, _)| krate.dir.starts_with("host/core/"));
    from_core
        .filter(|(_, dependency)| dependency.dir.is_none() && !PURE.contains(&dependency.name.as_str()))
        .map(|(krate, dependency)| {
            let says = format!("`{}` is not among the libraries that the core may use", dependency.name);
            Finding::of_file(&manifest(krate), says)
        })
        .collect()
}

/// Versions, edition, licence and lints stand in the workspace's manifest and nowhere else.
pub fn manifests_inherit(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for krate in &workspace.crates {
        let path = manifest(krate);
        let Some(parsed) = workspace.text(&path).and_then(|text| text.parse::<toml::Table>().ok()) else {
            continue;
        };
        let mut say = |says: String| findings.push(Finding::of_file(&path, says));
        let inherits = |value: Option<&toml::Value>| {
            value.and_then(|value| value.get("workspace")).and_then(toml::Value::as_bool) == Some(true)
        };
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            if !inherits(parsed.get("package").and_then(|package| package.get(key))) {
                say(format!("`{key}` is not the workspace's: write `{key}.workspace = true`"));
            }
        }
        if !inherits(parsed.get("lints")) {
            say("lints are not the workspace's: write `[lints] workspace = true`".to_owned());
        }
        for (name, value) in dependency_tables(&parsed).flatten() {
            if !inherits(Some(value)) {
                say(format!("`{name}` has a version of its own: put it into the workspace's table"));
            }
        }
    }
    findings
}

/// Every table of dependencies in a manifest, those of targets included.
fn dependency_tables(manifest: &toml::Table) -> impl Iterator<Item = &toml::Table> {
    const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let targets =
        manifest.get("target").and_then(toml::Value::as_table).into_iter().flat_map(|table| table.values());
    let places = std::iter::once(manifest).chain(targets.filter_map(toml::Value::as_table));
    places.flat_map(|place| KINDS.iter().filter_map(move |kind| place.get(*kind)?.as_table()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(rule: fn(&Workspace) -> Vec<Finding>, dir: &str, dependencies: &[&str]) -> usize {
        rule(&Workspace::default().with_crate(dir, dependencies)).len()
    }

    #[test]
    fn arrow_up_or_out_is_noticed() {
        for (dir, to) in [
            ("host/core/model", "host/edge/disk"),
            ("host/edge/disk", "host/daemon/master"),
            ("host/daemon/master", "host/daemon/agent"),
            ("host/daemon/master", "host/bin/mezzo"),
            ("host/bin/mezzo", "plugins/allocator-drf"),
            ("host/core/ledger", "sdk/rust"),
            ("host/bin/mezzo", "tests/sim"),
            ("plugins/allocator-drf", "host/core/model"),
            ("sdk/rust", "host/core/model"),
            ("examples/frameworks/wordcount", "host/edge/client"),
        ] {
            assert_eq!(broken(arrows_point_down, dir, &[to]), 1, "{dir} -> {to}");
        }
    }

    #[test]
    fn arrow_down_or_beside_is_fine() {
        for (dir, to) in [
            ("host/core/ledger", "host/core/model"),
            ("host/edge/containers", "host/edge/linux"),
            ("host/edge/disk", "host/core/model"),
            ("host/bin/mezzo", "host/daemon/agent"),
            ("plugins/allocator-drf", "sdk/rust"),
            ("tests/sim", "plugins/allocator-drf"),
            ("tests/sim", "host/core/master"),
        ] {
            assert_eq!(broken(arrows_point_down, dir, &[to]), 0, "{dir} -> {to}");
        }
    }

    #[test]
    fn edge_that_knows_a_rule_is_noticed() {
        assert_eq!(broken(edges_see_little, "host/edge/api", &["host/core/ledger"]), 1);
        assert_eq!(broken(edges_see_little, "host/edge/api", &["host/core/slots"]), 1);
        assert_eq!(broken(edges_see_little, "host/edge/wasm", &["host/core/slots"]), 0);
        assert_eq!(broken(edges_see_little, "host/edge/api", &["host/core/model", "host/core/proto"]), 0);
    }

    #[test]
    fn library_outside_its_fence_is_noticed() {
        assert_eq!(broken(fences, "host/daemon/master", &["wasmtime"]), 1);
        assert_eq!(broken(fences, "host/edge/api", &["hyper"]), 1);
        assert_eq!(broken(fences, "host/edge/link", &["hyper"]), 0);
        assert_eq!(broken(fences, "host/edge/containers", &["nix"]), 1);
        assert_eq!(broken(fences, "host/edge/disk", &["anyhow"]), 1);
        assert_eq!(broken(fences, "examples/frameworks/wordcount", &["hyper"]), 0);
    }

    #[test]
    fn library_that_reaches_out_of_the_core_is_noticed() {
        for library in ["tokio", "rand", "getrandom", "tracing", "anyhow", "chrono"] {
            assert_eq!(broken(core_is_pure, "host/core/model", &[library]), 1, "{library}");
        }
        assert_eq!(broken(core_is_pure, "host/core/model", &["prost", "thiserror", "host/core/proto"]), 0);
        assert_eq!(broken(core_is_pure, "host/edge/disk", &["tokio"]), 0);
    }

    #[test]
    fn version_of_its_own_is_noticed() {
        let good = "[package]\nname = \"a\"\nversion.workspace = true\nedition.workspace = true\n\
                    rust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n\
                    [dependencies]\nserde = { workspace = true, features = [\"rc\"] }\n[lints]\nworkspace = true\n";
        let check = |text: &str| {
            let workspace = Workspace::default().with_crate("host/core/a", &[]);
            manifests_inherit(&workspace.with_file("host/core/a/Cargo.toml", text))
        };
        assert_eq!(check(good), []);
        assert_eq!(
            check(&good.replace("serde = { workspace = true,", "serde = { version = \"1\",")).len(),
            1
        );
        assert_eq!(check(&good.replace("license.workspace = true", "license = \"MIT\"")).len(), 1);
        assert_eq!(check(&good.replace("[lints]\nworkspace = true\n", "")).len(), 1);
        let target = format!("{good}[target.'cfg(unix)'.dependencies]\nnix = \"1\"\n");
        assert_eq!(check(&target).len(), 1);
    }
}

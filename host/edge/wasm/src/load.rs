//! From bytes to a component that may be asked: every import and export is checked beforehand.
//!
//! A plugin that cannot work is refused here, with a sentence for its author, and not when the
//! cluster waits for its first answer.

use sha2::{Digest as _, Sha256};
use wasmtime::component::{
    Component, ComponentNamedList, Lift, Linker, Lower,
    types::{Component as ComponentType, ComponentItem},
};

use mezzo_slots::{Digest, Failure};

use crate::{
    bindings::{
        AllocatorPre,
        exports::mezzo::plugin::{allocation, lifecycle},
    },
    cache::Cache,
    guest::Guest,
    inert,
    runtime::Runtime,
};

/// The interfaces an allocator exports.
const LIFECYCLE: &str = "mezzo:plugin/lifecycle@1.0.0";
const ALLOCATION: &str = "mezzo:plugin/allocation@1.0.0";
const WORLD: &str = "mezzo:plugin/allocator@1.0.0";

/// Why bytes are not a plugin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// Something else altogether.
    #[error("this is not WebAssembly: it begins with {0}; give the .wasm file of a component")]
    NotWasm(String),

    /// A core module.
    #[error(
        "this is a core WebAssembly module, not a component: build it for a component target \
         (in Rust `--target wasm32-wasip2`) or wrap it with `wasm-tools component new`"
    )]
    CoreModule,

    /// Cut off, or with errors in it.
    #[error("the component is truncated or damaged, build or copy it again: {0}")]
    Damaged(String),

    /// No or another world.
    #[error(
        "the component does not export `{missing}`, as plugins of the world `{WORLD}` do; it exports {found}: \
         build it against wit/v1 with that world"
    )]
    WrongWorld {
        /// The interface that is not there.
        missing: &'static str,
        /// What there is instead.
        found: String,
    },

    /// An export of the right name and the wrong shape.
    #[error(
        "`{function}` of `{interface}` has other types than the host's: build it against this version's \
         wit/v1 ({reason})"
    )]
    WrongShape {
        /// The interface.
        interface: &'static str,
        /// The function in it.
        function: &'static str,
        /// What differs.
        reason: String,
    },

    /// An import that has to be granted.
    #[error(
        "the component imports `{import}`, which needs the grant `{grant}`: plugins of the allocator slot \
         cannot be given it, so remove the import"
    )]
    NotGranted {
        /// The interface.
        import: String,
        /// The grant that would allow it.
        grant: &'static str,
    },

    /// An import that no host has.
    #[error(
        "the component imports `{import}`, which this host does not have: an allocator may import \
         `mezzo:plugin/log`, `mezzo:plugin/metric` and what toolchains add of WASI 0.2 (cli, io, clocks, \
         random, filesystem, sockets)"
    )]
    UnknownImport {
        /// The interface.
        import: String,
    },

    /// An import that has the name of something the host has, and another shape.
    #[error("an import of the component does not fit this host, build it against this version's wit/v1: {0}")]
    Unlinkable(String),

    /// The machine, not the plugin.
    #[error("the engine for plugins: {0}")]
    Engine(String),

    /// The cache of compiled code.
    #[error(transparent)]
    Cache(#[from] crate::cache::CacheError),
}

impl LoadError {
    /// Tells a component from other bytes by its first eight.
    pub(crate) fn look_at(bytes: &[u8]) -> Result<(), Self> {
        match bytes {
            [0, b'a', b's', b'm', _, _, 1, 0, ..] => Ok(()),
            [0, b'a', b's', b'm', _, _, 0, 0, ..] => Err(Self::CoreModule),
            [0, b'a', b's', b'm', ..] => Err(Self::Damaged("the header is incomplete".to_owned())),
            [] => Err(Self::NotWasm("nothing".to_owned())),
            other => Err(Self::NotWasm(format!("{:02x?}", &other[..other.len().min(8)]))),
        }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        Self::Refused(error.to_string())
    }
}

/// The digest by which a plugin is known.
pub fn digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// What a component says of itself before anything of it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// What it is.
    pub digest: Digest,
    /// What it imports, in its order.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// Why it cannot be a plugin, if it cannot.
    pub problem: Option<String>,
}

/// Looks at a component, whatever its world.
///
/// # Errors
///
/// When the bytes are no component.
pub fn inspect(runtime: &Runtime, bytes: &[u8]) -> Result<Inspected, LoadError> {
    let component = runtime.load_compiled(&runtime.compile(bytes)?)?;
    let component_type = component.component_type();
    let names = |name: &str| name.to_owned();
    Ok(Inspected {
        digest: digest(bytes),
        imports: component_type.imports(runtime.engine()).map(|(name, _)| names(name)).collect(),
        exports: component_type.exports(runtime.engine()).map(|(name, _)| names(name)).collect(),
        problem: Plugin::of(runtime, bytes, &component).err().map(|error| error.to_string()),
    })
}

/// A component that passed the checks, ready to be instantiated any number of times.
#[derive(Clone)]
pub struct Plugin {
    pub(crate) runtime: Runtime,
    pub(crate) pre: AllocatorPre<Guest>,
    digest: Digest,
}

impl Plugin {
    /// Compiles and checks an allocator. With a cache, what was compiled before is not compiled
    /// again.
    ///
    /// Takes a second of processor time for a large component: not on a daemon's loop.
    ///
    /// # Errors
    ///
    /// Says what the plugin's author has to do.
    pub fn load(runtime: &Runtime, bytes: &[u8], cache: Option<&Cache>) -> Result<Self, LoadError> {
        LoadError::look_at(bytes)?;
        let component = match cache {
            Some(cache) => cache.load(runtime, &digest(bytes), bytes)?,
            None => runtime.load_compiled(&runtime.compile(bytes)?)?,
        };
        Self::of(runtime, bytes, &component)
    }

    fn of(runtime: &Runtime, bytes: &[u8], component: &Component) -> Result<Self, LoadError> {
        let component_type = component.component_type();
        check_imports(runtime, &component_type)?;
        check_exports(runtime, &component_type)?;
        let mut linker = Linker::new(runtime.engine());
        inert::add_to_linker(&mut linker).map_err(|error| LoadError::Engine(format!("{error:#}")))?;
        let unlinkable = |error: wasmtime::Error| LoadError::Unlinkable(format!("{error:#}"));
        let pre = linker.instantiate_pre(component).map_err(unlinkable)?;
        let pre = AllocatorPre::new(pre).map_err(unlinkable)?;
        Ok(Self { runtime: runtime.clone(), pre, digest: digest(bytes) })
    }

    /// What the plugin is.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin").field("digest", &self.digest).finish_non_exhaustive()
    }
}

/// Names the first import that is not always there. Whether the others have the right shape is
/// for the linker to say.
fn check_imports(runtime: &Runtime, component: &ComponentType) -> Result<(), LoadError> {
    const INERT: [&str; 6] =
        ["wasi:cli/", "wasi:io/", "wasi:clocks/", "wasi:random/", "wasi:filesystem/", "wasi:sockets/"];
    const HOST: [&str; 3] = ["mezzo:plugin/types", "mezzo:plugin/log", "mezzo:plugin/metric"];
    const BY_GRANT: [(&str, &str); 4] = [
        ("wasi:http/", "http"),
        ("wasi:keyvalue/", "kv"),
        ("mezzo:plugin/kv", "kv"),
        ("mezzo:plugin/secrets", "secrets"),
    ];
    for (import, _) in component.imports(runtime.engine()) {
        let (name, version) = import.split_once('@').unwrap_or((import, ""));
        let is_inert = version.starts_with("0.2.") && INERT.iter().any(|prefix| name.starts_with(prefix));
        let is_host = version.starts_with("1.") && HOST.contains(&name);
        if is_inert || is_host {
            continue;
        }
        let import = import.to_owned();
        let granted = BY_GRANT.iter().find(|(prefix, _)| name.starts_with(prefix));
        return Err(match granted {
            Some((_, grant)) => LoadError::NotGranted { import, grant },
            None => LoadError::UnknownImport { import },
        });
    }
    Ok(())
}

fn check_exports(runtime: &Runtime, component: &ComponentType) -> Result<(), LoadError> {
    use allocation::{Batch, Proposal, StepError};

    check_export::<(), (lifecycle::Identity,)>(runtime, component, LIFECYCLE, "describe")?;
    check_export::<(&str,), (Result<(), String>,)>(runtime, component, LIFECYCLE, "configure")?;
    check_export::<(Batch<'_>,), (Result<Proposal, StepError>,)>(runtime, component, ALLOCATION, "step")
}

fn check_export<Params, Return>(
    runtime: &Runtime,
    component: &ComponentType,
    interface: &'static str,
    function: &'static str,
) -> Result<(), LoadError>
where
    Params: ComponentNamedList + Lower,
    Return: ComponentNamedList + Lift,
{
    let engine = runtime.engine();
    let Some(ComponentItem::ComponentInstance(instance)) =
        component.get_export(engine, interface).map(|found| found.ty)
    else {
        let found: Vec<String> = component.exports(engine).map(|(name, _)| format!("`{name}`")).collect();
        let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
        return Err(LoadError::WrongWorld { missing: interface, found });
    };
    let found = instance.get_export(engine, function).map(|found| found.ty);
    let Some(ComponentItem::ComponentFunc(found)) = found else {
        return Err(LoadError::WrongShape { interface, function, reason: "it is not there".to_owned() });
    };
    found.typecheck::<Params, Return>(&component.instance_type()).map_err(|error| LoadError::WrongShape {
        interface,
        function,
        reason: format!("{error:#}"),
    })
}

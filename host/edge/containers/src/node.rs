use std::{
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use mezzo_cgroups::{Kind, Root};
use mezzo_linux::{account, eventfd::EventFd, host, lock};
use mezzo_model::{
    container::{Ask, Report},
    ids::ContainerId,
};

use crate::{
    config::{LauncherKind, NodeConfig, NodeError},
    directory::Directory,
    install::install,
    keeper::Keeper,
    meter::Meter,
};

/// How long to wait for the former agent's launcher to finish what it began.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// The containers of this machine that belong to one agent.
///
/// Dropping it stops the watching and nothing else.
#[derive(Debug)]
pub struct Node {
    inbox: Inbox,
    thread: Option<JoinHandle<()>>,
    meter: Meter,
}

impl Node {
    /// Takes the runtime directory, starts the launcher and the thread that watches. Containers of a former
    /// life are left alone until [`Ask::Recover`] says which are known.
    ///
    /// `on_report` is called on the node's thread and must not wait.
    ///
    /// # Errors
    /// When something is missing that `config` needs: never later.
    pub fn start(config: NodeConfig, on_report: impl Fn(Report) + Send + 'static) -> Result<Self, NodeError> {
        let groups = groups(&config.launcher)?;
        make(&config.runtime_dir)?;
        let held = hold(&config.runtime_dir)?;
        let directory = Directory { path: config.runtime_dir.clone() };
        forget_former_boot(&directory)?;
        make(&directory.containers())?;
        let init = config.runtime_dir.join("init");
        let program = install(&init, &config.init).map_err(failed("write", &init))?;
        let kernel = |verb| move |source| NodeError::Kernel { verb, source };
        let inbox = Inbox::new().map_err(kernel("make an event counter"))?;
        let meter = Meter::new(groups.clone());
        let keeper =
            Keeper::start(config, directory, groups, (program, held), inbox.clone(), Box::new(on_report))?;
        let thread = thread::Builder::new().name("node".to_owned()).spawn(move || keeper.run());
        Ok(Self { inbox, thread: Some(thread.map_err(kernel("start a thread"))?), meter })
    }

    /// What reads the containers' use, apart from the node's own thread.
    pub fn meter(&self) -> Meter {
        self.meter.clone()
    }

    /// Takes note of `ask` and returns at once; the answer is a report. At most one launch, one destruction and
    /// a few signals per container wait here, which is what the core asks for.
    pub fn ask(&self, ask: Ask) {
        self.inbox.put(Note::Ask(ask));
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.inbox.put(Note::Stop);
        if let Some(thread) = self.thread.take() {
            // It panicked or it did not: it has ended.
            let _ = thread.join();
        }
    }
}

/// What the thread is told.
#[derive(Debug)]
pub(crate) enum Note {
    Ask(Ask),
    Fetched { container: ContainerId, result: Result<(), String> },
    VolumesRemoved { operation: String, result: Result<(), String> },
    Stop,
}

/// Where the thread is told it.
#[derive(Clone, Debug)]
pub(crate) struct Inbox(Arc<(Mutex<Vec<Note>>, EventFd)>);

impl Inbox {
    fn new() -> io::Result<Self> {
        Ok(Self(Arc::new((Mutex::new(Vec::new()), EventFd::new()?))))
    }

    pub(crate) fn put(&self, note: Note) {
        let (notes, bell) = &*self.0;
        let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push(note);
        // One ring is enough for all that lie there.
        if notes.len() == 1 {
            bell.add();
        }
    }

    pub(crate) fn take(&self) -> Vec<Note> {
        let (notes, bell) = &*self.0;
        let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
        bell.take();
        std::mem::take(&mut *notes)
    }

    pub(crate) fn bell(&self) -> &EventFd {
        &self.0.1
    }
}

fn groups(launcher: &LauncherKind) -> Result<Option<Root>, NodeError> {
    let LauncherKind::Linux { cgroups_hierarchy, cgroups_root, controllers } = launcher else {
        return Ok(None);
    };
    if account::effective_uid() != 0 {
        return Err(NodeError::NotRoot);
    }
    let mut kinds = controllers.clone();
    kinds.push(Kind::Freezer);
    Root::prepare(cgroups_hierarchy, cgroups_root, &kinds).map(Some).map_err(NodeError::Cgroups)
}

fn failed(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> NodeError {
    let path = PathBuf::from(path);
    move |source| NodeError::Directory { verb, path, source }
}

/// Nobody else may look in: whoever reaches the sockets can signal containers.
fn make(path: &Path) -> Result<(), NodeError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("make", path))
}

fn hold(runtime_dir: &Path) -> Result<fs::File, NodeError> {
    let path = runtime_dir.join("lock");
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        match lock::try_lock(&path).map_err(failed("lock", &path))? {
            Some(held) => return Ok(held),
            None if Instant::now() < until => thread::sleep(Duration::from_millis(20)),
            None => return Err(NodeError::Taken { runtime_dir: runtime_dir.to_owned() }),
        }
    }
}

/// What lies here from before a reboot says nothing: its processes are gone and their numbers are others'.
fn forget_former_boot(directory: &Directory) -> Result<(), NodeError> {
    let file = directory.path.join("boot_id");
    let boot = host::boot_id().map_err(failed("read", Path::new("/proc/sys/kernel/random/boot_id")))?;
    if fs::read_to_string(&file).is_ok_and(|former| former == boot) {
        return Ok(());
    }
    let containers = directory.containers();
    match fs::remove_dir_all(&containers) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failed("clear", &containers)(error));
        }
        Ok(()) | Err(_) => {}
    }
    fs::write(&file, boot).map_err(failed("write", &file))
}

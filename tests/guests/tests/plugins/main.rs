//! Real components against the engine: the default allocator, the hostile one, and what is none.
//!
//! One binary, because each that links the engine takes long to link.
#![forbid(unsafe_code)]

mod hostile;
mod refusals;
mod shipped;
mod thread;
mod twins;

use std::sync::{Arc, LazyLock, Mutex, atomic::AtomicBool};

use mezzo_slots::{AgentColumns, AgentRow, Batch, Failure, Masks, RoleRow, SeekerRow};
use mezzo_wasm::{Allocator, Figures, Limits, Line, Plugin, Runtime};

/// One engine for all tests of the process.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("an engine"));
static HOSTILE: LazyLock<Plugin> =
    LazyLock::new(|| Plugin::load(&RUNTIME, guests::allocator_hostile(), None).expect("a good component"));
static DRF: LazyLock<Plugin> =
    LazyLock::new(|| Plugin::load(&RUNTIME, guests::allocator_drf(), None).expect("a good component"));

/// What a plugin wrote to its log.
#[derive(Clone, Debug, Default)]
struct Lines(Arc<Mutex<Vec<Line>>>);

impl Lines {
    fn all(&self) -> Vec<Line> {
        self.0.lock().expect("nobody panicked with it").clone()
    }
}

fn start(plugin: &Plugin, settings: &str, limits: Limits) -> Result<(Allocator, Lines, Figures), Failure> {
    let (lines, figures) = (Lines::default(), Figures::default());
    let written = lines.clone();
    let log_to = Arc::new(move |line| written.0.lock().expect("nobody panicked with it").push(line));
    let is_stopped = Arc::new(AtomicBool::new(false));
    let allocator = Allocator::start(plugin, limits, settings, log_to, figures.clone(), is_stopped)?;
    Ok((allocator, lines, figures))
}

/// Two agents of 4 CPUs and 8 GB, two seekers in the role `*`, everything free and eligible.
fn cluster(round: u64, resync: bool) -> Batch {
    let seeker = |seeker: u32| SeekerRow {
        seeker,
        framework: seeker,
        framework_id: format!("f{seeker}"),
        ..SeekerRow::default()
    };
    let agent = |agent: u32| AgentRow {
        agent,
        agent_id: format!("a{agent}"),
        hostname: format!("host{agent}"),
        extras: vec![("zone".to_owned(), "z1".to_owned())],
    };
    Batch {
        round,
        now_ms: 1_700_000_000_123,
        seed: 42,
        resync,
        kinds: vec!["cpus".to_owned(), "mem".to_owned()],
        roles: vec![RoleRow { name: "*".to_owned(), weight_milli: 1000, ..RoleRow::default() }],
        seekers: vec![seeker(0), seeker(1)],
        agents_added: vec![agent(0), agent(1)],
        agents: AgentColumns {
            agent: vec![0, 1],
            total: vec![4_000, 8_192_000, 4_000, 8_192_000],
            open: vec![4_000, 8_192_000, 4_000, 8_192_000],
            revocable: Vec::new(),
            unavailable_from_ms: vec![u64::MAX; 2],
        },
        masks: Masks { agent: vec![0, 1], words: 1, bits: vec![0b11, 0b11] },
        consider: vec![1, 0],
        ..Batch::default()
    }
}

//! The compiled component in the policy's place.

use std::sync::{Arc, LazyLock, atomic::AtomicBool};

use mezzo_slots::{Batch, Failure, Proposal};
use mezzo_wasm::{Allocator, Figures, Limits, Plugin, Runtime};
use sim::Policy;

static PLUGIN: LazyLock<Plugin> = LazyLock::new(|| {
    let runtime = Runtime::new().expect("this machine runs plugins");
    Plugin::load(&runtime, guests::allocator_drf(), None).expect("the shipped plugin loads")
});

struct Component(Allocator);

impl Policy for Component {
    fn step(&mut self, batch: &Batch) -> Result<Proposal, Failure> {
        self.0.step(batch)
    }
}

/// A new instance of the shipped plugin, as the master runs it.
pub fn new() -> Box<dyn Policy> {
    let allocator = Allocator::start(
        &PLUGIN,
        Limits::default(),
        "{}",
        Arc::new(|line| eprintln!("{}", line.text)),
        Figures::default(),
        Arc::new(AtomicBool::new(false)),
    );
    Box::new(Component(allocator.expect("the shipped plugin starts")))
}

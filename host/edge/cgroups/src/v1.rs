//! The first version: one hierarchy per controller.

pub(crate) mod cpu;
pub(crate) mod freezer;
pub(crate) mod memory;
pub(crate) mod pids;

use crate::{Kind, controller::Controller};

pub(crate) fn controller(kind: Kind) -> Box<dyn Controller> {
    match kind {
        Kind::Freezer => Box::new(freezer::Freezer),
        Kind::Cpu => Box::new(cpu::Cpu),
        Kind::Memory => Box::new(memory::Memory),
        Kind::Pids => Box::new(pids::Pids),
    }
}

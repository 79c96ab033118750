//! What every daemon has around its core: the clock, the lanes in front of it, its flags.
//!
//! Nothing here knows which daemon it serves: the inbox takes any input that names its lane,
//! the flags any table of what is refused.
#![forbid(unsafe_code)]

mod clock;
pub mod flags;
mod inbox;

pub use clock::{Clock, part_of, seed, unique_id, wall};
pub use inbox::{Full, Inbox, LANES, Next};

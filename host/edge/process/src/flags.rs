//! Flags as words: durations, the environment and a file beside the command line, and refusals by name.

mod duration;
mod file;
mod refused;
mod words;

pub use duration::{duration, duration_text};
pub use file::from_file;
pub use refused::{Refusals, RefusedFlags, Spelling};
pub use words::{FlagError, from_environment};

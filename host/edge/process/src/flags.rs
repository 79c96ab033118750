//! Flags as words: durations, amounts, limits of the HTTP server, the environment and a file beside the command line, and refusals by name.

mod bytes;
mod duration;
mod file;
mod http;
mod refused;
mod words;

pub use bytes::{bytes, bytes_text};
pub use duration::{duration, duration_text};
pub use file::from_file;
pub use http::HttpFlags;
pub use refused::{Refusals, RefusedFlags, Spelling};
pub use words::{FlagError, from_environment};

//! The log of a master, as its flags want it.

use std::path::PathBuf;

pub use mezzo_telemetry::LogError;

use crate::Config;

/// Starts to log, for the rest of the process; returns the log file, if there is one.
///
/// # Errors
///
/// When the file cannot be opened, `MEZZO_LOG` cannot be read, or the process logs already.
pub fn start(config: &Config) -> Result<Option<PathBuf>, LogError> {
    config.log.clone().start(PROGRAM)
}

/// The name of the log file, without its ending.
pub(crate) const PROGRAM: &str = "mezzo-master";

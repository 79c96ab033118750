//! The log: short lines to standard error, and the same to a file if one is wanted.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
};

use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::Verbosity;

/// What is logged, and where to.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The least severe lines that are written.
    pub level: Level,
    /// Nothing to standard error.
    pub is_quiet: bool,
    /// A directory for `<program>.log`, made if it is not there. The file is appended to and
    /// may be moved away at any time, but is only opened at the start.
    pub directory: Option<PathBuf>,
}

/// How severe a line is, in Mesos's words and two more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Every turn and every message.
    Trace,
    /// What a person looks at when something is wrong.
    Debug,
    /// What a person wants to have seen.
    #[default]
    Info,
    /// What a person should look at.
    Warning,
    /// What went wrong.
    Error,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The directory or the file could not be made.
    #[error("cannot open the log `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The filter in `MEZZO_LOG` cannot be read.
    #[error("`MEZZO_LOG` is not a list of `target=level`")]
    Filter(#[source] tracing_subscriber::filter::ParseError),
    /// This process has a log already.
    #[error("this process logs already")]
    Twice,
}

impl Log {
    /// Starts to log, for the rest of the process. `MEZZO_LOG` outweighs the level.
    ///
    /// Returns the path of the log file, if there is one.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, `MEZZO_LOG` cannot be read, or a log was started before.
    pub fn start(self, program: &str) -> Result<Option<PathBuf>, LogError> {
        let path = self.directory.as_deref().map(|directory| directory.join(format!("{program}.log")));
        let file = path.as_deref().map(opened).transpose()?;
        let (filter, verbosity) = Verbosity::of(self.filter()?);
        let to_stderr = (!self.is_quiet).then(|| {
            tracing_subscriber::fmt::layer()
                .compact()
                .with_target(false)
                .with_ansi(io::stderr().is_terminal())
                .with_writer(io::stderr)
        });
        let to_file = file.map(|file| {
            let file = Appended(Arc::new(Mutex::new(file)));
            tracing_subscriber::fmt::layer()
                .compact()
                .with_target(false)
                .with_ansi(false)
                .with_writer(move || file.clone())
        });
        tracing_subscriber::registry()
            .with(filter)
            .with(to_stderr)
            .with(to_file)
            .try_init()
            .map_err(|_| LogError::Twice)?;
        verbosity.install();
        Ok(path)
    }

    fn filter(&self) -> Result<EnvFilter, LogError> {
        match std::env::var("MEZZO_LOG") {
            Ok(text) if !text.is_empty() => EnvFilter::try_new(text).map_err(LogError::Filter),
            _ => Ok(EnvFilter::new(self.level.filter())),
        }
    }
}

impl Level {
    /// Our crates at this level, others only when something is wrong.
    pub(crate) fn filter(self) -> &'static str {
        match self {
            Level::Trace => "trace,h2=info,hyper=info,wasmtime=info,cranelift=info",
            Level::Debug => {
                "info,mezzo=debug,mezzo_http=debug,mezzo_api=debug,mezzo_link=debug,mezzo_master=debug,mezzo_agent=debug,mezzo_containers=debug,mezzo_fetcher=debug,mezzo_wasm=debug,mezzo_disk=debug"
            }
            Level::Info => "info",
            Level::Warning => "warn",
            Level::Error => "error",
        }
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_uppercase().as_str() {
            "TRACE" => Ok(Level::Trace),
            "DEBUG" => Ok(Level::Debug),
            "INFO" => Ok(Level::Info),
            "WARNING" | "WARN" => Ok(Level::Warning),
            "ERROR" => Ok(Level::Error),
            _ => Err(format!("`{text}` is not one of TRACE, DEBUG, INFO, WARNING, ERROR")),
        }
    }
}

/// A file that several threads append to, a line at a time.
#[derive(Clone)]
struct Appended(Arc<Mutex<File>>);

impl io::Write for Appended {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

fn opened(path: &Path) -> Result<File, LogError> {
    let failed = |source| LogError::File { path: path.to_owned(), source };
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(failed)?;
    }
    OpenOptions::new().create(true).append(true).open(path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_mesos_words() {
        assert_eq!("INFO".parse(), Ok(Level::Info));
        assert_eq!("warning".parse(), Ok(Level::Warning));
        assert!("LOUD".parse::<Level>().expect_err("no level").contains("LOUD"));
    }

    #[test]
    fn every_level_is_a_filter() {
        for level in [Level::Trace, Level::Debug, Level::Info, Level::Warning, Level::Error] {
            assert!(EnvFilter::try_new(level.filter()).is_ok(), "{level:?}");
        }
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let error = opened(Path::new("/proc/nowhere/x.log")).expect_err("no such place");
        assert!(error.to_string().contains("/proc/nowhere/x.log"));
    }
}

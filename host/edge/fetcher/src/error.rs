//! Why a fetch failed, in words for the person who wrote the task.

use std::{error::Error, io, path::PathBuf, time::Duration};

use crate::sandbox::Inside;

/// Why a fetch failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The sandbox is not there or not ours.
    #[error("could not open the sandbox `{path}`", path = path.display())]
    Sandbox {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// Nobody of this name can own what is fetched.
    #[error("user `{user}` does not exist on this agent: name one that does, or leave the user out")]
    UnknownUser {
        /// As the task has it.
        user: String,
    },

    /// The accounts of the host could not be read.
    #[error("could not look up user `{user}` on this agent")]
    Accounts {
        /// As the task has it.
        user: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// One item could not be brought.
    #[error("failed to fetch `{uri}`")]
    Item {
        /// The URI, without a password.
        uri: String,
        /// What was wrong.
        #[source]
        cause: Cause,
    },
}

impl FetchError {
    /// The whole story in one line: each cause after a colon.
    pub fn in_one_line(&self) -> String {
        let mut line = self.to_string();
        let mut next = self.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            // Some libraries repeat their cause in their own text.
            if !line.ends_with(&text) {
                line.push_str(": ");
                line.push_str(&text);
            }
            next = cause.source();
        }
        line
    }
}

/// What was wrong with one item.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// A character that no URI may have here.
    #[error("Illegal characters in URI: backslash, single quote and NUL are not allowed")]
    IllegalCharacters,

    /// A web address without a path.
    #[error("Malformed URI (missing path): write it as `{scheme}://HOST/PATH`")]
    MissingPath {
        /// http or https.
        scheme: &'static str,
    },

    /// Not an address at all.
    #[error("Malformed URI: {why}")]
    Malformed {
        /// What the parser said.
        why: String,
    },

    /// `file://` and then no slash.
    #[error("File URI only supports absolute paths: write it as `file:///PATH`")]
    RelativeFileUri,

    /// A relative path and nothing it could be relative to.
    #[error("a relative path needs `--frameworks_home` set on the agent: name an absolute path, or set it")]
    NoFrameworksHome,

    /// A way of fetching that we do not have.
    #[error("scheme `{scheme}` is not supported: use http, https, file or an absolute path")]
    SchemeNotSupported {
        /// As it stands before `://`.
        scheme: String,
    },

    /// The URI ends in a slash.
    #[error("the URI names no file: end it with a file name, or set `output_file`")]
    NoFileName,

    /// `output_file: ""`
    #[error("URI output file path is empty: name a file, or leave `output_file` out")]
    OutputFileEmpty,

    /// `output_file` points elsewhere.
    #[error("URI output file must be within the sandbox directory, but `{output_file}` is not")]
    OutputFileOutside {
        /// As the task has it.
        output_file: String,
    },

    /// A local file could not be read.
    #[error("could not read `{path}` on the agent", path = path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// A directory, socket or device.
    #[error("`{path}` on the agent is {kind}, and only plain files are fetched: pack directories as .tar.gz", path = path.display())]
    NotAFile {
        /// Which one.
        path: PathBuf,
        /// In words, with an article.
        kind: &'static str,
    },

    /// Something in the sandbox could not be written.
    #[error("could not write `{target}` in the sandbox")]
    Write {
        /// Relative to the sandbox.
        target: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// The server could not be asked.
    #[error("the request failed")]
    Request {
        /// What the client said.
        #[source]
        source: reqwest::Error,
    },

    /// The server answered something else than the file.
    #[error("the server answered {status}, and only 200 OK brings a file")]
    Status {
        /// Number and words.
        status: String,
    },

    /// The connection ended or broke before the end.
    #[error("the transfer broke off after {received} bytes{}", of(*.expected))]
    BrokenOff {
        /// How much came.
        received: u64,
        /// How much was promised.
        expected: Option<u64>,
        /// What the client said.
        #[source]
        source: reqwest::Error,
    },

    /// Too slow.
    #[error("the transfer stalled: less than one byte a second for {} s after {received} bytes (--fetcher_stall_timeout)", .limit.as_secs_f64())]
    Stalled {
        /// How much came.
        received: u64,
        /// How long we waited.
        limit: Duration,
    },

    /// Too large.
    #[error("larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },

    /// An archive that we cannot open.
    #[error(
        "`{target}` is {kind}, which cannot be unpacked yet: use .tar.gz, .tgz, .tar or .gz, or set `extract` to false"
    )]
    ArchiveNotSupported {
        /// Relative to the sandbox.
        target: String,
        /// In words, with an article.
        kind: &'static str,
    },

    /// An archive whose bytes are not right.
    #[error("could not unpack `{target}`")]
    BadArchive {
        /// Relative to the sandbox.
        target: String,
        /// What the reader said.
        #[source]
        source: io::Error,
    },

    /// An archive that would do what no archive may.
    #[error("refused to unpack `{target}`: entry `{entry}` {why}")]
    BadEntry {
        /// Relative to the sandbox.
        target: String,
        /// Its name, made printable.
        entry: String,
        /// What is wrong with it.
        why: String,
    },

    /// Nobody waits for the answer any more.
    #[error("the fetch was given up")]
    GivenUp,
}

impl Cause {
    pub(crate) fn write(target: &Inside, source: io::Error) -> Self {
        Cause::Write { target: target.to_string(), source }
    }
}

/// " of N", where N is known.
fn of(expected: Option<u64>) -> String {
    expected.map(|bytes| format!(" of {bytes}")).unwrap_or_default()
}

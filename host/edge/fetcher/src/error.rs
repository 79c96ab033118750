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
        in_one_line(self)
    }
}

/// An error and what lies below it, each after a colon.
pub(crate) fn in_one_line(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
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

/// What was wrong with one item.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// A character that no URI may have here.
    #[error("Illegal characters in URI: backslash, single quote and NUL are not allowed")]
    IllegalCharacters,

    /// An address of a server without a path.
    #[error("Malformed URI (missing path): write it as `{scheme}://HOST/PATH`")]
    MissingPath {
        /// http, https, ftp or ftps.
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
        status: reqwest::StatusCode,
    },

    /// The server does not say how large the file is, so no room can be kept for it.
    #[error("the server does not say a length above zero (`Content-Length`)")]
    NoLength,

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

    /// A connection to an ftp server could not be made, or broke.
    #[error("the connection to the ftp server failed after {received} bytes")]
    Ftp {
        /// How much came.
        received: u64,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// An ftp server said no.
    #[error("the ftp server answered `{said}` when asked {asked}")]
    FtpRefused {
        /// The command, or in words.
        asked: String,
        /// Its first or only line.
        said: String,
    },

    /// The client of Hadoop that fetches every other scheme.
    #[error(
        "scheme `{scheme}` is fetched by the client of Hadoop, which {why}: set `--hadoop_home` or HADOOP_HOME, or use \
         http, https, ftp, ftps, file or an absolute path"
    )]
    Hadoop {
        /// As it stands before `://`.
        scheme: String,
        /// What is wrong with it.
        why: String,
    },

    /// No place for what a program makes.
    #[error("could not make a directory for what Hadoop's client brings")]
    Scratch {
        /// What the system said.
        #[source]
        source: io::Error,
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

    /// `#sha256=` and then something else.
    #[error("`#sha256=` must be followed by 64 hexadecimal digits, but `{text}` follows")]
    ChecksumMalformed {
        /// What stands there.
        text: String,
    },

    /// Not the bytes that the task names.
    #[error("what came has the check sum sha256={found}, but the URI says sha256={wanted}")]
    Checksum {
        /// As the URI has it.
        wanted: String,
        /// As it is.
        found: String,
    },

    /// What was just written cannot be read.
    #[error("could not read what was fetched")]
    Reread {
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// Something about the cache; the item is fetched without it.
    #[error("{why}")]
    Cache {
        /// In words.
        why: String,
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

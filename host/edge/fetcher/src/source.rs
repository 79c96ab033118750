//! The rules for a URI: where it points, and what it is called in the sandbox.

use std::path::{Path, PathBuf};

use crate::{Cause, sandbox::Inside};

/// Where an item comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file of the agent's host.
    Local(PathBuf),
    /// A web address.
    Web(reqwest::Url),
    /// A file of an ftp server.
    Ftp(reqwest::Url),
    /// Whatever Hadoop's client knows: the URI as it is.
    Hadoop {
        /// What stands before `://`.
        scheme: String,
        /// All of it.
        uri: String,
    },
}

impl Source {
    /// Reads a URI as tasks write them: a path, or a scheme and the rest.
    pub fn parse(uri: &str, frameworks_home: Option<&Path>) -> Result<Source, Cause> {
        if uri.contains(['\\', '\'', '\0']) {
            return Err(Cause::IllegalCharacters);
        }
        match uri.split_once("://") {
            None if uri.starts_with('/') => Ok(Source::Local(uri.into())),
            None => match frameworks_home {
                Some(home) => Ok(Source::Local(home.join(uri))),
                None => Err(Cause::NoFrameworksHome),
            },
            Some((scheme, rest)) => match scheme.to_ascii_lowercase().as_str() {
                "file" => local(rest),
                "http" => Ok(Source::Web(server(uri, "http", rest)?)),
                "https" => Ok(Source::Web(server(uri, "https", rest)?)),
                "ftp" => Ok(Source::Ftp(server(uri, "ftp", rest)?)),
                "ftps" => Ok(Source::Ftp(server(uri, "ftps", rest)?)),
                _ => Ok(Source::Hadoop { scheme: scheme.to_owned(), uri: uri.to_owned() }),
            },
        }
    }
}

fn local(rest: &str) -> Result<Source, Cause> {
    let path = rest.strip_prefix("localhost").filter(|path| path.starts_with('/')).unwrap_or(rest);
    match path.starts_with('/') {
        true => Ok(Source::Local(path.into())),
        false => Err(Cause::RelativeFileUri),
    }
}

fn server(uri: &str, scheme: &'static str, rest: &str) -> Result<reqwest::Url, Cause> {
    if !rest.contains('/') {
        return Err(Cause::MissingPath { scheme });
    }
    reqwest::Url::parse(uri).map_err(|error| Cause::Malformed { why: error.to_string() })
}

/// What an item is called in the sandbox: its output file, else what stands after the last slash
/// of the URI, a query included.
pub(crate) fn target(uri: &str, output_file: Option<&str>) -> Result<Inside, Cause> {
    if let Some(output_file) = output_file {
        if output_file.is_empty() {
            return Err(Cause::OutputFileEmpty);
        }
        let outside = || Cause::OutputFileOutside { output_file: output_file.to_owned() };
        return Inside::parse(Path::new(output_file)).map_err(|_| outside());
    }
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let name = rest.rsplit('/').next().unwrap_or(rest);
    match name {
        "" if rest.matches('/').count() == 1 && is_web(uri) => {
            Err(Cause::MissingPath { scheme: if uri.starts_with("https") { "https" } else { "http" } })
        }
        "" => Err(Cause::NoFileName),
        name => Inside::parse(Path::new(name)).map_err(|_| Cause::NoFileName),
    }
}

fn is_web(uri: &str) -> bool {
    uri.split_once("://").is_some_and(|(scheme, _)| {
        scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
    })
}

/// The URI as it may be written to a log: without user name and password, on one line.
pub(crate) fn shown(uri: &str) -> String {
    let plain: String = uri.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    let Some((scheme, rest)) = plain.split_once("://") else { return plain };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    match authority.rsplit_once('@') {
        Some((account, _)) => format!("{scheme}://…{}", &rest[account.len()..]),
        None => plain,
    }
}

/// An archive that can be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Archive {
    /// `.tar`, and what it is packed in.
    Tar(Packing),
    /// `.gz`: one file.
    Gz,
    /// `.zip`
    Zip,
}

/// What a stream of bytes is packed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Bzip2,
    Xz,
}

impl Archive {
    /// Judges by the name in the sandbox, as Mesos does: nine endings are archives.
    pub fn of(name: &str) -> Option<Archive> {
        const ENDINGS: [(&str, Archive); 9] = [
            (".tar", Archive::Tar(Packing::Plain)),
            (".tar.gz", Archive::Tar(Packing::Gzip)),
            (".tgz", Archive::Tar(Packing::Gzip)),
            (".tar.bz2", Archive::Tar(Packing::Bzip2)),
            (".tbz2", Archive::Tar(Packing::Bzip2)),
            (".tar.xz", Archive::Tar(Packing::Xz)),
            (".txz", Archive::Tar(Packing::Xz)),
            (".zip", Archive::Zip),
            (".gz", Archive::Gz),
        ];
        let is = |ending: &str| name.len() > ending.len() && name.ends_with(ending);
        ENDINGS.iter().find(|(ending, _)| is(ending)).map(|(_, archive)| *archive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(uri: &str) -> Result<Source, String> {
        Source::parse(uri, None).map_err(|cause| cause.to_string())
    }

    #[test]
    fn paths_and_file_uris_are_local() {
        assert_eq!(parse("/a/b").unwrap(), Source::Local("/a/b".into()));
        assert_eq!(parse("file:///a/b").unwrap(), Source::Local("/a/b".into()));
        assert_eq!(parse("file://localhost/a/b").unwrap(), Source::Local("/a/b".into()));
        assert_eq!(
            Source::parse("sub/x", Some(Path::new("/home/f"))).unwrap(),
            Source::Local("/home/f/sub/x".into())
        );
    }

    #[test]
    fn every_refusal_says_what_would_be_right() {
        for (uri, says) in [
            ("sub/x", "--frameworks_home"),
            ("file://sub/x", "File URI only supports absolute paths"),
            ("http://host", "Malformed URI (missing path)"),
            ("https://host", "Malformed URI (missing path)"),
            ("http://a b/x", "Malformed URI"),
            ("ftp://n", "Malformed URI (missing path)"),
            ("http://h/a\\b", "Illegal characters in URI"),
            ("http://h/a'b", "Illegal characters in URI"),
            ("/a\0b", "Illegal characters in URI"),
        ] {
            let said = parse(uri).unwrap_err();
            assert!(said.contains(says), "{uri}: {said}");
        }
    }

    #[test]
    fn target_is_what_stands_after_the_last_slash() {
        let target = |uri, file| target(uri, file).map(|t| t.to_string()).map_err(|cause| cause.to_string());
        assert_eq!(target("http://h/a/b.tar.gz?x=y", None).unwrap(), "b.tar.gz?x=y");
        assert_eq!(target("/a/b", None).unwrap(), "b");
        assert_eq!(target("b", None).unwrap(), "b");
        assert_eq!(target("http://h/a", Some("c/d/e")).unwrap(), "c/d/e");
        assert_eq!(target("http://h/", Some("./e")).unwrap(), "e");

        assert!(target("http://h/", None).unwrap_err().contains("Malformed URI (missing path)"));
        assert!(target("http://h/a/", None).unwrap_err().contains("names no file"));
        assert!(target("/a/..", None).unwrap_err().contains("names no file"));
        assert!(target("/a", Some("")).unwrap_err().contains("URI output file path is empty"));
        for outside in ["/etc/x", "../x", "a/../../x", "."] {
            let said = target("/a", Some(outside)).unwrap_err();
            assert!(said.contains("URI output file must be within the sandbox directory"), "{said}");
        }
    }

    #[test]
    fn archives_are_known_by_their_name() {
        for (name, archive) in [
            ("a.tar", Some(Archive::Tar(Packing::Plain))),
            ("a.tar.gz", Some(Archive::Tar(Packing::Gzip))),
            ("a.tgz", Some(Archive::Tar(Packing::Gzip))),
            ("a.tar.bz2", Some(Archive::Tar(Packing::Bzip2))),
            ("a.tbz2", Some(Archive::Tar(Packing::Bzip2))),
            ("a.tar.xz", Some(Archive::Tar(Packing::Xz))),
            ("a.txz", Some(Archive::Tar(Packing::Xz))),
            ("a.zip", Some(Archive::Zip)),
            ("a.gz", Some(Archive::Gz)),
            ("a.tar.gz?x=y", None),
            (".gz", None),
            ("a.bz2", None),
        ] {
            assert_eq!(Archive::of(name), archive, "{name}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(shown("http://me:secret@h:1/a@b"), "http://…@h:1/a@b");
        assert_eq!(shown("http://h/a@b"), "http://h/a@b");
        assert_eq!(shown("/a\nb"), "/a\u{fffd}b");
    }
}

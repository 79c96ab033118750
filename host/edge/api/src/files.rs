//! The files API: what tasks leave in their sandboxes, read from outside.
//!
//! Every path is opened through a handle of the directory that was attached, so that
//! neither `..` nor a link that a task planted leads out of it; and without waiting,
//! so that a pipe it planted holds nobody up.

mod disk;
mod names;
mod range;

use std::{
    future::Future,
    io::{Read, Seek, SeekFrom},
};

use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use mezzo_http::{Body, HeaderValue, Request, Response, StatusCode, header};
use mezzo_model::calls::Refusal;
use mezzo_proto::mesos::v1::{FileInfo, TimeInfo};
use serde_json::{Map, Value, json};

use crate::{answer, media, query::Query};
use disk::{Entry, Failure};
use range::Part;

/// The most bytes that one read gives: sixteen pages, as Mesos has it.
const READ_BYTES_MAX: u64 = 16 * 4096;

/// The most entries that one directory is listed with.
const ENTRIES_MAX: usize = 100_000;

/// Where a path of the files API leads on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Absolute path of the directory, or the one file, that was attached.
    pub root: String,
    /// Path below it; empty for the root itself.
    pub rest: String,
}

/// Whoever knows what is attached.
pub(crate) trait Files: Sync {
    /// Where a path leads, if anywhere.
    fn attached(&self, path: &str) -> impl Future<Output = Result<Option<Attached>, Refusal>> + Send;
}

/// Part of a file.
#[derive(Debug)]
pub(crate) struct Piece {
    /// How long the file is.
    pub(crate) size: u64,
    /// Where the data begins.
    pub(crate) offset: u64,
    /// What was read.
    pub(crate) data: Vec<u8>,
}

/// Why a path was not read.
pub(crate) enum NotRead {
    /// There is nothing, or nothing that may be seen: 404 with an empty body.
    Missing,
    /// Anything else.
    Refused(Refusal),
}

impl NotRead {
    /// The response of a read.
    pub(crate) fn into_response(self) -> Response {
        match self {
            NotRead::Missing => Response::text(StatusCode::NOT_FOUND, ""),
            NotRead::Refused(refusal) => answer::refused(refusal),
        }
    }

    fn bad(text: impl Into<String>) -> Self {
        NotRead::Refused(Refusal::bad_request(text))
    }
}

/// `/files/browse`
pub(crate) async fn browse(files: &impl Files, query: &Query) -> Response {
    let Some(path) = query.get("path").filter(|path| !path.is_empty()) else { return no_path() };
    match entries(files, path).await {
        Ok(entries) => {
            answer::legacy_json(Value::Array(entries.iter().map(shown).collect()).to_string(), query)
        }
        Err(why) => why.into_response(),
    }
}

/// `/files/read`
pub(crate) async fn read(files: &impl Files, query: &Query) -> Response {
    let Some(path) = query.get("path").filter(|path| !path.is_empty()) else { return no_path() };
    let span = match (number(query, "offset"), number(query, "length")) {
        (Err(why), _) | (_, Err(why)) => return why.into_response(),
        (Ok(offset), Ok(length)) => (offset.unwrap_or(-1), length.unwrap_or(-1)),
    };
    let (offset, length) = match span {
        (..=-2, _) => return answer::bad_request(format!("Negative offset provided: {}.", span.0)),
        (_, ..=-2) => return answer::bad_request(format!("Negative length provided: {}.", span.1)),
        // Only the size is wanted: it comes back as the offset, with no data.
        (-1, _) => (u64::MAX, 0),
        (offset, -1) => (offset.unsigned_abs(), READ_BYTES_MAX),
        (offset, length) => (offset.unsigned_abs(), length.unsigned_abs()),
    };
    match piece(files, path, offset, length).await {
        Ok(piece) => {
            let at = if offset == u64::MAX { piece.size } else { piece.offset };
            let shown = json!({ "data": String::from_utf8_lossy(&piece.data), "offset": at });
            answer::legacy_json(shown.to_string(), query)
        }
        Err(why) => why.into_response(),
    }
}

/// `/files/download`
pub(crate) async fn download(files: &impl Files, request: &Request, query: &Query) -> Response {
    let Some(path) = query.get("path").filter(|path| !path.is_empty()) else { return no_path() };
    let place = match located(files, path).await {
        Ok(place) => place,
        Err(NotRead::Missing) => return answer::not_found(),
        Err(why) => return why.into_response(),
    };
    let opened = tokio::task::spawn_blocking(move || disk::open_file(&place)).await;
    let (mut file, size) = match opened {
        Ok(Ok(opened)) => opened,
        Ok(Err(Failure::Missing)) => return answer::not_found(),
        Ok(Err(Failure::Directory)) => return answer::bad_request("Cannot download a directory."),
        Ok(Err(failure)) => return refusal_of(failure).into_response(),
        Err(error) => return answer::refused(Refusal::unavailable(error.to_string())),
    };
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or("file");
    let part = range::part(request.header(&header::RANGE), size);
    let (status, first, length) = match part {
        Part::Whole => (StatusCode::OK, 0, size),
        Part::From(first, last) => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Part::Nowhere => return nowhere(size),
    };
    if let Err(error) = file.seek(SeekFrom::Start(first)) {
        return answer::refused(Refusal::unavailable(error.to_string()));
    }
    let response = Response { status, headers: Vec::new(), body: sent(file, length) };
    let response = match part {
        Part::From(first, last) => {
            response.with(header::CONTENT_RANGE, span(&format!("{first}-{last}"), size))
        }
        Part::Whole | Part::Nowhere => response,
    };
    // A name with a quote or a control character in it would break the field.
    let disposition = HeaderValue::from_str(&format!("attachment; filename={name}"))
        .unwrap_or_else(|_| HeaderValue::from_static("attachment"));
    response
        .with(header::CONTENT_DISPOSITION, disposition)
        .with(header::CONTENT_TYPE, HeaderValue::from_static(media_type_of(name)))
}

/// A file that has nothing of the part that was asked for.
fn nowhere(size: u64) -> Response {
    let text = format!("The file has {size} bytes.");
    Response::text(StatusCode::RANGE_NOT_SATISFIABLE, text).with(header::CONTENT_RANGE, span("*", size))
}

/// The value of `Content-Range`.
fn span(which: &str, size: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("bytes {which}/{size}")).expect("digits and signs are printable ASCII")
}

/// LIST_FILES
pub(crate) async fn list(files: &impl Files, path: &str) -> Result<Vec<FileInfo>, NotRead> {
    let entries = entries(files, path).await?;
    Ok(entries
        .into_iter()
        .map(|entry| FileInfo {
            path: entry.path,
            nlink: Some(i32::try_from(entry.links).unwrap_or(i32::MAX)),
            size: Some(entry.size),
            mtime: Some(TimeInfo { nanoseconds: entry.modified_seconds.saturating_mul(1_000_000_000) }),
            mode: Some(entry.mode),
            uid: Some(entry.user),
            gid: Some(entry.group),
        })
        .collect())
}

/// READ_FILE
pub(crate) async fn read_bytes(
    files: &impl Files,
    path: &str,
    offset: u64,
    length: Option<u64>,
) -> Result<Piece, NotRead> {
    piece(files, path, offset, length.unwrap_or(READ_BYTES_MAX)).await
}

async fn located(files: &impl Files, path: &str) -> Result<Attached, NotRead> {
    match files.attached(path).await {
        Ok(Some(attached)) => Ok(attached),
        Ok(None) => Err(NotRead::Missing),
        Err(refusal) => Err(NotRead::Refused(refusal)),
    }
}

async fn entries(files: &impl Files, path: &str) -> Result<Vec<Entry>, NotRead> {
    let place = located(files, path).await?;
    let prefix = path.trim_end_matches('/').to_owned();
    let listed = tokio::task::spawn_blocking(move || disk::list(&place, &prefix, ENTRIES_MAX)).await;
    listed.unwrap_or_else(|error| Err(Failure::Io(error.to_string()))).map_err(refusal_of)
}

async fn piece(files: &impl Files, path: &str, offset: u64, length: u64) -> Result<Piece, NotRead> {
    let place = located(files, path).await?;
    let length = length.min(READ_BYTES_MAX);
    let read = tokio::task::spawn_blocking(move || {
        let (mut file, size) = disk::open_file(&place)?;
        let mut data = Vec::new();
        if offset < size {
            let failed = |error: std::io::Error| Failure::Io(error.to_string());
            file.seek(SeekFrom::Start(offset)).map_err(failed)?;
            file.take(length).read_to_end(&mut data).map_err(failed)?;
        }
        Ok(Piece { size, offset, data })
    })
    .await;
    read.unwrap_or_else(|error| Err(Failure::Io(error.to_string()))).map_err(|failure| match failure {
        Failure::Directory => NotRead::bad("Cannot read a directory."),
        other => refusal_of(other),
    })
}

fn refusal_of(failure: Failure) -> NotRead {
    match failure {
        Failure::Missing => NotRead::Missing,
        Failure::Outside => NotRead::bad("The path leads out of what may be read."),
        Failure::Special => NotRead::bad("Cannot read what is neither a file nor a directory."),
        Failure::Directory => NotRead::bad("Cannot read a directory."),
        Failure::TooMany => NotRead::bad(format!("The directory holds more than {ENTRIES_MAX} entries.")),
        Failure::Io(why) => {
            NotRead::Refused(Refusal { status: mezzo_model::calls::Status::Internal, message: why })
        }
    }
}

fn no_path() -> Response {
    answer::bad_request("Expecting 'path=value' in query.")
}

fn number(query: &Query, name: &str) -> Result<Option<i64>, NotRead> {
    let Some(text) = query.get(name) else { return Ok(None) };
    text.trim()
        .parse()
        .map(Some)
        .map_err(|_| NotRead::bad(format!("Failed to parse {name}: '{text}' is not a number.")))
}

/// One entry of `/files/browse`, its keys in the order of the alphabet.
fn shown(entry: &Entry) -> Value {
    let mut map = Map::new();
    map.insert("gid".into(), entry.group.clone().into());
    map.insert("mode".into(), names::mode(entry.mode).into());
    map.insert("mtime".into(), (entry.modified_seconds as f64).into());
    map.insert("nlink".into(), entry.links.into());
    map.insert("path".into(), entry.path.clone().into());
    map.insert("size".into(), entry.size.into());
    map.insert("uid".into(), entry.user.clone().into());
    Value::Object(map)
}

/// A file as a body: read piece by piece, never whole. It is cut at the size it had when it
/// was opened, and padded with nothing if it shrinks: the connection breaks instead.
fn sent(file: std::fs::File, size: u64) -> Body {
    struct Rest {
        file: Option<std::fs::File>,
        left: u64,
    }
    async fn next(rest: &mut Rest) -> Option<Result<Bytes, mezzo_http::BoxError>> {
        let left = rest.left.min(READ_BYTES_MAX);
        let mut file = rest.file.take().filter(|_| left > 0)?;
        let read = tokio::task::spawn_blocking(move || {
            let mut buffer = vec![0; usize::try_from(left).unwrap_or(usize::MAX)];
            let n = file.read(&mut buffer)?;
            buffer.truncate(n);
            Ok::<_, std::io::Error>((file, buffer))
        })
        .await;
        match read {
            Ok(Ok((_, buffer))) if buffer.is_empty() => Some(Err("the file became shorter".into())),
            Ok(Ok((file, buffer))) => {
                rest.left -= buffer.len() as u64;
                rest.file = Some(file);
                Some(Ok(buffer.into()))
            }
            Ok(Err(error)) => Some(Err(error.into())),
            Err(error) => Some(Err(error.into())),
        }
    }
    let rest = Rest { file: Some(file), left: size };
    let pieces = futures_util::stream::unfold(rest, |mut rest| async move {
        let piece = next(&mut rest).await?;
        Some((piece.map(http_body::Frame::data), rest))
    });
    Body::Other { length: Some(size), bytes: StreamBody::new(pieces).boxed_unsync() }
}

/// The type of a download, by the ending of its name.
fn media_type_of(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("txt" | "log") => "text/plain",
        Some("html" | "htm") => "text/html",
        Some("css") => "text/css",
        Some("js") => "application/javascript",
        Some("json") => media::JSON,
        Some("xml") => "text/xml",
        Some("gif") => "image/gif",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("pdf") => "application/pdf",
        Some("zip") => "application/zip",
        Some("gz" | "tgz") => "application/x-gzip",
        Some("tar") => "application/x-tar",
        _ => "application/octet-stream",
    }
}

//! Brings what a task names into its sandbox.
//!
//! One [`fetch`] serves one container: its items in order, each copied or
//! downloaded, then made executable or unpacked. What to fetch and for whom is
//! decided by the agent; this room only carries it out. It knows absolute
//! paths, `file://`, `http://` and `https://`, and the archives `.tar`,
//! `.tar.gz`, `.tgz` and `.gz`; everything else is refused by name.
//!
//! Bytes from outside are hostile: nothing is ever written outside the sandbox
//! (every path goes through a directory handle and [`sandbox::Inside`]), nothing
//! is read without a limit ([`Limits`]), and a sender that stalls is given up.
//!
//! Start with [`FetchRequest`]; [`source`] holds the rules for a URI.
#![forbid(unsafe_code)]

mod error;
mod http;
mod local;
mod request;
mod sandbox;
mod source;
mod unpack;
mod work;

pub use error::{Cause, FetchError};
pub use request::{FetchRequest, Limits, Progress};

use mezzo_model::container::Fetch;
use sandbox::{Inside, Owner, Sandbox};
use source::{Archive, Source};

/// Brings every item of `request` into its sandbox, one after the other.
///
/// Ends at the first item that fails; what came before it stays. One line for
/// each item, and the reason of a failure, goes to the sandbox's `stderr`.
/// Dropping the future ends the work, also the part that runs on another thread.
///
/// # Errors
/// Names the URI, what went wrong and what would be right: see [`FetchError`].
pub async fn fetch(
    request: FetchRequest,
    progress: impl Fn(Progress<'_>) + Send + Sync,
) -> Result<(), FetchError> {
    let owner = request.user.as_deref().map(Owner::of).transpose()?.flatten();
    let sandbox = Sandbox::open(&request.sandbox, owner)?;

    for (index, item) in request.items.iter().enumerate() {
        let uri = source::shown(&item.uri);
        progress(Progress::Started { index, uri: &uri });
        match fetch_item(&request, &sandbox, index, item, &progress).await {
            Ok(bytes) => progress(Progress::Done { index, bytes }),
            Err(cause) => {
                let error = FetchError::Item { uri, cause };
                sandbox.note(&error.in_one_line());
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Fetches one item and returns how many bytes came.
async fn fetch_item(
    request: &FetchRequest,
    sandbox: &Sandbox,
    index: usize,
    item: &Fetch,
    progress: &(impl Fn(Progress<'_>) + Send + Sync),
) -> Result<u64, Cause> {
    let source = Source::parse(&item.uri, request.frameworks_home.as_deref())?;
    let target = source::target(&item.uri, item.output_file.as_deref())?;
    sandbox.note(&format!("Fetching `{}` to `{target}`", source::shown(&item.uri)));

    let received = |bytes, bytes_total| progress(Progress::Received { index, bytes, bytes_total });
    let bytes = match source {
        Source::Local(path) => local::copy(&path, sandbox, &target, request.limits).await?,
        Source::Web(url) => {
            http::download(url, sandbox, &target, request.stall_timeout, request.limits, received).await?
        }
    };
    received(bytes, Some(bytes));

    if item.is_executable {
        sandbox.make_executable(&target).map_err(|source| Cause::write(&target, source))?;
    } else if item.unpack {
        unpack(request.limits, sandbox, index, &target, progress).await?;
    }
    Ok(bytes)
}

/// Unpacks `target` where its name says that it is an archive.
async fn unpack(
    limits: Limits,
    sandbox: &Sandbox,
    index: usize,
    target: &Inside,
    progress: &(impl Fn(Progress<'_>) + Send + Sync),
) -> Result<(), Cause> {
    match Archive::of(target.file_name()) {
        Ok(Some(archive)) => {
            progress(Progress::Unpacking { index });
            unpack::unpack(archive, sandbox, target, limits).await
        }
        Ok(None) => {
            sandbox.note(&format!("`{target}` is not an archive that is known here: left as it is"));
            Ok(())
        }
        Err(kind) => Err(Cause::ArchiveNotSupported { target: target.to_string(), kind }),
    }
}

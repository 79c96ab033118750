//! Brings what a task names into its sandbox.
//!
//! One [`fetch`] serves one container: its items in order, each copied or
//! downloaded, then made executable or unpacked. What to fetch and for whom is
//! decided by the agent; this room only carries it out. It knows absolute
//! paths, `file`, `http`, `https`, `ftp` and `ftps`, and archives by the nine
//! endings of [`source::Archive`]; any other scheme is left to Hadoop's client.
//!
//! Bytes from outside are hostile: nothing is ever written outside the sandbox
//! (every path goes through a directory handle and [`sandbox::Inside`]), nothing
//! is read without a limit ([`Limits`]), and a sender that stalls is given up.
//!
//! Start with [`FetchRequest`]; [`source`] holds the rules for a URI, [`cache`] what tasks share.
#![forbid(unsafe_code)]

mod cache;
mod copy;
mod digest;
mod error;
mod ftp;
mod hadoop;
mod http;
mod item;
mod local;
mod pace;
mod request;
mod sandbox;
mod source;
mod unpack;
mod work;

pub use cache::{Cache, CacheError};
pub use error::{Cause, FetchError};
pub use request::{FetchRequest, Limits, Progress, Retry};

use item::Item;
use sandbox::{Owner, Sandbox};

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

    // What is used of the cache stays there until everything is in its place.
    let mut held = Vec::new();
    for (index, fetch) in request.items.iter().enumerate() {
        let uri = source::shown(&fetch.uri);
        progress(Progress::Started { index, uri: &uri });
        let item = Item { request: &request, sandbox: &sandbox, index, fetch, progress: &progress };
        match item.bring(&mut held).await {
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

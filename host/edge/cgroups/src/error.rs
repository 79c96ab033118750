use std::{io, path::PathBuf};

use crate::Kind;

/// Why a control group could not be made, set or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CgroupError {
    /// The kernel lacks it or nobody mounted it.
    #[error("the `{kind}` controller is not mounted below `{hierarchy}`")]
    NotMounted {
        /// The missing controller.
        kind: Kind,
        /// Where it was looked for.
        hierarchy: PathBuf,
    },
    /// The host gave it to the second version.
    #[error("the `{kind}` controller belongs to cgroup v2 at `{mount}`, which is not driven yet")]
    Unified {
        /// The controller.
        kind: Kind,
        /// The v2 mount.
        mount: PathBuf,
    },
    /// The agent was started without it.
    #[error("a limit needs the `{kind}` controller, which this agent does not use")]
    NotUsed {
        /// The controller.
        kind: Kind,
    },
    /// `cgroups_root` leads out of the hierarchy.
    #[error("`{root}` is not one to four names joined by `/`")]
    BadRoot {
        /// As it was given.
        root: String,
    },
    /// One call failed.
    #[error("failed to {verb} `{path}`")]
    Io {
        /// What was tried.
        verb: &'static str,
        /// On what.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

impl CgroupError {
    pub(crate) fn io(verb: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(rustix::io::Errno) -> Self {
        let path = path.into();
        move |errno| Self::Io { verb, path, source: errno.into() }
    }
}

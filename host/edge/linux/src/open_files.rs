//! How many files this process may have open (getrlimit(2)).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit on open files as far as this process may, and says what it is then.
///
/// Whatever the process starts inherits it, so this is for those that start nothing.
pub fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    // Where raising fails, what was there stays.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    allowed()
}

/// The limit as it is.
pub fn allowed() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_as_high_as_it_may_be() {
        assert!(raise() >= allowed());
        assert_eq!(getrlimit(Resource::Nofile).current, getrlimit(Resource::Nofile).maximum);
    }
}

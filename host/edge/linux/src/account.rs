//! Accounts of this machine, as its name services know them.

use std::{ffi::CString, io};

use nix::unistd::{Gid, Uid, User, getgrouplist};

/// The numbers that an account stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// User.
    pub uid: u32,
    /// First group.
    pub gid: u32,
    /// Every group, the first included.
    pub groups: Vec<u32>,
}

/// Looks up an account; `None` when there is none of this name. May wait for the network where
/// accounts come from there.
///
/// # Errors
/// When the name services fail or `name` cannot be a name.
pub fn named(name: &str) -> io::Result<Option<Account>> {
    let Some(user) = User::from_name(name)? else { return Ok(None) };
    let text = CString::new(name).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let groups = getgrouplist(&text, user.gid)?;
    let groups = groups.into_iter().map(Gid::as_raw).collect();
    Ok(Some(Account { uid: user.uid.as_raw(), gid: user.gid.as_raw(), groups }))
}

/// The user that this process acts as.
pub fn effective_uid() -> u32 {
    Uid::effective().as_raw()
}

/// The name of user `uid`, if it has one.
pub fn name_of(uid: u32) -> Option<String> {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_known_and_a_stranger_is_not() {
        assert_eq!(named("root").unwrap().map(|root| root.uid), Some(0));
        assert_eq!(named("no-such-account-here").unwrap(), None);
        assert_eq!(named("a\0b").unwrap(), None);
    }
}

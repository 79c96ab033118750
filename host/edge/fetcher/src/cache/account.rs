//! What is in the cache, as numbers: who holds what, how much room is left, and what must go.
//!
//! No file is touched here; what is to be removed is returned.

use std::collections::{BTreeMap, HashMap};

/// What an entry is found by. Every user has entries of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Key {
    /// Whom the files will belong to; absent: the agent's own account.
    pub user: Option<String>,
    /// As the task has it.
    pub uri: String,
}

/// Which entry, for as long as the agent lives.
pub(crate) type Serial = u64;

/// More small files than this are not kept: each costs two inodes and a look at every start.
const ENTRIES_MAX: usize = 10_000;

/// There is not enough that may go.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoRoom {
    /// What could be made free at most.
    pub bytes_possible: u64,
}

#[derive(Debug)]
struct Entry {
    key: Key,
    bytes: u64,
    holders: u32,
    /// Larger is later.
    used_at: u64,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Somebody brings it or looks whether it is whole.
    Coming,
    /// It can be used.
    Resident,
    /// Nobody finds it any more; it goes with its last holder.
    Leaving,
}

/// The account of one cache.
#[derive(Debug)]
pub(crate) struct Account {
    bytes_max: u64,
    bytes_used: u64,
    next: Serial,
    clock: u64,
    entries: BTreeMap<Serial, Entry>,
    by_key: HashMap<Key, Serial>,
}

impl Account {
    pub fn new(bytes_max: u64, first: Serial) -> Account {
        Account {
            bytes_max,
            bytes_used: 0,
            next: first,
            clock: 0,
            entries: BTreeMap::new(),
            by_key: HashMap::new(),
        }
    }

    pub fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// Also what is only reserved.
    pub fn bytes_used(&self) -> u64 {
        self.bytes_used
    }

    /// Takes in an entry of an earlier life; false where it does not fit.
    pub fn adopt(&mut self, serial: Serial, key: Key, bytes: u64) -> bool {
        let fits = bytes <= self.bytes_max - self.bytes_used && self.entries.len() < ENTRIES_MAX;
        if !fits || self.by_key.contains_key(&key) || self.entries.contains_key(&serial) {
            return false;
        }
        self.next = self.next.max(serial + 1);
        self.insert(serial, key, bytes, 0, State::Resident);
        true
    }

    /// The entry for `key`, which counts the asker among its holders; and whether it can be used now.
    pub fn find(&mut self, key: &Key) -> Option<(Serial, bool)> {
        let serial = *self.by_key.get(key)?;
        self.clock += 1;
        let entry = self.entries.get_mut(&serial)?;
        entry.holders += 1;
        entry.used_at = self.clock;
        Some((serial, entry.state == State::Resident))
    }

    /// A new entry that is coming, with one holder and no room yet.
    pub fn begin(&mut self, key: Key) -> Serial {
        let serial = self.next;
        self.next += 1;
        self.insert(serial, key, 0, 1, State::Coming);
        serial
    }

    /// A resident entry is to be looked at before it is used.
    pub fn suspect(&mut self, serial: Serial) {
        if let Some(entry) = self.entries.get_mut(&serial).filter(|entry| entry.state == State::Resident) {
            entry.state = State::Coming;
        }
    }

    /// Keeps `bytes` for an entry that is coming, and returns those that must go for it: those that
    /// nobody holds, the least recently used first. Nothing goes when it would not be enough.
    pub fn reserve(&mut self, serial: Serial, bytes: u64) -> Result<Vec<Serial>, NoRoom> {
        let mut idle: Vec<_> = self.entries.iter().filter(|(_, entry)| entry.is_idle()).collect();
        let bytes_possible =
            self.bytes_max.saturating_sub(self.bytes_used) + idle.iter().map(|(_, e)| e.bytes).sum::<u64>();
        if bytes > bytes_possible {
            return Err(NoRoom { bytes_possible });
        }
        idle.sort_by_key(|(_, entry)| entry.used_at);
        let idle: Vec<Serial> = idle.into_iter().map(|(serial, _)| *serial).collect();
        let mut gone = Vec::new();
        for serial in idle {
            if self.bytes_used.saturating_add(bytes) <= self.bytes_max && self.entries.len() <= ENTRIES_MAX {
                break;
            }
            self.remove(serial);
            gone.push(serial);
        }
        if let Some(entry) = self.entries.get_mut(&serial) {
            entry.bytes = bytes;
            self.bytes_used += bytes;
        }
        Ok(gone)
    }

    /// An entry has come, with this size: it stays if it is no larger than what was kept for it.
    /// Else its holders may use it, and then it goes; false.
    pub fn complete(&mut self, serial: Serial, bytes: u64) -> bool {
        let Some(entry) = self.entries.get_mut(&serial) else { return false };
        if bytes > entry.bytes {
            self.forget(serial);
            return false;
        }
        self.bytes_used -= entry.bytes - bytes;
        entry.bytes = bytes;
        entry.state = State::Resident;
        true
    }

    /// Nobody shall find the entry any more.
    pub fn forget(&mut self, serial: Serial) {
        if let Some(entry) = self.entries.get_mut(&serial) {
            entry.state = State::Leaving;
            let key = entry.key.clone();
            if self.by_key.get(&key) == Some(&serial) {
                self.by_key.remove(&key);
            }
        }
    }

    /// One holder less. True when the entry is gone with it.
    pub fn release(&mut self, serial: Serial) -> bool {
        let Some(entry) = self.entries.get_mut(&serial) else { return false };
        entry.holders = entry.holders.saturating_sub(1);
        let is_gone = entry.holders == 0 && entry.state == State::Leaving;
        if is_gone {
            self.remove(serial);
        }
        is_gone
    }

    fn insert(&mut self, serial: Serial, key: Key, bytes: u64, holders: u32, state: State) {
        self.clock += 1;
        self.bytes_used += bytes;
        self.by_key.insert(key.clone(), serial);
        self.entries.insert(serial, Entry { key, bytes, holders, used_at: self.clock, state });
    }

    fn remove(&mut self, serial: Serial) {
        if let Some(entry) = self.entries.remove(&serial) {
            self.bytes_used -= entry.bytes;
            if self.by_key.get(&entry.key) == Some(&serial) {
                self.by_key.remove(&entry.key);
            }
        }
    }
}

impl Entry {
    fn is_idle(&self) -> bool {
        self.holders == 0 && self.state == State::Resident
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(uri: &str) -> Key {
        Key { user: None, uri: uri.to_owned() }
    }

    /// An entry that has come and that nobody holds.
    fn kept(account: &mut Account, uri: &str, bytes: u64) -> Serial {
        let serial = account.begin(key(uri));
        assert_eq!(account.reserve(serial, bytes), Ok(vec![]));
        assert!(account.complete(serial, bytes));
        assert!(!account.release(serial));
        serial
    }

    #[test]
    fn least_recently_used_goes_first_and_only_as_many_as_needed() {
        let mut account = Account::new(100, 1);
        let [a, b, c] = ["a", "b", "c"].map(|uri| kept(&mut account, uri, 30));
        account.find(&key("a"));
        account.release(a);
        let new = account.begin(key("new"));
        assert_eq!(account.reserve(new, 50), Ok(vec![b, c]));
        assert_eq!(account.bytes_used(), 80);
        assert!(account.find(&key("b")).is_none());
    }

    #[test]
    fn what_somebody_holds_never_goes() {
        let mut account = Account::new(100, 1);
        let a = kept(&mut account, "a", 60);
        assert_eq!(account.find(&key("a")), Some((a, true)));
        let new = account.begin(key("new"));
        assert_eq!(account.reserve(new, 50), Err(NoRoom { bytes_possible: 40 }));
        account.release(a);
        assert_eq!(account.reserve(new, 50), Ok(vec![a]));
    }

    #[test]
    fn nothing_goes_for_what_does_not_fit_at_all() {
        let mut account = Account::new(100, 1);
        kept(&mut account, "a", 60);
        let new = account.begin(key("new"));
        assert_eq!(account.reserve(new, 101), Err(NoRoom { bytes_possible: 100 }));
        assert_eq!(account.bytes_used(), 60);
    }

    #[test]
    fn smaller_than_said_gives_room_back_and_larger_goes_after_use() {
        let mut account = Account::new(100, 1);
        let small = account.begin(key("small"));
        assert_eq!(account.reserve(small, 50), Ok(vec![]));
        assert!(account.complete(small, 20));
        assert_eq!(account.bytes_used(), 20);
        let large = account.begin(key("large"));
        assert_eq!(account.reserve(large, 50), Ok(vec![]));
        assert!(!account.complete(large, 70));
        assert!(account.find(&key("large")).is_none(), "nobody new finds it");
        assert!(account.release(large), "and it goes with its last holder");
        assert_eq!(account.bytes_used(), 20);
    }

    proptest! {
        /// Whatever happens in whatever order: the room in use is that of the entries, never more
        /// than there is, and what is held is not evicted.
        #[test]
        fn account_adds_up(steps in prop::collection::vec((0..5u8, 0..6usize, 0..60u64), 0..60)) {
            const URIS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
            let mut account = Account::new(100, 1);
            let mut held: Vec<Serial> = Vec::new();
            for (step, which, bytes) in steps {
                match step {
                    0 => match account.find(&key(URIS[which])) {
                        Some((serial, _)) => held.push(serial),
                        None => held.push(account.begin(key(URIS[which]))),
                    },
                    1 | 2 => if let Some(serial) = held.get(which).copied() {
                        let is_new = account.entries[&serial].state == State::Coming
                            && account.entries[&serial].bytes == 0;
                        if is_new && let Ok(gone) = account.reserve(serial, bytes) {
                            prop_assert!(gone.iter().all(|gone| !held.contains(gone)));
                            account.complete(serial, bytes.saturating_sub(which as u64));
                        }
                    },
                    3 => if let Some(serial) = held.get(which).copied() { account.forget(serial) },
                    _ => if which < held.len() { account.release(held.swap_remove(which)); },
                }
                let sum: u64 = account.entries.values().map(|entry| entry.bytes).sum();
                prop_assert_eq!(account.bytes_used(), sum);
                prop_assert!(sum <= 100);
                prop_assert!(held.iter().all(|serial| account.entries.contains_key(serial)));
            }
        }
    }
}

//! What frameworks have refused, and until when.

use std::collections::BTreeMap;

use mezzo_model::Mono;
use mezzo_resources::Resources;

use crate::slots::Bits;

/// The filters on one agent, those with the same refused bag together.
#[derive(Clone, Debug, Default)]
pub(crate) struct AgentFilters {
    pub(crate) groups: Vec<Group>,
    /// What is free has changed since `Group::is_blocking` was worked out.
    pub(crate) is_stale: bool,
}

/// Everybody who refused the same.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) refused: Resources,
    /// Whether it contains all that is free; only kept for plain agents.
    pub(crate) is_blocking: bool,
    pub(crate) seekers: Bits,
    /// Seekers in ascending order, and until when.
    until: Vec<(u32, Mono)>,
}

impl Group {
    pub(crate) fn until(&self, seeker: u32) -> Option<Mono> {
        self.until.binary_search_by_key(&seeker, |entry| entry.0).ok().map(|at| self.until[at].1)
    }

    pub(crate) fn entries(&self) -> &[(u32, Mono)] {
        &self.until
    }

    /// Whether the seeker had none of the kind before.
    fn insert(&mut self, seeker: u32, until: Mono) -> bool {
        match self.until.binary_search_by_key(&seeker, |entry| entry.0) {
            Ok(at) => {
                self.until[at].1 = self.until[at].1.max(until);
                false
            }
            Err(at) => {
                self.until.insert(at, (seeker, until));
                self.seekers.set(seeker, true);
                true
            }
        }
    }

    /// Whether there was one that ends by `deadline`.
    fn remove(&mut self, seeker: u32, deadline: Mono) -> bool {
        let Ok(at) = self.until.binary_search_by_key(&seeker, |entry| entry.0) else { return false };
        if self.until[at].1 > deadline {
            return false;
        }
        self.until.remove(at);
        self.seekers.set(seeker, false);
        true
    }
}

impl AgentFilters {
    /// Adds one; how many filters more there are then.
    ///
    /// More than `groups_max` distinct refused bags are not kept: the one whose last filter ends first
    /// goes, which at worst means an offer too many.
    pub(crate) fn insert(
        &mut self,
        seeker: u32,
        refused: Resources,
        until: Mono,
        groups_max: usize,
    ) -> isize {
        if let Some(group) = self.groups.iter_mut().find(|group| group.refused == refused) {
            return isize::from(group.insert(seeker, until));
        }
        let mut change = 0;
        if self.groups.len() >= groups_max.max(1) {
            let ends = |group: &Group| group.until.iter().map(|entry| entry.1).max();
            let first = (0..self.groups.len()).min_by_key(|&at| ends(&self.groups[at])).unwrap_or(0);
            change -= self.groups.swap_remove(first).until.len() as isize;
        }
        let mut group = Group { refused, is_blocking: false, seekers: Bits::default(), until: Vec::new() };
        group.insert(seeker, until);
        self.groups.push(group);
        self.is_stale = true;
        change + 1
    }

    /// Removes those of `seeker` that end by `deadline`; how many.
    pub(crate) fn remove(&mut self, seeker: u32, deadline: Mono) -> usize {
        let removed = self.groups.iter_mut().map(|group| usize::from(group.remove(seeker, deadline))).sum();
        if removed > 0 {
            self.groups.retain(|group| !group.until.is_empty());
        }
        removed
    }

    pub(crate) fn len(&self) -> usize {
        self.groups.iter().map(|group| group.until.len()).sum()
    }

    /// Works out which groups contain all of `free`.
    pub(crate) fn refresh(&mut self, free: &Resources) {
        if self.is_stale {
            for group in &mut self.groups {
                group.is_blocking = group.refused.contains(free);
            }
            self.is_stale = false;
        }
    }

    /// Until when `seeker` does not want `offer`.
    pub(crate) fn refused_until(&self, seeker: u32, offer: &Resources) -> Option<Mono> {
        let hits =
            self.groups.iter().filter(|group| group.seekers.has(seeker) && group.refused.contains(offer));
        hits.filter_map(|group| group.until(seeker)).max()
    }
}

/// When filters end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    by_end: BTreeMap<Mono, Vec<(u32, u32)>>,
    /// Entries in it, those of filters that are gone included.
    entries: usize,
    /// Filters that exist.
    pub(crate) live: usize,
}

impl Timers {
    pub(crate) fn insert(&mut self, until: Mono, agent: u32, seeker: u32) {
        self.by_end.entry(until).or_default().push((agent, seeker));
        self.entries += 1;
    }

    pub(crate) fn next(&self) -> Option<Mono> {
        self.by_end.first_key_value().map(|(until, _)| *until)
    }

    /// The agents and seekers whose filters may have ended by `now`.
    pub(crate) fn pop(&mut self, now: Mono) -> Option<Vec<(u32, u32)>> {
        let first = self.by_end.first_entry().filter(|entry| *entry.key() <= now)?;
        let ended = first.remove();
        self.entries -= ended.len();
        Some(ended)
    }

    /// Whether most entries are of filters that are gone, so that it should be made anew.
    pub(crate) fn is_littered(&self) -> bool {
        self.entries > 2 * self.live + 4096
    }

    #[cfg(test)]
    pub(crate) fn entries(&self) -> usize {
        self.entries
    }

    pub(crate) fn clear(&mut self) {
        self.by_end.clear();
        self.entries = 0;
    }
}

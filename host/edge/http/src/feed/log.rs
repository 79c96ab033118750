//! The last records of a feed, and who reads them.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;

use super::reader::Client;
use crate::exit::CloseReason;

/// What a record costs beside its bytes, roughly: many tiny ones must not outgrow the bound.
const RECORD_COST: usize = 64;

/// How many records may lie about after everybody has read them.
const TRIM_AFTER: usize = 256;

/// A bounded list of records, numbered from the feed's beginning.
pub(super) struct Log<T> {
    records: VecDeque<(T, Bytes)>,
    /// The number of the first one kept.
    first: u64,
    bytes: usize,
    bytes_max: usize,
    clients: BTreeMap<usize, Arc<Client>>,
    /// No client's place is before this.
    slowest: u64,
    trim_at: usize,
}

/// What a reader finds at its place.
pub(super) enum Found {
    /// This, and the place after it.
    Record(Bytes, u64),
    /// Nothing yet; this is its place now.
    Nothing(u64),
    /// Its place has left the list.
    Lost,
}

impl<T> Log<T> {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            records: VecDeque::new(),
            first: 0,
            bytes: 0,
            bytes_max,
            clients: BTreeMap::new(),
            slowest: 0,
            trim_at: TRIM_AFTER,
        }
    }

    /// Adds a record. Gives the clients that are too far behind now, and why.
    pub(super) fn push(&mut self, tag: T, record: Bytes) -> Vec<(Arc<Client>, CloseReason)> {
        if self.clients.is_empty() {
            self.first = self.end() + 1;
            self.records.clear();
            self.bytes = 0;
            return Vec::new();
        }
        self.bytes += cost(&record);
        self.records.push_back((tag, record));
        if self.records.len() >= self.trim_at {
            self.trim();
        }
        // The newest stays, however large: whoever is not behind at all reads it.
        while self.bytes > self.bytes_max && self.records.len() > 1 {
            self.pop();
        }
        if self.slowest < self.first { self.take_lost() } else { Vec::new() }
    }

    /// Puts a client's place at the end.
    pub(super) fn add(&mut self, client: &Arc<Client>) {
        client.go_to(self.end());
        self.clients.insert(key(client), Arc::clone(client));
    }

    pub(super) fn remove(&mut self, client: &Arc<Client>) {
        self.clients.remove(&key(client));
    }

    /// The first record from `place` on that `shows` lets through.
    pub(super) fn find(&self, place: u64, shows: &dyn Fn(&T) -> bool) -> Found {
        let Some(skipped) = place.checked_sub(self.first) else { return Found::Lost };
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX).min(self.records.len());
        for (at, (tag, record)) in self.records.range(skipped..).enumerate() {
            if shows(tag) {
                return Found::Record(record.clone(), place + at as u64 + 1);
            }
        }
        Found::Nothing(self.end())
    }

    /// The number of the record that comes next.
    pub(super) fn end(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    pub(super) fn all(&self) -> Vec<Arc<Client>> {
        self.clients.values().cloned().collect()
    }

    pub(super) fn clients(&self) -> usize {
        self.clients.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets what everybody has read.
    fn trim(&mut self) {
        self.slowest = self.places().min().unwrap_or(self.end());
        while self.first < self.slowest && !self.records.is_empty() {
            self.pop();
        }
        self.trim_at = (self.records.len() * 2).max(TRIM_AFTER);
    }

    fn pop(&mut self) {
        if let Some((_, record)) = self.records.pop_front() {
            self.first += 1;
            self.bytes -= cost(&record);
        }
    }

    fn take_lost(&mut self) -> Vec<(Arc<Client>, CloseReason)> {
        let first = self.first;
        let is_lost = |client: &Arc<Client>| client.place() < first;
        let lost: Vec<_> = self.clients.values().filter(|client| is_lost(client)).cloned().collect();
        lost.iter().for_each(|client| self.remove(client));
        self.slowest = self.places().min().unwrap_or(self.end());
        let reason = CloseReason::TooSlow { bytes_queued: self.bytes, bytes_max: self.bytes_max };
        lost.into_iter().map(|client| (client, reason)).collect()
    }

    fn places(&self) -> impl Iterator<Item = u64> {
        self.clients.values().map(|client| client.place())
    }
}

fn cost(record: &Bytes) -> usize {
    record.len() + RECORD_COST
}

/// A client's address names it for as long as the list holds it.
fn key(client: &Arc<Client>) -> usize {
    Arc::as_ptr(client) as usize
}

//! The updates of one task, in order, one at a time, until each is acknowledged.

use std::{collections::VecDeque, time::Duration};

use mezzo_proto::mesos::v1;

use crate::config::{RETRY_FIRST, RETRY_MOST};

/// Updates on their way to the framework. Only the first of them is ever sent.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    pending: VecDeque<v1::TaskStatus>,
    /// The newest that was sent over any link of this process, or acknowledged.
    told: Option<v1::TaskStatus>,
    wait: Option<Duration>,
}

impl Stream {
    /// Adds an update at the end.
    pub(crate) fn push(&mut self, status: v1::TaskStatus) {
        self.pending.push_back(status);
    }

    /// The update that waits for its acknowledgement.
    pub fn head(&self) -> Option<&v1::TaskStatus> {
        self.pending.front()
    }

    /// All that wait.
    pub fn pending(&self) -> impl Iterator<Item = &v1::TaskStatus> {
        self.pending.iter()
    }

    /// The newest update that left, or was acknowledged.
    pub fn told(&self) -> Option<&v1::TaskStatus> {
        self.told.as_ref()
    }

    /// Notes that the head was sent. Returns how long to wait before it is sent again.
    pub(crate) fn sent(&mut self) -> Duration {
        let wait = self.wait.map_or(RETRY_FIRST, |wait| (wait * 2).min(RETRY_MOST));
        self.wait = Some(wait);
        self.told = self.pending.front().cloned();
        wait
    }

    /// Starts again with short waits: there is a new link, or a new framework behind it.
    pub(crate) fn hurry(&mut self) {
        self.wait = None;
    }

    /// Takes the head away if this is its uuid.
    pub(crate) fn acknowledge(&mut self, uuid: &[u8]) -> Option<v1::TaskStatus> {
        if self.pending.front()?.uuid.as_deref() != Some(uuid) {
            return None;
        }
        self.wait = None;
        let status = self.pending.pop_front()?;
        self.told = Some(status.clone());
        Some(status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(uuid: u8) -> v1::TaskStatus {
        v1::TaskStatus { uuid: Some(vec![uuid]), ..Default::default() }
    }

    #[test]
    fn next_update_waits_for_the_acknowledgement_of_the_first() {
        let mut stream = Stream::default();
        stream.push(status(1));
        stream.push(status(2));
        assert!(stream.acknowledge(&[2]).is_none(), "the second was never sent");
        assert_eq!(stream.head(), Some(&status(1)));
        assert_eq!(stream.acknowledge(&[1]), Some(status(1)));
        assert_eq!(stream.head(), Some(&status(2)));
        assert!(stream.acknowledge(&[1]).is_none(), "an acknowledgement that came twice");
    }

    #[test]
    fn waits_double_up_to_ten_minutes() {
        let mut stream = Stream::default();
        stream.push(status(1));
        let waits: Vec<_> = (0..8).map(|_| stream.sent().as_secs()).collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 600, 600]);
        stream.hurry();
        assert_eq!(stream.sent().as_secs(), 10);
    }
}

//! How much memory the bodies of all requests may take together.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that one permit stands for; a body takes whole ones.
const PIECE: usize = 1024;

/// The room of one server.
#[derive(Clone)]
pub(crate) struct Room(Arc<Semaphore>);

/// What one request has taken of it; given back when dropped.
pub(crate) struct Taken {
    room: Arc<Semaphore>,
    pieces: Option<OwnedSemaphorePermit>,
    /// Of the last piece.
    bytes_left: usize,
}

/// There is no more room.
#[derive(Debug)]
pub(crate) struct NoRoom;

impl Room {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes_max / PIECE).min(Semaphore::MAX_PERMITS))))
    }

    pub(crate) fn nothing(&self) -> Taken {
        Taken { room: Arc::clone(&self.0), pieces: None, bytes_left: 0 }
    }
}

impl Taken {
    /// Takes room for `bytes` more, or none at all.
    pub(crate) fn more(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let beyond = bytes.saturating_sub(self.bytes_left);
        let wanted = beyond.div_ceil(PIECE);
        if wanted > 0 {
            let wanted = u32::try_from(wanted).map_err(|_| NoRoom)?;
            let more = Arc::clone(&self.room).try_acquire_many_owned(wanted).map_err(|_| NoRoom)?;
            match &mut self.pieces {
                Some(pieces) => pieces.merge(more),
                None => self.pieces = Some(more),
            }
        }
        self.bytes_left = self.bytes_left + wanted * PIECE - bytes;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_room_again() {
        let room = Room::new(10 * PIECE);
        let mut first = room.nothing();
        (0..PIECE).for_each(|_| first.more(1).expect("room"));
        assert_eq!(room.0.available_permits(), 9);
        let mut second = room.nothing();
        second.more(9 * PIECE).expect("room");
        assert!(first.more(1).is_err());
        drop(second);
        first.more(1).expect("room again");
        drop(first);
        assert_eq!(room.0.available_permits(), 10);
    }
}

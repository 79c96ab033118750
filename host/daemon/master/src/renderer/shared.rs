//! What readers have in common.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use mezzo_core_master::views::{Place, Rendering, View};
use mezzo_model::calls::{Encoding, MasterRead};
use mezzo_telemetry::Counter;

use super::Piece;

/// Renderings that may be shared: one of each read that is polled.
const RENDERINGS_MAX: usize = 8;

/// The bytes of pieces that are kept for the next reader.
const PIECES_BYTES_MAX: usize = 4 << 20;

/// A rendering that several readers may be at.
pub(super) struct Shared {
    number: u64,
    read: MasterRead,
    encoding: Encoding,
    view: Arc<View>,
    pub(super) rendering: Rendering,
}

impl Shared {
    /// Which rendering it is.
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

/// The newest rendering of each read, and the newest pieces.
pub(super) struct Kept {
    renderings: VecDeque<Arc<Shared>>,
    pieces: VecDeque<(u64, Place, Piece)>,
    bytes: usize,
    next_number: u64,
    hits: Counter,
}

impl Kept {
    pub(super) fn new(hits: Counter) -> Self {
        Self { renderings: VecDeque::new(), pieces: VecDeque::new(), bytes: 0, next_number: 0, hits }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.renderings.is_empty()
    }

    /// Forgets everything: nobody has asked for a while.
    pub(super) fn clear(&mut self) {
        self.renderings.clear();
        self.pieces.clear();
        self.bytes = 0;
    }

    /// The rendering for a new reader: the last one, if nothing has changed since.
    pub(super) fn rendering(&mut self, read: MasterRead, encoding: Encoding, view: Arc<View>) -> Arc<Shared> {
        let is_same = |shared: &&Arc<Shared>| shared.read == read && shared.encoding == encoding;
        if let Some(last) = self.renderings.iter().find(is_same)
            && last.view.shows_the_same(&view)
        {
            return Arc::clone(last);
        }
        self.renderings.retain(|shared| !is_same(&shared));
        self.next_number += 1;
        let rendering = Rendering::new(Arc::clone(&view), &read, encoding);
        let shared = Arc::new(Shared { number: self.next_number, read, encoding, view, rendering });
        if self.renderings.len() == RENDERINGS_MAX {
            self.renderings.pop_front();
        }
        self.renderings.push_back(Arc::clone(&shared));
        shared
    }

    /// The piece that begins at `from`: one that was just made, or a new one.
    pub(super) fn piece(&mut self, shared: &Arc<Shared>, from: Place) -> Piece {
        let is_wanted =
            |(number, place, _): &&(u64, Place, Piece)| (*number, *place) == (shared.number, from);
        if let Some((_, _, piece)) = self.pieces.iter().rev().find(is_wanted) {
            self.hits.increment();
            return piece.clone();
        }
        let piece = shared.made(from);
        self.keep(shared.number, from, piece.clone());
        piece
    }

    fn keep(&mut self, number: u64, from: Place, piece: Piece) {
        self.bytes += piece.0.len();
        self.pieces.push_back((number, from, piece));
        while self.bytes > PIECES_BYTES_MAX
            && let Some((_, _, (bytes, _))) = self.pieces.pop_front()
        {
            self.bytes -= Bytes::len(&bytes);
        }
    }
}

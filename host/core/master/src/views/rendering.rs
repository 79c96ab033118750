//! A view on its way to its reader, piece by piece.
//!
//! What a read shows is cut into [`Part`]s once: texts, and lists of records that are only named by
//! where they stand in the view. A piece is written when it is wanted, so a reader holds one piece
//! and the view, however long the answer and however slow the reader. Pieces depend on nothing but
//! the view: two readers of one view see the same ones.

use std::{collections::BTreeMap, sync::Arc};

use mezzo_model::{
    AgentId, FrameworkId,
    agent::Agent,
    calls::{Encoding, MasterRead},
    offer::Offer,
    table::Place as At,
};

use super::{View, legacy, sums::Sums, v1};

/// About how many bytes a piece has: enough that asking for the next one costs little beside
/// writing it, and little enough to hold one for each of many readers.
const PIECE_BYTES: usize = 128 * 1024;

/// More than a record usually takes, so that a piece does not grow.
const SLACK_BYTES: usize = 16 * 1024;

/// What a read shows of a view, to be written piece by piece.
#[derive(Debug)]
pub struct Rendering {
    view: Arc<View>,
    parts: Vec<Part>,
    is_json: bool,
    facts: Facts,
    v1: v1::Writers,
    legacy: legacy::Writers,
}

/// A place between two pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    part: u32,
    item: u32,
}

impl Place {
    /// One record further on.
    #[must_use]
    pub fn next_item(self) -> Self {
        Self { item: self.item + 1, ..self }
    }
}

/// What is worked out of a view once, since records of several kinds show it.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) sums: Sums,
    offers: BTreeMap<FrameworkId, Vec<(At, At)>>,
}

/// A part of an answer.
#[derive(Debug)]
pub(super) enum Part {
    /// These bytes.
    Text(Vec<u8>),
    /// These records, one after the other.
    List(List),
}

/// Records of one kind.
#[derive(Debug)]
pub(super) struct List {
    /// Which kind, and how it is shown.
    pub(super) of: Of,
    /// Where they stand in the view.
    pub(super) at: Vec<Item>,
}

/// Where a record stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Item {
    /// Of a task, in which table.
    pub(super) table: TaskTable,
    /// Of a completed task, where its framework stands in that table.
    pub(super) outer: At,
    pub(super) at: At,
}

/// The tables that tasks stand in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum TaskTable {
    #[default]
    Listed,
    Unreachable,
    Completed,
}

/// A kind of records, and how it is shown.
#[derive(Clone, Copy, Debug)]
pub(super) enum Of {
    /// As JSON, or as the field of this number, which is not 0.
    V1(v1::Kind, u32),
    Legacy(legacy::Kind),
}

/// What is used again from one record to the next while a piece is written.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Bytes of the record at hand.
    pub(super) bytes: Vec<u8>,
    pub(super) legacy: legacy::Scratch,
}

impl Rendering {
    /// What `read` shows of `view`. The older endpoints are JSON whatever `encoding` says.
    pub fn new(view: Arc<View>, read: &MasterRead, encoding: Encoding) -> Self {
        let facts = Facts::of(&view);
        let legacy = legacy::Writers::new(&view, read);
        let (parts, is_json) = match v1::parts(&view, &facts, read, encoding) {
            Some(parts) => (parts, encoding == Encoding::Json),
            None => (legacy.parts(&view, &facts, read), true),
        };
        Self { view, parts, is_json, facts, v1: v1::Writers::new(), legacy }
    }

    /// The piece that begins at `from`, and where the next one begins, unless this was the last.
    pub fn piece(&self, from: Place) -> (Vec<u8>, Option<Place>) {
        let mut out = Vec::with_capacity(PIECE_BYTES + SLACK_BYTES);
        let mut scratch = Scratch::default();
        let (mut part, mut item) = (from.part as usize, from.item as usize);
        while let Some(found) = self.parts.get(part) {
            match found {
                Part::Text(text) => out.extend_from_slice(text),
                Part::List(list) => {
                    for at in list.at.get(item..).unwrap_or_default() {
                        if item > 0 && self.is_json {
                            out.push(b',');
                        }
                        self.write(list.of, *at, &mut scratch, &mut out);
                        item += 1;
                        if out.len() >= PIECE_BYTES {
                            return (out, Some(place(part, item)));
                        }
                    }
                }
            }
            part += 1;
            item = 0;
        }
        (out, None)
    }

    /// All pieces together: for answers that are known to be small, and for tests.
    pub fn whole(&self) -> Vec<u8> {
        let (mut whole, mut next) = self.piece(Place::default());
        while let Some(place) = next {
            let (piece, after) = self.piece(place);
            whole.extend(piece);
            next = after;
        }
        whole
    }

    fn write(&self, of: Of, item: Item, scratch: &mut Scratch, out: &mut Vec<u8>) {
        match of {
            Of::V1(kind, number) => {
                self.v1.write(&self.view, &self.facts, (kind, number), item, scratch, out);
            }
            Of::Legacy(kind) => self.legacy.write(&self.view, &self.facts, kind, item, scratch, out),
        }
    }
}

impl Facts {
    fn of(view: &View) -> Self {
        let agents: BTreeMap<&AgentId, At> =
            view.agents.places().filter_map(|at| Some((view.agents.at(at)?.0, at))).collect();
        let mut offers: BTreeMap<FrameworkId, Vec<(At, At)>> = BTreeMap::new();
        for at in view.offers.places() {
            let Some((_, offer)) = view.offers.at(at) else { continue };
            if let Some(agent) = agents.get(&offer.agent) {
                offers.entry(offer.framework.clone()).or_default().push((at, *agent));
            }
        }
        Self { sums: Sums::of(view), offers }
    }

    /// The open offers of a framework, each with its agent.
    pub(super) fn offers<'view>(
        &self,
        view: &'view View,
        framework: &FrameworkId,
    ) -> impl Iterator<Item = (&'view Offer, &'view Agent)> {
        let places = self.offers.get(framework).map_or(&[][..], Vec::as_slice);
        places
            .iter()
            .filter_map(|(offer, agent)| Some((view.offers.at(*offer)?.1, view.agents.at(*agent)?.1)))
    }
}

fn place(part: usize, item: usize) -> Place {
    // There are fewer records than bytes of memory in a list of 16-byte places.
    Place { part: u32::try_from(part).unwrap_or(u32::MAX), item: u32::try_from(item).unwrap_or(u32::MAX) }
}

impl From<At> for Item {
    fn from(at: At) -> Self {
        Self { at, ..Self::default() }
    }
}

//! What an agent says over its link: framed, numbered, and taken by a master, whose account adds up after each.

use std::net::Ipv4Addr;

use mezzo_core_master::{Effects, Input, Master, MasterConfig, Recovered};
use mezzo_link::{Decoder, Fault};
use mezzo_model::{LinkId, Mono, Now, Wall, calls::Principal};
use mezzo_proto::mezzo::link::v1::from_agent;
use mezzo_slots::Digest;

/// No message of a test is longer.
const MESSAGE_BYTES_MAX: usize = 1 << 16;

/// The first byte says into pieces of what length the rest is cut.
pub(crate) fn target(data: &[u8]) {
    let Some((step, stream)) = data.split_first() else { return };
    let whole = messages(&[stream]);
    let pieces: Vec<&[u8]> = stream.chunks(usize::from(*step).max(1)).collect();
    assert_eq!(messages(&pieces), whole);
    if !whole.0.is_empty() {
        said(whole.0);
    }
}

fn messages(pieces: &[&[u8]]) -> (Vec<from_agent::Body>, Option<Fault>) {
    let mut decoder = Decoder::new(MESSAGE_BYTES_MAX);
    let mut messages = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next_message() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(fault) => return (messages, Some(fault)),
            }
        }
    }
    (messages, decoder.finish().err())
}

/// One agent says all of it to a master of its own.
fn said(messages: Vec<from_agent::Body>) {
    let mut world = World::new();
    let link = LinkId(1);
    world.handle(Input::LinkOpened { link, principal: Principal::ANONYMOUS });
    for body in messages {
        world.handle(Input::LinkMessage { link, body });
    }
    world.handle(Input::LinkClosed { link });
}

/// A master whose writes succeed at once; nobody hears what it sends.
struct World {
    master: Master,
    now: Now,
}

impl World {
    fn new() -> Self {
        let now = Now { mono: Mono(1_000_000_000_000), wall: Wall(1_700_000_000_000_000_000) };
        let config = MasterConfig::new("m", Ipv4Addr::LOCALHOST, 5050, "localhost");
        let (master, effects) = Master::new(config, Recovered::default(), &[Digest([1; 32])], now);
        let mut world = Self { master, now };
        world.carry_out(effects);
        world
    }

    fn handle(&mut self, input: Input) {
        let effects = self.master.handle(self.now, input);
        self.master.ledger().audit().expect("the ledger adds up");
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Effects) {
        for (ticket, _) in effects.persist {
            self.handle(Input::Persisted(ticket));
        }
        if effects.again {
            self.handle(Input::Wake);
        }
    }
}

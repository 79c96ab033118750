//! Messages in a stream of bytes: each with its length in front, each with its number inside.

use std::marker::PhantomData;

use bytes::{Buf, Bytes, BytesMut};
use mezzo_proto::{
    Message as _,
    mezzo::link::v1::{FromAgent, FromMaster, from_agent, from_master},
};

/// Digits, to base 128, of the longest length that is read at all.
const LENGTH_BYTES_MAX: usize = 5;

/// What one side says: the body of a numbered message.
pub trait Message: Sized + Send + 'static {
    /// The whole message with its length in front.
    fn encode(self, number: u64) -> Bytes;

    /// Number and body; no body when it is of a kind that this build does not know.
    ///
    /// # Errors
    ///
    /// When the bytes are no message.
    fn decode(bytes: Bytes) -> Result<(u64, Option<Self>), prost::DecodeError>;
}

macro_rules! message {
    ($body:ty, $whole:ident) => {
        impl Message for $body {
            fn encode(self, number: u64) -> Bytes {
                $whole { number, body: Some(self) }.encode_length_delimited_to_vec().into()
            }

            fn decode(bytes: Bytes) -> Result<(u64, Option<Self>), prost::DecodeError> {
                let whole = $whole::decode(bytes)?;
                Ok((whole.number, whole.body))
            }
        }
    };
}

message!(from_agent::Body, FromAgent);
message!(from_master::Body, FromMaster);

/// What is wrong with the bytes of a link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A message is longer than agreed.
    #[error("a message of {length} bytes is longer than the {limit} allowed")]
    TooLong {
        /// The announced length.
        length: u64,
        /// The limit.
        limit: usize,
    },
    /// There is no length where one is expected.
    #[error("the length of message {number} makes no sense")]
    Length {
        /// Which message would have come.
        number: u64,
    },
    /// The bytes of a message are none.
    #[error("message {number} cannot be read: {source}")]
    Malformed {
        /// Which message was expected.
        number: u64,
        /// What is wrong.
        source: prost::DecodeError,
    },
    /// A message is missing, or came twice.
    #[error("message {expected} was expected, but number {found} came")]
    Number {
        /// The next one.
        expected: u64,
        /// The one that came.
        found: u64,
    },
    /// The stream ended within a message.
    #[error("the stream ended within message {number}")]
    Truncated {
        /// Which.
        number: u64,
    },
}

/// Takes a stream of messages apart and checks their numbers.
#[derive(Debug)]
pub struct Decoder<M> {
    message_bytes_max: usize,
    pending: BytesMut,
    next: u64,
    kind: PhantomData<fn() -> M>,
}

impl<M: Message> Decoder<M> {
    /// A decoder for messages of at most `message_bytes_max` bytes.
    pub fn new(message_bytes_max: usize) -> Self {
        Self { message_bytes_max, pending: BytesMut::new(), next: 1, kind: PhantomData }
    }

    /// Appends what came in.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The next whole message. Messages of unknown kinds are counted and left out.
    ///
    /// # Errors
    ///
    /// When the bytes make no sense; the link has to be closed then.
    pub fn next_message(&mut self) -> Result<Option<M>, Fault> {
        loop {
            let Some((header, length)) = self.length()? else { return Ok(None) };
            if self.pending.len() - header < length {
                self.pending.reserve(header + length - self.pending.len());
                return Ok(None);
            }
            self.pending.advance(header);
            let bytes = self.pending.split_to(length).freeze();
            let number = self.next;
            let (found, body) = M::decode(bytes).map_err(|source| Fault::Malformed { number, source })?;
            if found != number {
                return Err(Fault::Number { expected: number, found });
            }
            self.next += 1;
            if body.is_some() {
                return Ok(body);
            }
        }
    }

    /// Says whether the stream may end here.
    ///
    /// # Errors
    ///
    /// When it ends within a message.
    pub fn finish(&self) -> Result<(), Fault> {
        if self.pending.is_empty() { Ok(()) } else { Err(Fault::Truncated { number: self.next }) }
    }

    /// How long the length itself is, and what it says.
    fn length(&self) -> Result<Option<(usize, usize)>, Fault> {
        let mut length = 0u64;
        for (at, byte) in self.pending.iter().take(LENGTH_BYTES_MAX).enumerate() {
            length |= u64::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                let fits = usize::try_from(length).ok().filter(|length| *length <= self.message_bytes_max);
                let limit = self.message_bytes_max;
                return fits.map(|length| Some((at + 1, length))).ok_or(Fault::TooLong { length, limit });
            }
        }
        if self.pending.len() < LENGTH_BYTES_MAX {
            Ok(None)
        } else {
            Err(Fault::Length { number: self.next })
        }
    }
}

#[cfg(test)]
mod tests {
    use mezzo_proto::mezzo::link::v1::{Goodbye, Ping};
    use proptest::prelude::*;

    use super::*;

    type Body = from_agent::Body;

    fn ping(nonce: u64) -> Body {
        Body::Ping(Ping { nonce })
    }

    fn decoder(bytes: &[u8]) -> Decoder<Body> {
        let mut decoder = Decoder::new(1000);
        decoder.push(bytes);
        decoder
    }

    #[test]
    fn a_gap_and_a_repetition_are_noticed() {
        let gap = [ping(7).encode(1), ping(8).encode(3)].concat();
        let mut gapped = decoder(&gap);
        assert_eq!(gapped.next_message(), Ok(Some(ping(7))));
        assert_eq!(gapped.next_message(), Err(Fault::Number { expected: 2, found: 3 }));
        let twice = [ping(7).encode(1), ping(7).encode(1)].concat();
        let mut doubled = decoder(&twice);
        assert!(doubled.next_message().is_ok());
        assert_eq!(doubled.next_message(), Err(Fault::Number { expected: 2, found: 1 }));
    }

    /// Otherwise four bytes of a stranger would make us wait for four gigabytes.
    #[test]
    fn too_long_a_message_is_refused_by_its_length() {
        let long = Body::Goodbye(Goodbye { reason: "x".repeat(2000) }).encode(1);
        assert!(matches!(decoder(&long[..2]).next_message(), Err(Fault::TooLong { limit: 1000, .. })));
        assert_eq!(decoder(&[0xff; 10]).next_message(), Err(Fault::Length { number: 1 }));
    }

    /// A newer peer may say things that we do not know; they must not end the link.
    #[test]
    fn an_unknown_message_is_counted_and_left_out() {
        // number = 1, and a field 99 that no version of ours has.
        let unknown = [6, 0x08, 0x01, 0x9a, 0x06, 0x01, b'x'];
        let bytes = [&unknown[..], &ping(5).encode(2)].concat();
        assert_eq!(decoder(&bytes).next_message(), Ok(Some(ping(5))));
    }

    #[test]
    fn an_end_within_a_message_is_told() {
        let bytes = ping(5).encode(1);
        let mut cut = decoder(&bytes[..bytes.len() - 1]);
        assert_eq!(cut.next_message(), Ok(None));
        assert_eq!(cut.finish(), Err(Fault::Truncated { number: 1 }));
    }

    proptest! {
        #[test]
        fn right_under_every_split(nonces in proptest::collection::vec(any::<u64>(), 1..6), cut in any::<prop::sample::Index>()) {
            let stream: Vec<u8> = nonces.iter().zip(1..).flat_map(|(nonce, number)| ping(*nonce).encode(number)).collect();
            let mut decoder: Decoder<Body> = Decoder::new(1000);
            let mut found = Vec::new();
            for piece in <[&[u8]; 2]>::from(stream.split_at(cut.index(stream.len()))) {
                decoder.push(piece);
                while let Some(body) = decoder.next_message().expect("own messages") {
                    found.push(body);
                }
            }
            prop_assert_eq!(found, nonces.into_iter().map(ping).collect::<Vec<_>>());
            prop_assert_eq!(decoder.finish(), Ok(()));
        }

        /// Anybody can connect to the master's port.
        #[test]
        fn hostile_bytes_never_panic(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..6)) {
            let mut decoder: Decoder<Body> = Decoder::new(1000);
            for piece in pieces {
                decoder.push(&piece);
                while let Ok(Some(_)) = decoder.next_message() {}
            }
        }

        /// The same with one byte of a good stream changed.
        #[test]
        fn damaged_streams_never_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = [ping(1).encode(1), Body::Goodbye(Goodbye { reason: "bye".into() }).encode(2)].concat();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let mut decoder = decoder(&bytes);
            while let Ok(Some(_)) = decoder.next_message() {}
        }
    }
}

//! As much HTTP/2 (RFC 9113) as it takes to say wrong things over a link.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use mezzo_proto::{Message, mezzo::link::v1::FromMaster};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
/// The first stream of a client.
const STREAM: u32 = 1;
/// What a frame may hold when nobody has said otherwise.
const FRAME_BYTES_MAX: usize = 16_384;

/// A stream on which bytes are sent as they are.
pub struct RawLink {
    socket: TcpStream,
    /// The answer's bytes that no message was made of yet.
    pending: Vec<u8>,
}

/// What the master does.
#[derive(Debug, PartialEq)]
pub enum Heard {
    Message(Box<FromMaster>),
    /// It has ended the stream or the connection.
    End,
}

impl RawLink {
    /// Opens the stream; the answer's head is not looked at.
    pub fn open(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).expect("it listens");
        socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a time-out");
        let mut link = Self { socket, pending: Vec::new() };
        link.socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect("sent");
        link.frame(SETTINGS, 0, 0, &[]);
        // HPACK (RFC 7541): `:method: POST`, `:scheme: http`, then path, authority and type as literals.
        let mut block = vec![0x83, 0x86];
        literal(0x04, mezzo_link::PATH, &mut block);
        literal(0x01, "localhost", &mut block);
        literal(0x0f, "application/x-protobuf", &mut block);
        link.frame(HEADERS, END_HEADERS, STREAM, &block);
        link
    }

    /// Sends bytes of the request's body. A master that has closed already hears nothing.
    pub fn send(&mut self, bytes: &[u8]) {
        bytes.chunks(FRAME_BYTES_MAX).for_each(|piece| self.frame(DATA, 0, STREAM, piece));
    }

    /// The next thing that the master does.
    pub fn hear(&mut self) -> Heard {
        loop {
            if let Some(message) = self.message() {
                return Heard::Message(Box::new(message));
            }
            let mut head = [0; 9];
            if self.socket.read_exact(&mut head).is_err() {
                return Heard::End;
            }
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let mut payload = vec![0; length];
            if self.socket.read_exact(&mut payload).is_err() {
                return Heard::End;
            }
            let (kind, flags) = (head[3], head[4]);
            match kind {
                DATA => self.pending.extend(payload),
                SETTINGS if flags & ACK == 0 => self.frame(SETTINGS, ACK, 0, &[]),
                PING if flags & ACK == 0 => self.frame(PING, ACK, 0, &payload),
                RST_STREAM | GOAWAY => return Heard::End,
                _ => {}
            }
            if matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
                return self.message().map_or(Heard::End, |message| Heard::Message(Box::new(message)));
            }
        }
    }

    /// One message off the front of what has come.
    fn message(&mut self) -> Option<FromMaster> {
        let mut rest = &self.pending[..];
        let message = FromMaster::decode_length_delimited(&mut rest).ok()?;
        let used = self.pending.len() - rest.len();
        self.pending.drain(..used);
        (used > 0).then_some(message)
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        let _ = self.socket.write_all(&[&head, payload].concat());
    }
}

/// A field whose name is known by its place in the static table, and whose value is not. Not to be indexed.
fn literal(name: u8, value: &str, block: &mut Vec<u8>) {
    // A place above 14 takes a second byte: 31 is `content-type`.
    match name {
        0x0f => block.extend([0x0f, 31 - 15]),
        name => block.push(name),
    }
    block.push(u8::try_from(value.len()).expect("a short value"));
    block.extend(value.as_bytes());
}

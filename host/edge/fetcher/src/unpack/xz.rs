//! Reading xz, one stream after the other.

use std::io::{self, BufRead, Read};

use lzma_rust2::XzReader;

/// What all the streams of an xz file hold.
///
/// The library could go from stream to stream by itself, but does so by recursion: a file of a
/// million empty streams would end the agent.
pub(super) struct Xz<R: BufRead>(State<R>);

enum State<R: BufRead> {
    Between(R),
    Within(Box<XzReader<R>>),
    Ended,
}

impl<R: BufRead> Xz<R> {
    pub fn new(inner: R) -> Self {
        // The first stream must be there: no bytes at all are no xz file.
        Xz(State::Within(Box::new(XzReader::new(inner, false))))
    }
}

impl<R: BufRead> Read for Xz<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            // After an error there is nothing more to read.
            match std::mem::replace(&mut self.0, State::Ended) {
                State::Ended => return Ok(0),
                State::Between(mut inner) => {
                    if is_at_end(&mut inner)? {
                        return Ok(0);
                    }
                    self.0 = State::Within(Box::new(XzReader::new(inner, false)));
                }
                State::Within(mut stream) => match stream.read(into)? {
                    0 if !into.is_empty() => self.0 = State::Between((*stream).into_inner()),
                    count => {
                        self.0 = State::Within(stream);
                        return Ok(count);
                    }
                },
            }
        }
    }
}

/// Passes the padding of zeros that may follow a stream; true where nothing else does.
fn is_at_end(inner: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = inner.fill_buf()?;
        if bytes.is_empty() {
            return Ok(true);
        }
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let is_all = zeros == bytes.len();
        inner.consume(zeros);
        if !is_all {
            return Ok(false);
        }
    }
}

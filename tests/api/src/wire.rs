//! HTTP/1.1 as it is on the socket: a client that shows everything it was sent.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

/// How long a server may say nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The words behind it.
    pub reason: String,
    /// In the order of sending.
    pub headers: Vec<(String, String)>,
    /// As text; what is none is replaced.
    pub body: String,
}

impl Answer {
    /// The first field of this name, which is spelled as on the wire.
    pub fn header(&self, name: &str) -> Option<&str> {
        value_of(&self.headers, name)
    }

    /// The body, which must be JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

fn value_of<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(this, _)| this == name).map(|(_, value)| value.as_str())
}

/// One request on a connection of its own, its answer read as it comes.
pub struct Connection {
    reader: BufReader<TcpStream>,
    /// The status.
    pub status: u16,
    /// The words behind it.
    pub reason: String,
    /// In the order of sending.
    pub headers: Vec<(String, String)>,
    is_head: bool,
}

impl Connection {
    /// Sends a request and reads the answer's head.
    pub fn open(
        address: SocketAddr,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Self {
        Self::try_open(address, method, path, headers, body).expect("an answer")
    }

    /// Sends a request and reads the answer's head.
    ///
    /// # Errors
    ///
    /// When nobody listens, or what comes back is no answer.
    pub fn try_open(
        address: SocketAddr,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> io::Result<Self> {
        let body = body.as_ref();
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Transfer-Encoding")) {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        head += "\r\n";
        // A server may answer, and stop reading, before it has everything: the answer counts.
        let _ = socket.write_all(&[head.as_bytes(), body].concat());
        let mut connection = Self {
            reader: BufReader::new(socket),
            status: 0,
            reason: String::new(),
            headers: Vec::new(),
            is_head: method == "HEAD",
        };
        connection.read_head()?;
        Ok(connection)
    }

    /// The first field of this name, which is spelled as on the wire.
    pub fn header(&self, name: &str) -> Option<&str> {
        value_of(&self.headers, name)
    }

    /// Whether the answer is a stream of events.
    pub fn is_stream(&self) -> bool {
        self.status == 200 && self.header("Content-Length").is_none() && !self.is_head
    }

    /// A handle that ends the connection from another thread.
    ///
    /// # Errors
    ///
    /// When the system has no more descriptors.
    pub fn ender(&self) -> io::Result<impl Fn() + Send + 'static> {
        let socket = self.reader.get_ref().try_clone()?;
        Ok(move || {
            let _ = socket.shutdown(Shutdown::Both);
        })
    }

    /// The whole answer, which must have a length.
    pub fn answer(self) -> Answer {
        self.try_answer().expect("the whole body")
    }

    /// The whole answer.
    ///
    /// # Errors
    ///
    /// When it has no length, or is cut off.
    pub fn try_answer(mut self) -> io::Result<Answer> {
        let length = match self.header("Content-Length") {
            _ if self.is_head => Some(0),
            Some(length) => Some(length.parse::<usize>().map_err(io::Error::other)?),
            None => None,
        };
        let mut body = Vec::new();
        match length {
            Some(length) => {
                body.resize(length, 0);
                self.reader.read_exact(&mut body)?;
            }
            None => return Err(io::Error::other(format!("no length in {:?}", self.headers))),
        }
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer { status: self.status, reason: self.reason, headers: self.headers, body })
    }

    /// The next chunk; `None` at the end of the answer.
    pub fn chunk(&mut self) -> Option<Vec<u8>> {
        self.try_chunk().expect("a whole chunk")
    }

    /// The next chunk; `None` at the end of the answer.
    ///
    /// # Errors
    ///
    /// When the connection ends first.
    pub fn try_chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let length = usize::from_str_radix(&self.line()?, 16).map_err(io::Error::other)?;
        let mut chunk = vec![0; length + 2];
        self.reader.read_exact(&mut chunk)?;
        if !chunk.ends_with(b"\r\n") {
            return Err(io::Error::other("a chunk without its end"));
        }
        chunk.truncate(length);
        Ok((length > 0).then_some(chunk))
    }

    /// The next event in JSON; `None` at the end. One record must be one chunk.
    pub fn event(&mut self) -> Option<Value> {
        self.try_event().expect("a whole event")
    }

    /// The next event in JSON; `None` at the end. One record must be one chunk.
    ///
    /// # Errors
    ///
    /// When the connection ends first, or what came is no record.
    pub fn try_event(&mut self) -> io::Result<Option<Value>> {
        let Some(chunk) = self.try_chunk()? else { return Ok(None) };
        let at = chunk.iter().position(|byte| *byte == b'\n').ok_or_else(|| io::Error::other("no length"))?;
        let length = std::str::from_utf8(&chunk[..at]).ok().and_then(|text| text.parse::<usize>().ok());
        if length != Some(chunk.len() - at - 1) {
            return Err(io::Error::other("a record and its chunk differ"));
        }
        serde_json::from_slice(&chunk[at + 1..]).map(Some).map_err(io::Error::other)
    }

    fn read_head(&mut self) -> io::Result<()> {
        let line = self.line()?;
        let mut words = line.splitn(3, ' ');
        if words.next() != Some("HTTP/1.1") {
            return Err(io::Error::other(format!("not HTTP/1.1: {line:?}")));
        }
        let status = words.next().and_then(|status| status.parse().ok());
        self.status = status.ok_or_else(|| io::Error::other(format!("no status: {line:?}")))?;
        self.reason = words.next().unwrap_or("").to_owned();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(());
            }
            let field =
                line.split_once(':').ok_or_else(|| io::Error::other(format!("no field: {line:?}")))?;
            self.headers.push((field.0.to_owned(), field.1.trim_start().to_owned()));
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line)?;
        match line.strip_suffix(b"\r\n") {
            Some(line) => Ok(String::from_utf8_lossy(line).into_owned()),
            None => Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("cut off: {line:?}"))),
        }
    }
}

//! A master, and a client that shows everything it was sent.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use mezzo_master::{Master, RawMasterFlags};
use serde_json::Value;

/// A master of the test's own, without agents and without an allocator.
pub struct Cluster {
    pub address: SocketAddr,
    master: Option<Master>,
    runtime: tokio::runtime::Runtime,
}

impl Cluster {
    pub fn start() -> Self {
        Self::with(RawMasterFlags { registry: Some("in_memory".into()), ..RawMasterFlags::default() })
    }

    pub fn with(flags: RawMasterFlags) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let flags = RawMasterFlags { port: Some(0), ..flags };
        let config = flags.into_config().expect("flags");
        let master = runtime.block_on(config.build(b"")).expect("a master");
        Self { address: master.address(), master: Some(master), runtime }
    }

    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        Connection::open(self.address, method, path, headers, body).answer()
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    /// A v1 call in JSON.
    pub fn post(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, &[("Content-Type", "application/json"), ("Accept", "application/json")], body)
    }

    /// A framework that stays subscribed for as long as the value lives.
    pub fn subscribe(&self, framework_info: &str) -> Subscribed {
        let body = format!(r#"{{"type":"SUBSCRIBE","subscribe":{{"framework_info":{framework_info}}}}}"#);
        let headers = [("Content-Type", "application/json"), ("Accept", "application/json")];
        let mut connection = Connection::open(self.address, "POST", "/api/v1/scheduler", &headers, &body);
        assert_eq!(connection.status, 200);
        let stream_id = connection.header("Mesos-Stream-Id").expect("a stream id").to_owned();
        let subscribed = connection.event().expect("an event");
        assert_eq!(subscribed["type"], "SUBSCRIBED", "{subscribed}");
        let framework_id =
            subscribed["subscribed"]["framework_id"]["value"].as_str().expect("an id").to_owned();
        Subscribed { connection, framework_id, stream_id, subscribed }
    }

    pub fn stop(mut self) {
        if let Some(master) = self.master.take() {
            self.runtime.block_on(master.stop());
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(master) = self.master.take() {
            self.runtime.block_on(master.stop());
        }
    }
}

/// A subscription.
pub struct Subscribed {
    pub connection: Connection,
    pub framework_id: String,
    pub stream_id: String,
    /// The first event.
    pub subscribed: Value,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub reason: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(this, _)| this == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// One request on a connection of its own, its answer read as it comes.
pub struct Connection {
    reader: BufReader<TcpStream>,
    pub status: u16,
    pub reason: String,
    pub headers: Vec<(String, String)>,
    is_head: bool,
}

impl Connection {
    pub fn open(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Self {
        let mut socket = TcpStream::connect(address).expect("it listens");
        socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n", body.len());
        headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        socket.write_all(format!("{head}\r\n{body}").as_bytes()).expect("sent");
        let mut connection = Self {
            reader: BufReader::new(socket),
            status: 0,
            reason: String::new(),
            headers: Vec::new(),
            is_head: method == "HEAD",
        };
        connection.read_head();
        connection
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(this, _)| this == name).map(|(_, value)| value.as_str())
    }

    /// The whole answer, which must have a length.
    pub fn answer(mut self) -> Answer {
        let length: usize = match self.header("Content-Length") {
            _ if self.is_head => 0,
            Some(length) => length.parse().expect("a length"),
            None => panic!("no length in {:?}", self.headers),
        };
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body).expect("the whole body");
        let body = String::from_utf8(body).expect("text");
        Answer { status: self.status, reason: self.reason, headers: self.headers, body }
    }

    /// The next chunk; `None` at the end of the answer.
    pub fn chunk(&mut self) -> Option<Vec<u8>> {
        let length = usize::from_str_radix(&self.line(), 16).expect("a chunk's length");
        let mut chunk = vec![0; length + 2];
        self.reader.read_exact(&mut chunk).expect("a whole chunk");
        assert!(chunk.ends_with(b"\r\n"));
        chunk.truncate(length);
        (length > 0).then_some(chunk)
    }

    /// The next event in JSON; `None` at the end. One record must be one chunk.
    pub fn event(&mut self) -> Option<Value> {
        let chunk = self.chunk()?;
        let at = chunk.iter().position(|byte| *byte == b'\n').expect("a length");
        let length: usize = std::str::from_utf8(&chunk[..at]).expect("text").parse().expect("a length");
        assert_eq!(length, chunk.len() - at - 1, "a record and its chunk differ");
        Some(serde_json::from_slice(&chunk[at + 1..]).expect("JSON"))
    }

    fn read_head(&mut self) {
        let line = self.line();
        let mut words = line.splitn(3, ' ');
        assert_eq!(words.next(), Some("HTTP/1.1"));
        self.status = words.next().and_then(|status| status.parse().ok()).expect("a status");
        self.reason = words.next().unwrap_or("").to_owned();
        loop {
            let line = self.line();
            if line.is_empty() {
                return;
            }
            let (name, value) = line.split_once(": ").expect("a field");
            self.headers.push((name.to_owned(), value.to_owned()));
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("a line");
        assert!(line.ends_with("\r\n"), "cut off: {line:?}");
        line.trim_end_matches("\r\n").to_owned()
    }
}

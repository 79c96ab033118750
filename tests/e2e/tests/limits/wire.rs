//! A client over a bare socket, which can be as slow as it likes.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::{Value, json};

/// One connection.
pub struct Client {
    socket: BufReader<TcpStream>,
    /// The head of the answer, once it was read.
    pub head: String,
}

impl Client {
    pub fn connect(port: u16) -> Self {
        let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // Tiny: thousands of these are open at once.
        Self { socket: BufReader::with_capacity(512, socket), head: String::new() }
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.socket.get_mut().write_all(bytes).unwrap();
    }

    /// POSTs JSON; the answer is for [`Self::read_head`] and what follows.
    pub fn post(&mut self, path: &str, headers: &str, body: &Value) {
        let body = body.to_string();
        let length = body.len();
        self.send(
            format!(
                "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                 Accept: application/json\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
            )
            .as_bytes(),
        );
    }

    /// Reads the head of an answer and gives its status.
    pub fn read_head(&mut self) -> u16 {
        self.head.clear();
        while !self.head.ends_with("\r\n\r\n") {
            let read = self.socket.read_line(&mut self.head).unwrap();
            assert!(read > 0, "closed after {:?}", self.head);
        }
        self.head[9..12].parse().unwrap()
    }

    /// The value of a header of the answer.
    pub fn header(&self, name: &str) -> &str {
        let prefix = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap()
    }

    /// Reads a whole answer of known length: its status and text.
    pub fn answer(&mut self) -> (u16, String) {
        let status = self.read_head();
        let mut body = vec![0; self.header("Content-Length").parse().unwrap()];
        self.socket.read_exact(&mut body).unwrap();
        (status, String::from_utf8(body).unwrap())
    }

    /// Reads one record, which is one chunk; `None` at the end of the answer.
    pub fn record(&mut self) -> Option<Value> {
        let mut line = String::new();
        if self.socket.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        let length = usize::from_str_radix(line.trim_end(), 16).unwrap();
        if length == 0 {
            return None;
        }
        let mut chunk = vec![0; length + 2];
        self.socket.read_exact(&mut chunk).ok()?;
        let at = chunk.iter().position(|byte| *byte == b'\n').unwrap();
        let announced: usize = std::str::from_utf8(&chunk[..at]).unwrap().parse().unwrap();
        assert_eq!(announced, length - at - 1, "one record is one chunk");
        Some(serde_json::from_slice(&chunk[at + 1..length]).unwrap())
    }

    /// The next record that is no heartbeat.
    pub fn event(&mut self) -> Option<Value> {
        // One each fifteen seconds: nothing has happened for a minute and more.
        for _ in 0..6 {
            let record = self.record()?;
            if record["type"] != "HEARTBEAT" {
                return Some(record);
            }
        }
        panic!("nothing but heartbeats");
    }

    /// Whether the other side has ended the connection, and in order.
    pub fn ends(&mut self) -> bool {
        matches!(self.socket.read(&mut [0]), Ok(0))
    }
}

/// An operator that has sent its SUBSCRIBE and read nothing.
pub fn watching(port: u16) -> Client {
    let mut client = Client::connect(port);
    client.post("/api/v1", "", &json!({ "type": "SUBSCRIBE" }));
    client
}

/// An operator and its snapshot.
pub fn watch(port: u16) -> (Client, Value) {
    let mut client = watching(port);
    assert_eq!(client.read_head(), 200, "{}", client.head);
    let snapshot = client.record().unwrap();
    assert_eq!(snapshot["type"], "SUBSCRIBED");
    assert_eq!(snapshot["subscribed"]["heartbeat_interval_seconds"], 15.0);
    assert_eq!(client.record().unwrap(), json!({ "type": "HEARTBEAT" }));
    (client, snapshot["subscribed"]["get_state"].clone())
}

/// A scheduler with an open stream.
pub struct Scheduler {
    pub stream: Client,
    calls: Client,
    port: u16,
    stream_id: String,
    pub framework_id: Value,
}

impl Scheduler {
    /// Subscribes; `labels` makes it as large as wanted.
    pub fn subscribe(port: u16, name: &str, labels: usize) -> Self {
        let mut stream = Client::connect(port);
        let label = json!({ "key": "padding", "value": "x".repeat(labels) });
        stream.post(
            "/api/v1/scheduler",
            "",
            &json!({ "type": "SUBSCRIBE", "subscribe": { "framework_info": {
                "user": "root", "name": name, "roles": ["test"],
                "capabilities": [{ "type": "MULTI_ROLE" }],
                "labels": { "labels": [label] },
            }}}),
        );
        assert_eq!(stream.read_head(), 200, "{}", stream.head);
        let stream_id = stream.header("Mesos-Stream-Id").to_owned();
        let subscribed = stream.event().unwrap();
        let framework_id = subscribed["subscribed"]["framework_id"].clone();
        Self { stream, calls: Client::connect(port), port, stream_id, framework_id }
    }

    /// Makes a call and gives its status.
    pub fn call(&mut self, mut call: Value) -> u16 {
        call["framework_id"] = self.framework_id.clone();
        let header = format!("Mesos-Stream-Id: {}\r\n", self.stream_id);
        self.calls.post("/api/v1/scheduler", &header, &call);
        self.calls.answer().0
    }

    /// Ends the framework.
    pub fn tear_down(mut self) {
        assert_eq!(self.call(json!({ "type": "TEARDOWN" })), 202);
    }

    /// The master's port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// One v1 read of the master.
pub fn read(port: u16, call: &str) -> Value {
    let (status, body) = e2e_tests::post(port, "/api/v1", &json!({ "type": call }).to_string()).unwrap();
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).unwrap()
}

//! Every limit of the server, with its reason.

use std::time::Duration;

/// What one server allows its clients.
#[derive(Clone, Debug)]
pub struct Config {
    /// Connections open at once: an agent, a scheduler and an operator need one or two each, and
    /// ten thousand agents must fit. For one more, those leave that have been idle for longest;
    /// where none is idle, it is told to come back. The limit on open files may lower this.
    pub connections_max: usize,
    /// Bytes of one request's target.
    pub uri_bytes_max: usize,
    /// Bytes of one request's head, and the number of its header fields.
    pub head_bytes_max: usize,
    /// See `head_bytes_max`.
    pub head_fields_max: usize,
    /// How long a client may take for one head, and how long a connection may idle before one.
    pub head_timeout: Duration,
    /// Bytes of one request's body, before and after inflating. An ACCEPT that launches ten
    /// thousand tasks is about 10 MB.
    pub body_bytes_max: usize,
    /// Bytes of the bodies of all requests together, from the first byte to the answer: so many
    /// connections with large bodies cannot take the machine's memory.
    pub bodies_bytes_max: usize,
    /// Bytes of all answers together that wait for their readers; beyond it, 503.
    pub answers_bytes_max: usize,
    /// How long a client may take for one body.
    pub body_timeout: Duration,
    /// Answers shorter than this are not compressed, as Mesos does it.
    pub gzip_bytes_min: usize,
    /// Bytes that one scheduler's event stream may be behind, and that operators' may together.
    pub stream_bytes_max: usize,
    /// How long a client may refuse to take a byte that the server wants to send.
    pub stall_timeout: Duration,
    /// HTTP/2 streams open at once on one connection.
    pub streams_per_connection_max: u32,
    /// How long a stopping server waits for the answers that are under way.
    pub drain_timeout: Duration,
}

impl Config {
    /// No more connections than a process with this limit on open files can bear beside its other
    /// files.
    pub fn fit_open_files(&mut self, open_files_max: u64) {
        let spare = (open_files_max / 8).clamp(32, 512);
        let room = usize::try_from(open_files_max.saturating_sub(spare)).unwrap_or(usize::MAX).max(1);
        self.connections_max = self.connections_max.min(room);
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connections_max: 20_000,
            uri_bytes_max: 16 << 10,
            head_bytes_max: 64 << 10,
            head_fields_max: 100,
            head_timeout: Duration::from_secs(60),
            body_bytes_max: 64 << 20,
            bodies_bytes_max: 1 << 30,
            answers_bytes_max: 1 << 30,
            body_timeout: Duration::from_secs(60),
            gzip_bytes_min: 1024,
            stream_bytes_max: 32 << 20,
            stall_timeout: Duration::from_secs(300),
            streams_per_connection_max: 256,
            drain_timeout: Duration::from_secs(5),
        }
    }
}

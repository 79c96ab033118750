//! The flags that bound what a daemon's clients may take.

use std::{ops::RangeInclusive, time::Duration};

use super::{FlagError, bytes, bytes_text, duration, duration_text};

/// What both daemons let one decide of their HTTP server. What is absent has its default in
/// [`mezzo_http::Config`].
#[derive(clap::Args, Clone, Debug, Default)]
#[command(rename_all = "snake_case")]
pub struct HttpFlags {
    /// Connections open at once; for one more the idlest is closed, and if none is idle it is told to come back. The limit on open files may lower it [default: 20000]
    #[arg(long, alias = "max-http-connections", value_name = "COUNT")]
    pub max_http_connections: Option<usize>,

    /// Size of one request's body, also after inflating; a larger one is refused with 413 [default: 64MB]
    #[arg(long, alias = "max-http-request-body", value_name = "BYTES")]
    pub max_http_request_body: Option<String>,

    /// How far the client of an event stream may be behind before it is disconnected [default: 32MB]
    #[arg(long, alias = "max-event-stream-backlog", value_name = "BYTES")]
    pub max_event_stream_backlog: Option<String>,

    /// How long the head, and then the body, of a request may take to arrive before it is refused with 408; idle connections are closed after it [default: 1mins]
    #[arg(long, alias = "http-request-timeout", value_name = "DURATION")]
    pub http_request_timeout: Option<String>,

    /// How long a client may take no byte of what is sent to it before it is disconnected [default: 5mins]
    #[arg(long, alias = "http-stall-timeout", value_name = "DURATION")]
    pub http_stall_timeout: Option<String>,
}

impl HttpFlags {
    /// These flags, and those of `lower` for what is absent here.
    #[must_use]
    pub fn or(self, lower: Self) -> Self {
        Self {
            max_http_connections: self.max_http_connections.or(lower.max_http_connections),
            max_http_request_body: self.max_http_request_body.or(lower.max_http_request_body),
            max_event_stream_backlog: self.max_event_stream_backlog.or(lower.max_event_stream_backlog),
            http_request_timeout: self.http_request_timeout.or(lower.http_request_timeout),
            http_stall_timeout: self.http_stall_timeout.or(lower.http_stall_timeout),
        }
    }

    /// What they mean.
    ///
    /// # Errors
    ///
    /// Names the first flag that has no meaning.
    pub fn config(&self) -> Result<mezzo_http::Config, FlagError> {
        let mut config = mezzo_http::Config::default();
        if let Some(count) = self.max_http_connections {
            config.connections_max = count;
            if count == 0 {
                return Err(FlagError::value("max_http_connections", "it is at least 1"));
            }
        }
        let sizes = [
            ("max_http_request_body", &self.max_http_request_body, &mut config.body_bytes_max),
            ("max_event_stream_backlog", &self.max_event_stream_backlog, &mut config.stream_bytes_max),
        ];
        for (name, given, size) in sizes {
            if let Some(text) = given {
                *size = within(name, text, bytes(text), 1 << 10..=1 << 30, bytes_text)?;
            }
        }
        let times = [
            ("http_request_timeout", &self.http_request_timeout, &mut config.head_timeout),
            ("http_stall_timeout", &self.http_stall_timeout, &mut config.stall_timeout),
        ];
        for (name, given, time) in times {
            if let Some(text) = given {
                let range = Duration::from_millis(100)..=Duration::from_secs(24 * 3600);
                *time = within(name, text, duration(text), range, duration_text)?;
            }
        }
        config.body_timeout = config.head_timeout;
        Ok(config)
    }

    /// Those that are in force, as `/state` shows flags.
    pub fn in_force(config: &mezzo_http::Config) -> [(&'static str, String); 5] {
        [
            ("max_http_connections", config.connections_max.to_string()),
            ("max_http_request_body", bytes_text(config.body_bytes_max)),
            ("max_event_stream_backlog", bytes_text(config.stream_bytes_max)),
            ("http_request_timeout", duration_text(config.head_timeout)),
            ("http_stall_timeout", duration_text(config.stall_timeout)),
        ]
    }
}

fn within<T: PartialOrd>(
    name: &str,
    text: &str,
    value: Result<T, String>,
    range: RangeInclusive<T>,
    write: impl Fn(T) -> String,
) -> Result<T, FlagError> {
    let value = value.map_err(|why| FlagError::value(name, why))?;
    if range.contains(&value) {
        return Ok(value);
    }
    let (least, most) = range.into_inner();
    Err(FlagError::value(name, format!("`{text}` is not from {} to {}", write(least), write(most))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_flags_are_the_servers_defaults() {
        let (config, default) = (HttpFlags::default().config().expect("fine"), mezzo_http::Config::default());
        assert_eq!(HttpFlags::in_force(&config), HttpFlags::in_force(&default));
        assert_eq!(config.body_timeout, default.body_timeout);
    }

    #[test]
    fn what_is_too_much_is_refused_by_name() {
        let flags = HttpFlags { max_http_request_body: Some("2GB".to_owned()), ..HttpFlags::default() };
        let error = flags.config().expect_err("too much").to_string();
        assert_eq!(error, "`--max_http_request_body` cannot be that: `2GB` is not from 1KB to 1GB");
        let flags = HttpFlags { http_stall_timeout: Some("1ms".to_owned()), ..HttpFlags::default() };
        assert!(flags.config().expect_err("too short").to_string().contains("100ms to 1days"));
    }
}

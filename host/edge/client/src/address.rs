//! Where a server is: `host:port`.

use std::fmt;

use http::uri::Authority;

use crate::ClientError;

/// A server's host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address(Authority);

impl Address {
    /// Reads `host:port`, with or without `http://` in front.
    pub(crate) fn parse(text: &str) -> Result<Self, ClientError> {
        let wrong = |why| ClientError::Address { address: text.to_owned(), why };
        if text.starts_with("https://") {
            return Err(wrong("TLS is not supported yet; leave `https://` out"));
        }
        if text.starts_with("zk://") {
            return Err(wrong("finding the master through ZooKeeper is not supported yet; give HOST:PORT"));
        }
        let plain = text.strip_prefix("http://").unwrap_or(text);
        let plain = plain.strip_suffix('/').unwrap_or(plain);
        let authority: Authority = plain.parse().map_err(|_| wrong("it has to be HOST:PORT"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("it has to be HOST:PORT, without a user"));
        }
        match authority.port_u16() {
            Some(port) if port > 0 => Ok(Self(authority)),
            _ => Err(wrong("it has to be HOST:PORT, and the port is missing")),
        }
    }

    /// Reads a `Location`: an address and, if there is one, a path.
    pub(crate) fn of_location(location: &str) -> Option<(Self, Option<String>)> {
        let rest = location.strip_prefix("http:").unwrap_or(location).strip_prefix("//")?;
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        let path = path.starts_with('/').then(|| path.to_owned());
        Some((Self::parse(authority).ok()?, path.filter(|path| path != "/")))
    }

    pub(crate) fn authority(&self) -> Authority {
        self.0.clone()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_host_and_port() {
        for good in ["127.0.0.1:5050", "http://localhost:5050/", "[::1]:5050"] {
            Address::parse(good).expect(good);
        }
        for (bad, why) in [
            ("127.0.0.1", "the port is missing"),
            ("host:0", "the port is missing"),
            ("", "HOST:PORT"),
            ("a b:1", "HOST:PORT"),
            ("https://host:5050", "TLS is not supported yet"),
            ("zk://host:2181/mesos", "ZooKeeper is not supported yet"),
            ("user@host:1", "without a user"),
        ] {
            let error = Address::parse(bad).expect_err(bad).to_string();
            assert!(error.contains(why) && error.contains(&format!("`{bad}`")), "{error}");
        }
    }

    /// Mesos names the leader without a scheme, and not always with a path.
    #[test]
    fn locations_may_lack_scheme_and_path() {
        let read =
            |location| Address::of_location(location).map(|(address, path)| (address.to_string(), path));
        assert_eq!(read("//m2:5050"), Some(("m2:5050".into(), None)));
        assert_eq!(read("//m2:5050/"), Some(("m2:5050".into(), None)));
        assert_eq!(read("http://m2:5050/api/v1?x=y"), Some(("m2:5050".into(), Some("/api/v1?x=y".into()))));
        assert_eq!(read("/elsewhere"), None);
        assert_eq!(read("https://m2:5050/x"), None);
    }
}

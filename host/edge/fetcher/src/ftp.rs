//! Downloading over ftp, in passive mode, and ftps: the same within TLS from the first byte.
//!
//! What the server says of where its data is to be had is believed as far as the port: the host is
//! the one that was asked (RFC 2577, 2).

use std::{io, net::SocketAddr, sync::Arc};

use reqwest::Url;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::ConfigVerifierExt;
use tokio::{
    fs::File,
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpStream, lookup_host},
    time::{timeout, timeout_at},
};
use tokio_rustls::TlsConnector;

use crate::{Cause, FetchRequest, pace::Pace};

/// A line of a reply is not longer than this, and a reply has not more lines than this.
const LINE_BYTES_MAX: u64 = 4096;
const LINES_MAX: usize = 200;

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// Brings `url` into the open `file`, and returns its size. `heard` hears of bytes so far.
pub(crate) async fn download(
    url: &Url,
    file: &mut File,
    name: &str,
    request: &FetchRequest,
    heard: impl Fn(u64, Option<u64>),
) -> Result<u64, Cause> {
    let path = path(url)?;
    let stalled = |_| Cause::Stalled { received: 0, limit: request.stall_timeout };
    let (mut session, mut data) =
        timeout(request.stall_timeout, Session::retrieve(url, &path)).await.map_err(stalled)??;

    let not_written = |source| Cause::Write { target: name.to_owned(), source };
    let mut pace = Pace::new(request.stall_timeout);
    let mut received = 0;
    let mut buffer = vec![0; 128 << 10];
    loop {
        let count = match timeout_at(pace.deadline, data.read(&mut buffer)).await {
            Ok(Ok(0)) => break,
            Ok(Ok(count)) => count,
            Ok(Err(source)) => return Err(Cause::Ftp { received, source }),
            Err(_) if pace.next_window() => continue,
            Err(_) => return Err(Cause::Stalled { received, limit: request.stall_timeout }),
        };
        received += count as u64;
        pace.bytes += count as u64;
        if received > request.limits.bytes_max {
            return Err(Cause::TooLarge { limit: request.limits.bytes_max });
        }
        file.write_all(&buffer[..count]).await.map_err(not_written)?;
        heard(received, None);
    }
    drop(data);
    file.flush().await.map_err(not_written)?;
    // Only this tells a file that ends from a connection that does.
    timeout(request.stall_timeout, session.expect("after the file", &[226, 250]))
        .await
        .map_err(stalled)??;
    Ok(received)
}

/// The connection on which is said what is wanted.
struct Session {
    stream: BufReader<Box<dyn Stream>>,
    peer: SocketAddr,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Session {
    /// Everything up to the first byte of the file.
    async fn retrieve(url: &Url, path: &str) -> Result<(Session, Box<dyn Stream>), Cause> {
        let mut session = Session::open(url).await?;
        session.expect("a greeting", &[220]).await?;
        session.log_in(url).await?;
        if session.tls.is_some() {
            session.ask("PBSZ 0", &[200]).await?;
            session.ask("PROT P", &[200]).await?;
        }
        session.ask("TYPE I", &[200]).await?;
        let port = session.passive_port().await?;
        let data = TcpStream::connect((session.peer.ip(), port)).await.map_err(unreachable_at)?;
        session.ask(&format!("RETR {path}"), &[125, 150]).await?;
        let data = session.secured(data).await?;
        Ok((session, data))
    }

    async fn open(url: &Url) -> Result<Session, Cause> {
        let is_secure = url.scheme() == "ftps";
        let host = url.host_str().unwrap_or_default();
        let port = url.port().unwrap_or(if is_secure { 990 } else { 21 });
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let all: Vec<SocketAddr> = lookup_host((bare, port)).await.map_err(unreachable_at)?.collect();
        let stream = TcpStream::connect(all.as_slice()).await.map_err(unreachable_at)?;
        let peer = stream.peer_addr().map_err(unreachable_at)?;
        let tls = match is_secure {
            true => Some((connector()?, server_name(bare)?)),
            false => None,
        };
        let nothing: Box<dyn Stream> = Box::new(tokio::io::empty());
        let mut session = Session { stream: BufReader::new(nothing), peer, tls };
        session.stream = BufReader::new(session.secured(stream).await?);
        Ok(session)
    }

    async fn secured(&self, stream: TcpStream) -> Result<Box<dyn Stream>, Cause> {
        let Some((connector, name)) = &self.tls else { return Ok(Box::new(stream)) };
        Ok(Box::new(connector.connect(name.clone(), stream).await.map_err(unreachable_at)?))
    }

    async fn log_in(&mut self, url: &Url) -> Result<(), Cause> {
        let user = match url.username() {
            "" => "anonymous".to_owned(),
            user => plain(user)?,
        };
        let (code, _) = self.ask(&format!("USER {user}"), &[230, 331]).await?;
        if code == 331 {
            let password = url.password().map_or(Ok("mezzo@".to_owned()), plain)?;
            self.send(&format!("PASS {password}")).await?;
            self.expect("PASS", &[202, 230]).await?;
        }
        Ok(())
    }

    async fn passive_port(&mut self) -> Result<u16, Cause> {
        self.send("EPSV").await?;
        let (code, text) = self.reply().await?;
        let port = match code {
            229 => text.split('|').nth(3).and_then(|port| port.parse().ok()),
            _ => {
                let (_, text) = self.ask("PASV", &[227]).await?;
                let digits = text.rsplit(|c: char| !(c.is_ascii_digit() || c == ','));
                let numbers = digits.into_iter().find(|part| part.contains(','));
                let mut last: Vec<u16> = numbers
                    .into_iter()
                    .flat_map(|all| all.split(','))
                    .filter_map(|n| n.parse().ok())
                    .collect();
                let (low, high) = (last.pop(), last.pop());
                high.zip(low).and_then(|(high, low)| high.checked_mul(256)?.checked_add(low))
            }
        };
        port.filter(|port| *port > 0)
            .ok_or_else(|| Cause::FtpRefused { asked: "for a port".to_owned(), said: text })
    }

    async fn ask(&mut self, line: &str, good: &[u16]) -> Result<(u16, String), Cause> {
        self.send(line).await?;
        self.expect(line, good).await
    }

    async fn send(&mut self, line: &str) -> Result<(), Cause> {
        let stream = self.stream.get_mut();
        stream.write_all(format!("{line}\r\n").as_bytes()).await.map_err(unreachable_at)?;
        stream.flush().await.map_err(unreachable_at)
    }

    async fn expect(&mut self, asked: &str, good: &[u16]) -> Result<(u16, String), Cause> {
        let (code, text) = self.reply().await?;
        match good.contains(&code) {
            true => Ok((code, text)),
            false => Err(Cause::FtpRefused { asked: asked.to_owned(), said: text }),
        }
    }

    /// One reply, of one line or several: `230-…` until `230 …` (RFC 959, 4.2).
    async fn reply(&mut self) -> Result<(u16, String), Cause> {
        let mut first = None;
        for _ in 0..LINES_MAX {
            let mut line = Vec::new();
            let mut limited = (&mut self.stream).take(LINE_BYTES_MAX);
            limited.read_until(b'\n', &mut line).await.map_err(unreachable_at)?;
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            let code: Option<u16> = text.get(..3).and_then(|code| code.parse().ok());
            match (first, code, text.as_bytes().get(3)) {
                _ if line.is_empty() => return Err(unreachable_at(io::ErrorKind::UnexpectedEof.into())),
                (None, Some(code), Some(b'-')) => first = Some(code),
                (None, Some(code), None | Some(b' ')) => return Ok((code, text)),
                (Some(begun), Some(code), None | Some(b' ')) if begun == code => return Ok((code, text)),
                (Some(_), _, _) => {}
                (None, _, _) => {
                    return Err(Cause::FtpRefused { asked: "in the words of ftp".to_owned(), said: text });
                }
            }
        }
        Err(unreachable_at(io::Error::other(format!("a reply of more than {LINES_MAX} lines"))))
    }
}

fn connector() -> Result<TlsConnector, Cause> {
    // Somebody else in the process may have installed one already: that one serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = rustls::ClientConfig::with_platform_verifier();
    Ok(TlsConnector::from(Arc::new(config.map_err(|error| unreachable_at(io::Error::other(error)))?)))
}

fn server_name(host: &str) -> Result<ServerName<'static>, Cause> {
    ServerName::try_from(host.to_owned()).map_err(|error| Cause::Malformed { why: error.to_string() })
}

fn unreachable_at(source: io::Error) -> Cause {
    Cause::Ftp { received: 0, source }
}

/// What is asked for: relative to where the account begins (RFC 1738, 3.2.2).
fn path(url: &Url) -> Result<String, Cause> {
    plain(url.path().trim_start_matches('/'))
}

/// A part of a URL without its escapes. It becomes part of a line, so it must be one.
fn plain(text: &str) -> Result<String, Cause> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%')
            .then(|| u8::from_str_radix(std::str::from_utf8(after.get(..2)?).ok()?, 16).ok())
            .flatten();
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    let text =
        String::from_utf8(bytes).map_err(|_| Cause::Malformed { why: "it is not UTF-8".to_owned() })?;
    match text.contains(['\r', '\n', '\0']) {
        true => Err(Cause::IllegalCharacters),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_and_lines_stay_one() {
        assert_eq!(plain("a%20b%2fc%zz%").unwrap(), "a b/c%zz%");
        for wrong in ["a%0d%0aDELE%20x", "a%0ab", "%00"] {
            assert!(matches!(plain(wrong), Err(Cause::IllegalCharacters)), "{wrong}");
        }
        assert_eq!(path(&Url::parse("ftp://h//etc/x").unwrap()).unwrap(), "etc/x");
    }
}

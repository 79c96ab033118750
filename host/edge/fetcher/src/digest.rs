//! Check sums: what a URI says its content must be, and what it is.

use std::{fmt, fs::File, io, io::Read};

use sha2::Digest;

use crate::{Cause, work::Stop};

/// What stands after a URI that says what its content must be.
const MARK: &str = "#sha256=";

/// A check sum of 256 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sha256([u8; 32]);

impl Sha256 {
    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Sha256> {
        let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
        let bytes: Vec<u8> = digits?
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | *digit as u8))
            .collect();
        (text.len() == 64).then_some(Sha256(bytes.try_into().ok()?))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Takes `URI#sha256=HEX` apart. The mark is no part of what is asked for, nor of the name.
pub(crate) fn split(uri: &str) -> Result<(&str, Option<Sha256>), Cause> {
    let Some((plain, text)) = uri.rsplit_once(MARK) else { return Ok((uri, None)) };
    match Sha256::parse(text) {
        Some(checksum) => Ok((plain, Some(checksum))),
        None => Err(Cause::ChecksumMalformed { text: text.chars().take(80).collect() }),
    }
}

/// The check sum of all of `file` from where it stands.
pub(crate) fn of(mut file: &File, stop: &Stop) -> io::Result<Sha256> {
    let mut hash = sha2::Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        stop.check()?;
        match file.read(&mut buffer)? {
            0 => return Ok(Sha256(hash.finalize().into())),
            count => hash.update(&buffer[..count]),
        }
    }
}

pub(crate) fn unreadable(source: io::Error) -> Cause {
    Cause::Reread { source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mark_is_taken_off_and_must_be_whole() {
        let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let uri = format!("http://h/a.tgz#sha256={sum}");
        let (plain, checksum) = split(&uri).unwrap();
        assert_eq!((plain, checksum.unwrap().to_string().as_str()), ("http://h/a.tgz", sum));
        assert_eq!(split("http://h/a#b").unwrap(), ("http://h/a#b", None));
        for wrong in ["", "12", &sum[1..], &format!("{sum}0"), &sum.replace('e', "g")] {
            let said = split(&format!("/a#sha256={wrong}")).unwrap_err().to_string();
            assert!(said.contains("64 hexadecimal digits"), "{said}");
        }
    }
}

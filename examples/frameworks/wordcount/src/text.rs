//! The text, and its pieces.

use std::{ops::Range, path::PathBuf};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;

/// A text in memory, cut at line ends so that no word is torn.
#[derive(Clone)]
pub struct Text {
    bytes: Bytes,
    cuts: Vec<Range<usize>>,
    digest: String,
}

impl Text {
    pub fn read(files: &[PathBuf], pieces: usize) -> Result<Text> {
        let mut bytes = Vec::new();
        for file in files {
            let content = std::fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
            bytes.extend(content);
        }
        ensure!(!bytes.is_empty(), "there is no text in {files:?}");
        Ok(Text::new(bytes, pieces))
    }

    pub fn new(bytes: Vec<u8>, pieces: usize) -> Text {
        Text { digest: digest(&bytes), cuts: cuts(&bytes, pieces), bytes: bytes.into() }
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn pieces(&self) -> usize {
        self.cuts.len()
    }

    pub fn piece(&self, index: usize) -> Option<Bytes> {
        self.cuts.get(index).map(|cut| self.bytes.slice(cut.clone()))
    }

    pub fn whole(&self) -> Bytes {
        self.bytes.clone()
    }

    /// Tells one text from another.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

/// At most `pieces` ranges of about the same length that end after a newline, or at the end.
fn cuts(bytes: &[u8], pieces: usize) -> Vec<Range<usize>> {
    let step = bytes.len().div_ceil(pieces.max(1)).max(1);
    let mut cuts = Vec::new();
    let mut start = 0;
    while start < bytes.len() {
        let earliest = (start + step - 1).min(bytes.len() - 1);
        let end = bytes[earliest..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(bytes.len(), |n| earliest + n + 1);
        cuts.push(start..end);
        start = end;
    }
    cuts
}

/// FNV-1a: not against forgers, only against a state file of another text.
fn digest(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_whole_text_and_end_at_line_ends() {
        let text: Vec<u8> =
            (0..1000).flat_map(|n| format!("line {n}\n{}", "x".repeat(n % 50)).into_bytes()).collect();
        for pieces in [1, 2, 3, 7, 100, 100_000] {
            let cut = Text::new(text.clone(), pieces);
            let parts: Vec<_> = (0..cut.pieces()).map(|index| cut.piece(index).unwrap()).collect();
            assert!(parts.len() <= pieces);
            assert_eq!(parts.concat(), text);
            assert!(parts[..parts.len() - 1].iter().all(|part| part.ends_with(b"\n")));
        }
    }

    #[test]
    fn text_without_line_ends_is_one_piece() {
        assert_eq!(Text::new(b"a b c".to_vec(), 3).pieces(), 1);
    }
}

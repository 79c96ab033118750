//! How often each word stands in a text, as `sort | uniq -c` says it.

use std::{collections::BTreeMap, process::Stdio};

use anyhow::{Context, Result, ensure};
use tokio::{io::AsyncWriteExt, process::Command};

use crate::text::Text;

/// What each task runs over its piece, and we run over the whole.
pub const PIPELINE: &str = "tr -cs 'A-Za-z' '\\n' | tr A-Z a-z | sort -S 16M -T . | uniq -c";

/// Words and how often each was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<String, u64>);

impl Counts {
    /// Reads lines of `COUNT WORD`. The empty word, which stands for what is before the first
    /// letter, is nobody's word.
    pub fn parse(lines: &str) -> Result<Counts> {
        let mut counts = Counts::default();
        for line in lines.lines() {
            let line = line.trim_start();
            let (count, word) = line.split_once(' ').unwrap_or((line, ""));
            let count = count.parse().with_context(|| format!("`{line}` is not a count and a word"))?;
            if !word.is_empty() {
                counts.add(word, count);
            }
        }
        Ok(counts)
    }

    pub fn merge(&mut self, other: &Counts) {
        for (word, count) in &other.0 {
            self.add(word, *count);
        }
    }

    fn add(&mut self, word: &str, count: u64) {
        *self.0.entry(word.to_owned()).or_default() += count;
    }

    pub fn of(&self, word: &str) -> u64 {
        self.0.get(word).copied().unwrap_or(0)
    }

    pub fn words(&self) -> u64 {
        self.0.values().sum()
    }

    pub fn distinct(&self) -> usize {
        self.0.len()
    }

    /// The `n` words seen most often, and among equals the first in the alphabet.
    pub fn top(&self, n: usize) -> Vec<(&str, u64)> {
        let mut all: Vec<_> = self.0.iter().map(|(word, count)| (word.as_str(), *count)).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        all.truncate(n);
        all
    }
}

/// Counts the whole text with the plain pipeline, on this machine.
pub async fn of_pipeline(text: &Text) -> Result<Counts> {
    let scratch = std::env::temp_dir();
    let mut child = Command::new("sh")
        .args(["-c", PIPELINE])
        .env("LC_ALL", "C")
        .current_dir(&scratch)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("cannot run `sh`")?;
    let mut stdin = child.stdin.take().context("the pipeline has no stdin")?;
    let whole = text.whole();
    let feed = tokio::spawn(async move { stdin.write_all(&whole).await });
    let output = child.wait_with_output().await.context("the plain pipeline broke")?;
    feed.await?.context("the plain pipeline did not take the text")?;
    ensure!(output.status.success(), "the plain pipeline ended with {}", output.status);
    Counts::parse(&String::from_utf8_lossy(&output.stdout))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pieces_add_up_to_the_whole() {
        let text = Text::new(b"  The cat, the DOG\n\n42 and the Cat.\nno line end".to_vec(), 3);
        let mut sum = Counts::default();
        for index in 0..text.pieces() {
            let piece = Text::new(text.piece(index).unwrap().to_vec(), 1);
            sum.merge(&of_pipeline(&piece).await.unwrap());
        }
        let whole = of_pipeline(&text).await.unwrap();
        assert_eq!(sum, whole);
        assert_eq!(whole.top(2), [("the", 3), ("cat", 2)]);
        assert_eq!((whole.words(), whole.distinct()), (10, 7));
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(Counts::parse("  3 the\nwhat\n").is_err());
    }
}

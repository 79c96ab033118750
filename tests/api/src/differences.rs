//! `differences.toml`: every difference from Mesos that is meant, and why.

use std::{fs, path::Path};

use anyhow::Context;
use serde::Deserialize;

use crate::Difference;

/// The entries that count in one comparison, and which of them were needed.
#[derive(Debug)]
pub struct Accounted {
    entries: Vec<(Entry, usize)>,
}

/// One entry. In `call`, `at`, `mesos` and `mezzo` a `*` stands for anything.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// `peer`, `recorded`: where the difference is seen.
    seen: Vec<String>,
    call: Patterns,
    at: Patterns,
    #[serde(default)]
    mesos: Option<String>,
    #[serde(default)]
    mezzo: Option<String>,
    reason: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Patterns {
    One(String),
    Several(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    difference: Vec<Entry>,
}

/// What is to be said of a difference.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Verdict {
    /// The difference.
    #[serde(flatten)]
    pub difference: Difference,
    /// Why it is meant; `None` when nobody has said.
    pub reason: Option<String>,
}

impl Accounted {
    /// The entries that say they are seen in `comparison`.
    ///
    /// # Errors
    ///
    /// When the file is not understood, or an entry gives no reason.
    pub fn read(comparison: &str) -> anyhow::Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("differences.toml");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Self::parse(&text, comparison)
    }

    fn parse(text: &str, comparison: &str) -> anyhow::Result<Self> {
        let file: File = toml::from_str(text).context("differences.toml is not understood")?;
        for entry in &file.difference {
            anyhow::ensure!(entry.reason.len() > 10, "an entry without a reason: {entry:?}");
            anyhow::ensure!(
                !entry.seen.is_empty()
                    && entry.seen.iter().all(|seen| ["peer", "recorded"].contains(&seen.as_str())),
                "`seen` names `peer` or `recorded` or both: {entry:?}"
            );
        }
        let counts = |seen: &[String]| seen.iter().any(|seen| seen == comparison);
        let entries = file.difference.into_iter().filter(|entry| counts(&entry.seen));
        Ok(Self { entries: entries.map(|entry| (entry, 0)).collect() })
    }

    /// Looks for the first entry that explains a difference.
    pub fn judge(&mut self, difference: Difference) -> Verdict {
        let found = self.entries.iter_mut().find(|(entry, _)| entry.explains(&difference));
        let reason = found.map(|(entry, used)| {
            *used += 1;
            entry.reason.clone()
        });
        Verdict { difference, reason }
    }

    /// Entries that explained nothing: what they speak of does not differ any more.
    pub fn stale(&self) -> Vec<String> {
        let unused = self.entries.iter().filter(|(_, used)| *used == 0);
        unused.map(|(entry, _)| format!("{:?} {:?}: {}", entry.call, entry.at, entry.reason)).collect()
    }
}

impl Entry {
    fn explains(&self, difference: &Difference) -> bool {
        let fits = |pattern: &Option<String>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| matches(pattern, text))
        };
        self.call.fit(&difference.call)
            && self.at.fit(&difference.at)
            && fits(&self.mesos, &difference.mesos)
            && fits(&self.mezzo, &difference.mezzo)
    }
}

impl Patterns {
    fn fit(&self, text: &str) -> bool {
        match self {
            Patterns::One(pattern) => matches(pattern, text),
            Patterns::Several(patterns) => patterns.iter().any(|pattern| matches(pattern, text)),
        }
    }
}

/// Whether a text fits a pattern in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| matches(after, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(call: &str, at: &str) -> Difference {
        Difference { call: call.into(), at: at.into(), mesos: "200".into(), mezzo: "404".into() }
    }

    #[test]
    fn stars_stand_for_anything() {
        assert!(matches("GET *", "GET /state"));
        assert!(matches("*/x*", "a/x"));
        assert!(!matches("GET /state", "GET /state2"));
        assert!(!matches("*b", "abc"));
    }

    /// A difference without a reason fails, and so does a reason without a difference.
    #[test]
    fn entries_are_used_or_stale() {
        let text = r#"
            [[difference]]
            seen = ["peer"]
            call = ["GET /a*", "GET /b"]
            at = "status"
            mezzo = "404"
            reason = "It is not there on purpose."
            [[difference]]
            seen = ["peer", "recorded"]
            call = "*"
            at = "text"
            reason = "Words differ, and both are clear."
        "#;
        let mut accounted = Accounted::parse(text, "peer").unwrap();
        assert!(accounted.judge(difference("GET /ab", "status")).reason.is_some());
        assert!(accounted.judge(difference("GET /c", "status")).reason.is_none());
        assert_eq!(accounted.stale().len(), 1);
        assert_eq!(Accounted::parse(text, "recorded").unwrap().stale().len(), 1);
        assert!(
            Accounted::parse("[[difference]]\nseen=[]\ncall=\"a\"\nat=\"b\"\nreason=\"\"", "peer").is_err()
        );
    }
}

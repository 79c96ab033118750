//! What a person sees: how it goes on, and the result.

use std::{cell::Cell, io::IsTerminal, time::Duration};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::counts::Counts;

/// A bar on a terminal, else a line now and then. All of it on stderr: stdout has the result only.
pub struct Show {
    bar: Option<ProgressBar>,
    last: Cell<usize>,
}

impl Show {
    pub fn new() -> Show {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{bar:40} {pos} of {len} pieces counted, {msg}, {elapsed}");
            ProgressBar::no_length().with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Show { bar, last: Cell::new(usize::MAX) }
    }

    pub fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }

    pub fn progress(&self, counted: usize, running: usize, pieces: usize) {
        if let Some(bar) = &self.bar {
            bar.set_length(pieces as u64);
            bar.set_position(counted as u64);
            bar.set_message(format!("{running} under way"));
            if counted == pieces {
                bar.finish();
            }
        } else if self.last.replace(counted) != counted {
            eprintln!("{counted} of {pieces} pieces counted, {running} under way");
        }
    }
}

/// Both counts, side by side.
pub struct Report {
    pub cluster: Counts,
    pub cluster_took: Duration,
    pub plain: Counts,
    pub plain_took: Duration,
}

impl Report {
    pub fn is_right(&self) -> bool {
        self.cluster == self.plain
    }

    pub fn print(&self, top: usize, json: bool) -> Result<()> {
        match json {
            true => println!("{}", self.as_json(top)),
            false => print!("{}", self.as_table(top)),
        }
        Ok(())
    }

    fn as_json(&self, top: usize) -> serde_json::Value {
        let side = |counts: &Counts, took: Duration| {
            let top: Vec<_> =
                counts.top(top).iter().map(|(word, count)| json!({"word": word, "count": count})).collect();
            json!({"words": counts.words(), "distinct": counts.distinct(), "top": top, "seconds": took.as_secs_f64()})
        };
        json!({
            "equal": self.is_right(),
            "cluster": side(&self.cluster, self.cluster_took),
            "plain": side(&self.plain, self.plain_took),
        })
    }

    fn as_table(&self, top: usize) -> String {
        let row =
            |name: &str, cluster: String, plain: String| format!("{name:<16}{cluster:>14}{plain:>14}\n");
        let number = |n: u64| with_commas(n);
        let mut table = row("", "cluster".into(), "pipeline".into());
        for (word, count) in self.cluster.top(top) {
            table += &row(word, number(count), number(self.plain.of(word)));
        }
        table += &row("all words", number(self.cluster.words()), number(self.plain.words()));
        let distinct = |counts: &Counts| number(counts.distinct() as u64);
        table += &row("distinct words", distinct(&self.cluster), distinct(&self.plain));
        let seconds = |took: Duration| format!("{:.1} s", took.as_secs_f64());
        table += &row("time", seconds(self.cluster_took), seconds(self.plain_took));
        table += match self.is_right() {
            true => "Equal, word for word.\n",
            false => "NOT EQUAL: the cluster counted wrong.\n",
        };
        table
    }
}

/// 1234567 as 1,234,567.
fn with_commas(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_says_whether_both_agree() {
        let counts = |lines| Counts::parse(lines).unwrap();
        let took = Duration::from_millis(1500);
        let mut report = Report {
            cluster: counts("1234567 the\n 2 cat\n"),
            cluster_took: took,
            plain: counts("1234567 the\n 2 cat\n"),
            plain_took: took,
        };
        assert!(report.is_right());
        let table = report.as_table(1);
        assert!(table.contains("the                  1,234,567     1,234,567"), "{table}");
        assert!(table.ends_with("Equal, word for word.\n") && !table.contains("cat"));
        assert_eq!(report.as_json(1)["equal"], true);

        report.plain = counts("1234567 the\n 3 cat\n");
        assert!(!report.is_right());
        assert!(report.as_table(1).contains("NOT EQUAL"));
    }
}

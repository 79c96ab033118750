//! Reads what test programs print, and sums it up.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

const SLOWEST_SHOWN: usize = 20;
const SKIPPED: &str = "SKIPPED: ";

/// The skips that are accepted.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skips {
    #[serde(default)]
    skip: Vec<Skip>,
}

/// One accepted reason.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Skip {
    /// What stands after `SKIPPED: `, or its beginning.
    reason: String,
    /// Why that is acceptable.
    because: String,
}

impl Skips {
    pub fn read(file: &str) -> Result<Skips> {
        let skips: Skips = toml::from_str(file).context("tests/skips.toml is not understood")?;
        for skip in &skips.skip {
            ensure!(
                skip.reason.len() >= 8,
                "tests/skips.toml: the reason `{}` would match too much",
                skip.reason
            );
            ensure!(!skip.because.trim().is_empty(), "tests/skips.toml: `{}` has no `because`", skip.reason);
        }
        Ok(skips)
    }

    fn accept(&self, reason: &str) -> bool {
        self.skip.iter().any(|skip| reason.starts_with(&skip.reason))
    }
}

/// All that was seen so far.
pub struct Report {
    skips: Skips,
    begun: Instant,
    program: String,
    section: Section,
    times: Vec<(Duration, String)>,
    skipped: BTreeMap<String, Vec<String>>,
    failed_programs: Vec<String>,
    /// Of the program that runs.
    failed_tests: Vec<String>,
    /// Failed among others, passed alone.
    unsteady: Vec<String>,
    sums: Sums,
}

#[derive(Default)]
struct Sums {
    passed: u64,
    failed: u64,
    ignored: u64,
}

/// Which part of a test program's output a line is in.
#[derive(PartialEq)]
enum Section {
    /// One line a test.
    Results,
    /// What passing tests printed; the name of the one whose output this is.
    Successes(String),
    /// What failing tests printed, to be shown.
    Failures,
}

impl Report {
    pub fn new(skips: Skips) -> Report {
        Report {
            skips,
            begun: Instant::now(),
            program: String::new(),
            section: Section::Results,
            times: Vec::new(),
            skipped: BTreeMap::new(),
            failed_programs: Vec::new(),
            failed_tests: Vec::new(),
            unsteady: Vec::new(),
            sums: Sums::default(),
        }
    }

    pub fn begin(&mut self, title: &str) {
        title.clone_into(&mut self.program);
        self.section = Section::Results;
        println!("\n{title}");
    }

    pub fn failed(&mut self, title: &str) {
        self.failed_programs.push(title.to_owned());
    }

    /// The tests that have failed since this was asked last.
    pub fn take_failed(&mut self) -> Vec<String> {
        std::mem::take(&mut self.failed_tests)
    }

    /// A test that had failed has passed alone.
    pub fn unsteady(&mut self, test: &str) {
        self.sums.failed = self.sums.failed.saturating_sub(1);
        self.unsteady.push(format!("{}: {test}", self.program));
    }

    /// Runs a test program and takes in what it prints.
    pub fn listen(&mut self, command: &mut Command) -> Result<ExitStatus> {
        let mut child = command.stdout(Stdio::piped()).spawn().context("cannot run a test program")?;
        let stdout = child.stdout.take().context("a test program has no stdout")?;
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            if self.take(&line) && !line.is_empty() {
                println!("{line}");
            }
        }
        Ok(child.wait()?)
    }

    /// Takes in one line; says whether it is to be shown.
    fn take(&mut self, line: &str) -> bool {
        match line {
            "successes:" => self.section = Section::Successes(String::new()),
            "failures:" => self.section = Section::Failures,
            _ if line.starts_with("test result: ") => {
                self.section = Section::Results;
                self.sum(line);
                return false;
            }
            _ => {}
        }
        if let Section::Successes(test) = &mut self.section {
            if let Some(name) = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----"))
            {
                name.clone_into(test);
            } else if let Some(reason) = line.trim_start().strip_prefix(SKIPPED) {
                let test = format!("{}: {test}", self.program);
                self.skipped.entry(reason.trim().to_owned()).or_default().push(test);
            }
            return false;
        }
        if self.section == Section::Results {
            self.result(line);
        }
        !line.starts_with("running ")
    }

    /// `test NAME ... ok <0.123s>` or `test NAME ... ignored, REASON`
    fn result(&mut self, line: &str) {
        let Some((name, rest)) = line.strip_prefix("test ").and_then(|line| line.split_once(" ... ")) else {
            return;
        };
        let test = format!("{}: {name}", self.program);
        if let Some(reason) = rest.strip_prefix("ignored") {
            let reason = reason.trim_start_matches([',', ' ']).to_owned();
            let reason = if reason.is_empty() { "ignored without a reason".to_owned() } else { reason };
            self.skipped.entry(reason).or_default().push(test);
            return;
        }
        if rest.starts_with("FAILED") {
            self.failed_tests.push(name.to_owned());
        }
        if let Some(seconds) = rest.split_once('<').and_then(|(_, time)| time.strip_suffix("s>")) {
            let seconds: f64 = seconds.parse().unwrap_or(0.0);
            self.times.push((Duration::from_secs_f64(seconds.max(0.0)), test));
        }
    }

    /// `test result: ok. 5 passed; 0 failed; 0 ignored; …`
    fn sum(&mut self, line: &str) {
        let mut words = line.split_whitespace().peekable();
        while let Some(word) = words.next() {
            let Ok(count) = word.parse::<u64>() else { continue };
            match words.peek().map(|word| word.trim_end_matches(';')) {
                Some("passed") => self.sums.passed += count,
                Some("failed") => self.sums.failed += count,
                Some("ignored") => self.sums.ignored += count,
                _ => {}
            }
        }
    }

    pub fn is_good(&self) -> bool {
        self.failed_programs.is_empty() && self.sums.failed == 0 && self.unaccepted().next().is_none()
    }

    fn unaccepted(&self) -> impl Iterator<Item = &String> {
        self.skipped.keys().filter(|reason| !self.skips.accept(reason))
    }

    /// The slowest tests, the skips, what failed, and the closing line in the words of the test runner.
    pub fn print(&mut self) {
        self.times.sort_by(|a, b| b.cmp(a));
        println!("\nThe slowest tests:");
        for (time, test) in self.times.iter().take(SLOWEST_SHOWN) {
            println!("{:9.3} s  {test}", time.as_secs_f64());
        }
        println!("\nSkipped: {}", self.skipped.values().map(Vec::len).sum::<usize>());
        for (reason, tests) in &self.skipped {
            let accepted = if self.skips.accept(reason) { "" } else { "   NOT in tests/skips.toml" };
            println!("  {reason}{accepted}");
            tests.iter().for_each(|test| println!("      {test}"));
        }
        for test in &self.unsteady {
            println!("UNSTEADY: {test}: failed among others, passed alone; mend it");
        }
        for program in &self.failed_programs {
            println!("FAILED: {program}");
        }
        println!("\n{}", self.closing_line());
    }

    fn closing_line(&self) -> String {
        format!(
            "test result: {}. {} passed; {} failed; {} ignored; 0 measured; 0 filtered out; finished in {:.2}s",
            if self.is_good() { "ok" } else { "FAILED" },
            self.sums.passed,
            self.sums.failed,
            self.sums.ignored,
            self.begun.elapsed().as_secs_f64()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKIPS: &str = "[[skip]]\nreason = \"no python 2.7\"\nbecause = \"the peer needs it\"\n";

    const OUTPUT: &str = "\
running 4 tests
test fast ... ok <0.001s>
test slow ... ok <12.500s>
test cannot ... ok <0.002s>
test later ... ignored, needs a machine with cgroup 2

successes:

---- cannot stdout ----
SKIPPED: no python 2.7 on this machine

successes:
    cannot
    fast

test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 12.51s
";

    fn report(output: &str) -> (Report, Vec<String>) {
        let mut report = Report::new(Skips::read(SKIPS).unwrap());
        report.begin("room");
        let shown = output.lines().filter(|line| report.take(line)).map(str::to_owned).collect();
        (report, shown)
    }

    #[test]
    fn times_and_skips_are_read() {
        let (report, shown) = report(OUTPUT);
        assert_eq!(
            report.times.iter().max().unwrap(),
            &(Duration::from_secs_f64(12.5), "room: slow".to_owned())
        );
        assert_eq!(report.skipped["no python 2.7 on this machine"], ["room: cannot"]);
        assert_eq!(report.skipped["needs a machine with cgroup 2"], ["room: later"]);
        assert!(!shown.iter().any(|line| line.contains("SKIPPED")), "{shown:?}");
        assert!(shown.iter().any(|line| line.starts_with("test slow")));
    }

    #[test]
    fn skip_that_nobody_accepted_fails_the_run() {
        let (mut report, _) = report(OUTPUT);
        assert!(!report.is_good());
        assert!(report.closing_line().starts_with("test result: FAILED. 3 passed; 0 failed; 1 ignored;"));
        report.skipped.remove("needs a machine with cgroup 2");
        assert!(report.is_good());
        assert!(report.closing_line().starts_with("test result: ok. 3 passed;"));
    }

    #[test]
    fn failures_are_shown_and_fail_the_run() {
        let output = "running 1 test\ntest a ... FAILED <0.001s>\n\nfailures:\n\n---- a stdout ----\nwhat went wrong\n\n\
                      failures:\n    a\n\ntest result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured\n";
        let (report, shown) = report(output);
        assert!(shown.contains(&"what went wrong".to_owned()));
        assert!(!report.is_good());
    }

    #[test]
    fn test_that_passes_alone_is_named_and_counted_once() {
        let (mut report, _) =
            report("test a ... FAILED <0.001s>\ntest result: FAILED. 0 passed; 1 failed;\n");
        assert_eq!(report.take_failed(), ["a"]);
        assert!(!report.is_good());
        report.take("test a ... ok <0.001s>");
        report.take("test result: ok. 1 passed; 0 failed;");
        assert!(report.take_failed().is_empty());
        report.unsteady("a");
        assert!(report.is_good());
        assert_eq!(report.unsteady, ["room: a"]);
        assert!(report.closing_line().starts_with("test result: ok. 1 passed; 0 failed;"));
    }

    /// A program that dies in the middle prints no result at all.
    #[test]
    fn program_that_died_fails_the_run() {
        let (mut report, _) = report("running 1 test\n");
        assert!(report.is_good());
        report.failed("room");
        assert!(!report.is_good());
    }

    #[test]
    fn skips_without_a_cause_are_refused() {
        assert!(Skips::read("[[skip]]\nreason = \"no such tool\"\nbecause = \" \"\n").is_err());
        assert!(Skips::read("[[skip]]\nreason = \"no\"\nbecause = \"x\"\n").is_err());
        assert!(Skips::read("[[skip]]\nreason = \"no such tool\"\n").is_err());
        assert!(Skips::read("").is_ok());
    }
}

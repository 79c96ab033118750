//! What a scheduler is to do, in a form that four languages read with a split.

use std::{fs, io, path::Path};

/// A story in the making: one line, words between tabs, for each thing to do.
#[derive(Clone, Debug, Default)]
pub struct Story {
    lines: Vec<String>,
}

/// CPUs of a task; forty fit an agent of the tests.
const CPUS: &str = "0.1";

impl Story {
    /// A framework of this name.
    pub fn of(framework: &str) -> Self {
        Self::default().line(&["framework", framework])
    }

    /// The framework is an earlier one, come back.
    #[must_use]
    pub fn again(self, id: &str) -> Self {
        self.line(&["id", id])
    }

    /// Deeds are done by this executor, started by a shell.
    #[must_use]
    pub fn executor(self, name: &str, command: &str) -> Self {
        self.line(&["executor", name, command])
    }

    /// Once a deed runs, its executor is told this, and its answer awaited.
    #[must_use]
    pub fn say(self, text: &str) -> Self {
        self.line(&["say", text])
    }

    /// Launches a command, and waits for its end.
    #[must_use]
    pub fn task(self, name: &str, command: &str) -> Self {
        self.line(&["task", name, "leave", CPUS, command])
    }

    /// Launches a command, and kills it as soon as it runs.
    #[must_use]
    pub fn task_to_kill(self, name: &str, command: &str) -> Self {
        self.line(&["task", name, "kill", CPUS, command])
    }

    /// Launches a command that wants more than any offer has.
    #[must_use]
    pub fn greedy_task(self, name: &str) -> Self {
        self.line(&["task", name, "force", "1000", "true"])
    }

    /// Launches a task in the executor, which does as the word says: `finish`, `fail`, `wait`.
    #[must_use]
    pub fn deed(self, name: &str, word: &str) -> Self {
        self.line(&["deed", name, "leave", CPUS, word])
    }

    /// The same, and kills it as soon as it runs.
    #[must_use]
    pub fn deed_to_kill(self, name: &str, word: &str) -> Self {
        self.line(&["deed", name, "kill", CPUS, word])
    }

    /// Asks how a task of an earlier life is, and kills it if it runs.
    #[must_use]
    pub fn known(self, name: &str) -> Self {
        self.line(&["known", name, "kill"])
    }

    /// The scheduler stays until it is killed.
    #[must_use]
    pub fn stay(self) -> Self {
        self.line(&["stay"])
    }

    /// Writes it for the scheduler to read.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        fs::write(path, self.lines.join("\n") + "\n")
    }

    fn line(mut self, words: &[&str]) -> Self {
        self.lines.push(words.join("\t"));
        self
    }
}

//! The environment as flags, and what can be wrong with either.

use std::{collections::BTreeMap, path::PathBuf};

use clap::{Args, Command, FromArgMatches};

use super::refused::refusal;

/// Why flags have no meaning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlagError {
    /// Mesos has it and Mezzo has not.
    #[error("`{given}` is not implemented: {why}")]
    NotImplemented {
        /// The flag or variable, as given.
        given: String,
        /// What is so instead.
        why: String,
    },
    /// The file of flags cannot be had or understood.
    #[error("cannot read the flags in `{}`: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its place.
        why: String,
    },
    /// A value that the flag cannot have.
    #[error("`{flag}` cannot be that: {why}")]
    Value {
        /// The flag or variable.
        flag: String,
        /// What is wrong.
        why: String,
    },
}

impl FlagError {
    /// For a flag of the command line or its variable.
    pub fn value(name: &str, why: impl Into<String>) -> Self {
        Self::Value { flag: format!("--{name}"), why: why.into() }
    }
}

/// Values of flags that stand elsewhere than on the command line: by the flag's name, who gave it
/// (to blame) and the text.
#[derive(Default)]
pub(super) struct Given(BTreeMap<String, (String, String)>);

impl Given {
    /// Adds a value; whoever asks for the same flag a second time decides who wins.
    pub(super) fn insert(&mut self, name: String, given: String, value: String) {
        self.0.insert(name, (given, value));
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The flags that are meant.
    ///
    /// # Errors
    ///
    /// When a value has no meaning, or, with `all`, when there is no flag of a name.
    pub(super) fn read<F: Args + FromArgMatches>(mut self, source: &str, all: bool) -> Result<F, FlagError> {
        let command = F::augment_args(Command::new("flags").no_binary_name(true));
        let mut words = Vec::new();
        for argument in command.get_arguments() {
            let Some(long) = argument.get_long() else { continue };
            let aliases = argument.get_all_aliases().unwrap_or_default();
            for name in std::iter::once(long).chain(aliases) {
                if let Some((given, value)) = self.0.remove(name) {
                    check_one(&command, long, &given, &value)?;
                    words.push(format!("--{long}={value}"));
                    break;
                }
            }
        }
        if let (true, Some((given, _))) = (all, self.0.into_values().next()) {
            return Err(FlagError::Value { flag: given, why: "there is no flag of this name".to_owned() });
        }
        let parsed = command.try_get_matches_from(words).and_then(|matches| F::from_arg_matches(&matches));
        parsed.map_err(|error| FlagError::Value { flag: source.to_owned(), why: first_line(&error) })
    }
}

/// What `MEZZO_<FLAG>` and `MESOS_<FLAG>` say; `refused` is the daemon's table of what it refuses.
/// Variables of other names are nobody's business.
///
/// # Errors
///
/// When a variable names a refused flag, or its value has no meaning.
pub fn from_environment<F: Args + FromArgMatches>(
    refused: &[(&str, &str)],
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<F, FlagError> {
    let mut values = Given::default();
    for (variable, value) in variables {
        let (name, is_ours) = match (variable.strip_prefix("MEZZO_"), variable.strip_prefix("MESOS_")) {
            (Some(name), _) => (name.to_lowercase(), true),
            (_, Some(name)) => (name.to_lowercase(), false),
            (None, None) => continue,
        };
        if refused.iter().any(|(this, _)| *this == name) {
            return Err(refusal(refused, &name, &variable));
        }
        if is_ours || !values.contains(&name) {
            values.insert(name, variable, value);
        }
    }
    values.read("the environment", false)
}

/// Blames the variable and not a flag that nobody typed.
fn check_one(command: &Command, long: &str, given: &str, value: &str) -> Result<(), FlagError> {
    match command.clone().try_get_matches_from([format!("--{long}={value}")]) {
        Ok(_) => Ok(()),
        Err(error) => Err(FlagError::Value { flag: given.to_owned(), why: first_line(&error) }),
    }
}

fn first_line(error: &clap::Error) -> String {
    error.to_string().lines().next().unwrap_or("unreadable").trim_start_matches("error: ").to_owned()
}

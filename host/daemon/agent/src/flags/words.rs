//! The environment as flags, and what can be wrong with either.

use std::collections::BTreeMap;

use clap::{Args, Command, FromArgMatches};

use super::{
    RawAgentFlags,
    refused::{REFUSED, refusal},
};

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
    pub(crate) fn value(name: &str, why: impl Into<String>) -> Self {
        Self::Value { flag: format!("--{name}"), why: why.into() }
    }
}

/// What `MEZZO_<FLAG>` and `MESOS_<FLAG>` say. Variables of other names are nobody's business.
pub(crate) fn from_environment(
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<RawAgentFlags, FlagError> {
    let mut values: BTreeMap<String, (String, String)> = BTreeMap::new();
    for (variable, value) in variables {
        let (name, is_ours) = match (variable.strip_prefix("MEZZO_"), variable.strip_prefix("MESOS_")) {
            (Some(name), _) => (name.to_lowercase(), true),
            (_, Some(name)) => (name.to_lowercase(), false),
            (None, None) => continue,
        };
        if REFUSED.iter().any(|(refused, _)| *refused == name) {
            return Err(refusal(&name, &variable));
        }
        if is_ours || !values.contains_key(&name) {
            values.insert(name, (variable, value));
        }
    }
    let command = RawAgentFlags::augment_args(Command::new("environment").no_binary_name(true));
    let mut words = Vec::new();
    for argument in command.get_arguments() {
        let Some(long) = argument.get_long() else { continue };
        let aliases = argument.get_all_aliases().unwrap_or_default();
        for name in std::iter::once(long).chain(aliases) {
            if let Some((variable, value)) = values.get(name) {
                check_one(&command, long, variable, value)?;
                words.push(format!("--{long}={value}"));
                break;
            }
        }
    }
    let parsed =
        command.try_get_matches_from(words).and_then(|matches| RawAgentFlags::from_arg_matches(&matches));
    parsed.map_err(|error| FlagError::Value { flag: "the environment".to_owned(), why: first_line(&error) })
}

/// Blames the variable and not a flag that nobody typed.
fn check_one(command: &Command, long: &str, variable: &str, value: &str) -> Result<(), FlagError> {
    match command.clone().try_get_matches_from([format!("--{long}={value}")]) {
        Ok(_) => Ok(()),
        Err(error) => Err(FlagError::Value { flag: variable.to_owned(), why: first_line(&error) }),
    }
}

fn first_line(error: &clap::Error) -> String {
    error.to_string().lines().next().unwrap_or("unreadable").trim_start_matches("error: ").to_owned()
}

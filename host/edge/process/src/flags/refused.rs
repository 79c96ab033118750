//! Flags that Mesos has and Mezzo has not: accepted by the parser so that each can be refused by name.

use std::{fmt, marker::PhantomData};

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::FlagError;

/// A daemon's table of what it refuses.
pub trait Refusals: 'static {
    /// Every flag of Mesos's that is not implemented, and a sentence about it.
    const TABLE: &'static [(&'static str, &'static str)];

    /// Every spelling of them, kept for ever: `LazyLock` of [`Spelling::all`].
    fn spellings() -> &'static [Spelling];
}

/// How one flag of a table is spelt.
#[derive(Debug)]
pub struct Spelling {
    name: &'static str,
    id: String,
    long: String,
    dashes: String,
}

impl Spelling {
    /// Every spelling of every flag of a table; `clap` wants names that live for ever.
    pub fn all(table: &[(&'static str, &'static str)]) -> Vec<Self> {
        let both = table.iter().flat_map(|(name, _)| [(*name, ""), (*name, "no-")]);
        both.map(|(name, prefix)| {
            let long = format!("{prefix}{name}");
            Self { name, id: format!("refused-{long}"), dashes: long.replace('_', "-"), long }
        })
        .collect()
    }
}

/// Which of a daemon's refused flags were given. Hidden from the help.
pub struct RefusedFlags<T>(Vec<&'static str>, PhantomData<T>);

impl<T> Clone for RefusedFlags<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<T> Default for RefusedFlags<T> {
    fn default() -> Self {
        Self(Vec::new(), PhantomData)
    }
}

impl<T> fmt::Debug for RefusedFlags<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RefusedFlags").field(&self.0).finish()
    }
}

impl<T: Refusals> RefusedFlags<T> {
    /// # Errors
    ///
    /// Names the first that was given.
    pub fn check(&self, prefix: &str) -> Result<(), FlagError> {
        match self.0.first() {
            None => Ok(()),
            Some(name) => Err(refusal(T::TABLE, name, &format!("{prefix}{name}"))),
        }
    }
}

/// The error for a flag of the table.
pub(crate) fn refusal(table: &[(&str, &str)], name: &str, given: &str) -> FlagError {
    let why =
        table.iter().find(|(this, _)| *this == name).map_or("it is not implemented yet", |(_, why)| why);
    FlagError::NotImplemented { given: given.to_owned(), why: why.to_owned() }
}

impl<T: Refusals> clap::Args for RefusedFlags<T> {
    fn augment_args(command: Command) -> Command {
        T::spellings().iter().fold(command, |command, Spelling { id, long, dashes, .. }| {
            let arg = Arg::new(id.as_str())
                .long(long.as_str())
                .hide(true)
                .num_args(0..=1)
                .action(ArgAction::Append);
            command.arg(if dashes == long { arg } else { arg.alias(dashes.as_str()) })
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<T: Refusals> clap::FromArgMatches for RefusedFlags<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = T::spellings().iter().filter(|spelling| {
            matches.try_contains_id(&spelling.id).unwrap_or(false)
                && matches.value_source(&spelling.id) == Some(clap::parser::ValueSource::CommandLine)
        });
        Ok(Self(given.map(|spelling| spelling.name).collect(), PhantomData))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

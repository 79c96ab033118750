//! A file of flags: TOML, one key for each flag.

use std::{fs, path::Path};

use clap::{Args, FromArgMatches};

use super::{FlagError, refused::refusal, words::Given};

/// Reads the flags of a file: `work_dir = "/var/lib/mezzo/agent"`, `port = 5051`, `quiet = true`. `-` may
/// stand for `_`. What is text in JSON on the command line may be written as a table or an array.
///
/// # Errors
///
/// When the file cannot be read or is not TOML, names a refused flag or one that nobody knows, or a
/// value has no meaning.
pub fn from_file<F: Args + FromArgMatches>(refused: &[(&str, &str)], path: &Path) -> Result<F, FlagError> {
    let wrong = |why: String| FlagError::File { path: path.to_owned(), why };
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| wrong(error.to_string()))?;
    let mut values = Given::default();
    for (key, value) in table {
        let name = key.replace('-', "_").to_lowercase();
        let given = format!("{key} in {}", path.display());
        if refused.iter().any(|(this, _)| *this == name) {
            return Err(refusal(refused, &name, &given));
        }
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Array(_) | toml::Value::Table(_) => {
                serde_json::to_string(&value).map_err(|error| wrong(error.to_string()))?
            }
            plain => plain.to_string(),
        };
        values.insert(name, given, value);
    }
    values.read(&path.display().to_string(), true)
}

//! Ids that people choose: they become names of directories.

/// The longest file name.
const LENGTH_MAX: usize = 255;

/// Checks an id that a scheduler chose.
///
/// # Errors
/// In Mesos's words.
pub(crate) fn check_id(id: &str) -> Result<(), String> {
    if id.is_empty() {
        return Err("ID must not be empty".to_owned());
    }
    if id.len() > LENGTH_MAX {
        return Err(format!("ID must not be greater than {LENGTH_MAX} characters"));
    }
    if id == "." || id == ".." {
        return Err(format!("'{id}' is disallowed"));
    }
    if id.chars().any(|char| char.is_ascii_control() || char == '/' || char == '\\') {
        return Err(format!("'{id}' contains invalid characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_directory_are_refused_in_mesoss_words() {
        assert_eq!(check_id("").unwrap_err(), "ID must not be empty");
        assert_eq!(check_id(&"x".repeat(256)).unwrap_err(), "ID must not be greater than 255 characters");
        assert_eq!(check_id("..").unwrap_err(), "'..' is disallowed");
        assert_eq!(check_id("a/b").unwrap_err(), "'a/b' contains invalid characters");
        assert_eq!(check_id("a\\b").unwrap_err(), "'a\\b' contains invalid characters");
        assert!(check_id("a\tb").is_err());
    }

    #[test]
    fn spaces_and_other_scripts_are_fine() {
        for id in ["my task", "задача", "a.b", "...", &"x".repeat(255)] {
            assert_eq!(check_id(id), Ok(()), "{id}");
        }
    }
}

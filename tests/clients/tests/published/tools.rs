//! What is installed once for all tests.

use std::{path::Path, sync::OnceLock};

use clients_tests::install::{self, Missing, go::Go, java::Java, javascript::JavaScript, python::Python};

/// What can be had of a language.
type Installed<T> = OnceLock<Result<T, Missing>>;

/// Python and its packages; `None` was said aloud.
pub fn python() -> Option<&'static Python> {
    static PYTHON: Installed<Python> = OnceLock::new();
    there(PYTHON.get_or_init(|| install::python::install().unwrap()))
}

/// The programs in Go.
pub fn go() -> Option<&'static Go> {
    static GO: Installed<Go> = OnceLock::new();
    there(GO.get_or_init(|| install::go::install().unwrap()))
}

/// Java's classes.
pub fn java() -> Option<&'static Java> {
    static JAVA: Installed<Java> = OnceLock::new();
    there(JAVA.get_or_init(|| install::java::install().unwrap()))
}

/// JavaScript's modules.
pub fn javascript() -> Option<&'static JavaScript> {
    static JAVASCRIPT: Installed<JavaScript> = OnceLock::new();
    there(JAVASCRIPT.get_or_init(|| install::javascript::install().unwrap()))
}

fn there<T>(installed: &'static Result<T, Missing>) -> Option<&'static T> {
    // Each container has a `/tmp` of its own.
    if Path::new(env!("CARGO_MANIFEST_DIR")).starts_with("/tmp") {
        println!("SKIPPED: programs below /tmp are not seen in containers");
        return None;
    }
    match installed {
        Ok(installed) => Some(installed),
        Err(Missing(program)) => {
            println!("SKIPPED: {program} is not there");
            None
        }
    }
}

//! Durations as Mesos writes them: a number and a unit, `15secs`, `1.5hrs`.

use std::time::Duration;

pub use mezzo_model::time::duration_text;

/// Nanoseconds of each unit, the largest first.
const UNITS: [(&str, f64); 8] = [
    ("weeks", 604_800e9),
    ("days", 86_400e9),
    ("hrs", 3_600e9),
    ("mins", 60e9),
    ("secs", 1e9),
    ("ms", 1e6),
    ("us", 1e3),
    ("ns", 1.0),
];

/// Reads a duration; fractions are allowed, negative ones are not.
///
/// # Errors
///
/// With a sentence that quotes the text.
pub fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let Some((_, nanoseconds)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        let names: Vec<&str> = UNITS.iter().rev().map(|(name, _)| *name).collect();
        return Err(format!("`{text}` is not a duration: a number and one of {}", names.join(", ")));
    };
    let number: f64 = number.trim().parse().map_err(|_| format!("`{text}` does not begin with a number"))?;
    let total = number * nanoseconds;
    // Mesos keeps nanoseconds in 64 bits with a sign.
    if !(0.0..9.2e18).contains(&total) {
        return Err(format!("`{text}` is out of range"));
    }
    Ok(Duration::from_nanos(total.round() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read() {
        for (text, seconds) in [
            ("15secs", 15.0),
            ("1mins", 60.0),
            ("1.5hrs", 5400.0),
            ("2weeks", 1_209_600.0),
            ("10ms", 0.01),
            ("0ns", 0.0),
        ] {
            assert_eq!(duration(text).map(|duration| duration.as_secs_f64()), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "15", "15 parsecs", "secs", "-1secs", "1e30weeks", "NaNsecs"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for text in ["15secs", "10mins", "2weeks", "1500ms", "1days", "0secs"] {
            assert_eq!(duration_text(duration(text).expect("a duration")), text);
        }
    }
}

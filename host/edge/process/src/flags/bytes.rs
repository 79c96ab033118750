//! Amounts of bytes as Mesos writes them: a whole number and a unit, `64MB`, in steps of 1024.

/// Bytes of each unit, the largest first.
const UNITS: [(&str, usize); 5] =
    [("TB", 1 << 40), ("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10), ("B", 1)];

/// Reads an amount of bytes.
///
/// # Errors
///
/// With a sentence that quotes the text.
pub fn bytes(text: &str) -> Result<usize, String> {
    let text = text.trim();
    let at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let Some((_, size)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(format!(
            "`{text}` is not an amount of bytes: a whole number and one of B, KB, MB, GB, TB"
        ));
    };
    let number: usize =
        number.trim().parse().map_err(|_| format!("`{text}` does not begin with a whole number"))?;
    number.checked_mul(*size).ok_or_else(|| format!("`{text}` is out of range"))
}

/// Writes an amount in the largest unit that keeps it whole.
pub fn bytes_text(bytes: usize) -> String {
    let (name, size) =
        UNITS.iter().find(|(_, size)| bytes > 0 && bytes.is_multiple_of(*size)).unwrap_or(&("B", 1));
    format!("{}{name}", bytes / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for text in ["0B", "1B", "1500B", "10KB", "64MB", "2GB", "1TB"] {
            assert_eq!(bytes_text(bytes(text).expect("an amount")), text);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "64", "64 parsecs", "MB", "-1MB", "1.5GB", "99999999TB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}

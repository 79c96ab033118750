//! Paths and queries, unescaped.

/// The pairs of a query string, or of a form: the last of a name counts.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Takes `name=value&name=value` apart.
    pub(crate) fn parse(text: Option<&str>) -> Self {
        let pairs = text.unwrap_or("").split(['&', ';']).filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (unescaped(name, true), unescaped(value, true))
                })
                .collect(),
        )
    }

    /// A name that is none of these, if there is one.
    pub(crate) fn beside(&self, known: &[&str]) -> Option<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).find(|name| !known.contains(name))
    }

    /// The value of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(this, _)| this == name).map(|(_, value)| value.as_str())
    }
}

/// Replaces `%41` by what it stands for, and `+` by a space where that is the custom. What is
/// not an escape stays as it is, and what is not UTF-8 is replaced.
pub(crate) fn unescaped(text: &str, plus_is_space: bool) -> String {
    if !text.contains(['%', '+']) {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let byte = match (first, tail) {
            (b'+', _) if plus_is_space => b' ',
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            (other, _) => *other,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_unescaped_and_the_last_counts() {
        let query = Query::parse(Some("path=%2Fa+b%2F%C3%A9&offset=-1&offset=5&flag"));
        assert_eq!(query.get("path"), Some("/a b/é"));
        assert_eq!(query.get("offset"), Some("5"));
        assert_eq!(query.get("flag"), Some(""));
        assert_eq!(query.get("nosuch"), None);
        assert_eq!(Query::parse(None).get("x"), None);
    }

    #[test]
    fn broken_escapes_stay() {
        assert_eq!(unescaped("100%", true), "100%");
        assert_eq!(unescaped("%zz%4", true), "%zz%4");
        assert_eq!(unescaped("%ff", true), "\u{fffd}");
        assert_eq!(unescaped("a+b", false), "a+b");
    }
}
